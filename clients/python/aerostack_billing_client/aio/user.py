"""What a signed-in user may do, awaited, with the user's own token: plan, usage, wallet, earnings."""

from __future__ import annotations

from collections.abc import AsyncIterator

from aerostack_billing_client import notification_calls as notices
from aerostack_billing_client import user_calls as calls
from aerostack_billing_client.aio.client import AsyncEveryone, later
from aerostack_billing_client.wallet_answers import Transaction


class AsyncUserClient(AsyncEveryone):
    """As `UserClient`, awaited."""

    # Plan
    account = later(calls.account)
    checkout = later(calls.checkout)
    verify_session = later(calls.verify_session)
    cancel = later(calls.cancel)
    resume = later(calls.resume)
    portal = later(calls.portal)
    preview = later(calls.preview)
    invoices_page = later(calls.invoices_page)
    payment_method = later(calls.payment_method)

    # Usage
    usage = later(calls.usage)
    forecast = later(calls.forecast)
    resources = later(calls.resources)

    # Wallet
    balance = later(calls.balance)
    deposit = later(calls.deposit)
    transactions_page = later(calls.transactions_page)
    set_auto_reload = later(calls.set_auto_reload)
    set_spend_cap = later(calls.set_spend_cap)
    statement_page = later(calls.statement_page)
    spend = later(calls.spend)
    budgets_page = later(calls.budgets_page)
    budget = later(calls.budget)
    set_budget = later(calls.set_budget)
    delete_budget = later(calls.delete_budget)

    # Notifications
    notifications = later(notices.notifications)
    set_notifications = later(notices.set_notifications)
    rotate_webhook_secret = later(notices.rotate_webhook_secret)
    test_notifications = later(notices.test_notifications)
    deliveries_page = later(notices.deliveries_page)
    resend_delivery = later(notices.resend_delivery)

    # Creators
    onboard_creator = later(calls.onboard_creator)
    tools = later(calls.tools)
    publish_tool = later(calls.publish_tool)
    delete_tool = later(calls.delete_tool)
    tool = later(calls.tool)
    creator = later(calls.creator)

    async def transactions(
        self,
        type: calls.TransactionType | None = None,  # noqa: A002 - the API's own word
        *,
        page_size: int = 100,
    ) -> AsyncIterator[Transaction]:
        """Every line of the statement, newest first; pages are fetched as they are needed."""
        cursor: str | None = None
        while True:
            page = await self.transactions_page(type, limit=page_size, cursor=cursor)
            for line in page.transactions:
                yield line
            if page.next_cursor is None:
                return
            cursor = page.next_cursor
