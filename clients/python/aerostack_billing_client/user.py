"""What a signed-in user may do, with the user's own token: plan, usage, wallet, earnings."""

from __future__ import annotations

from collections.abc import Iterator

from aerostack_billing_client import notification_calls as notices
from aerostack_billing_client import user_calls as calls
from aerostack_billing_client.client import Everyone, now
from aerostack_billing_client.wallet_answers import Transaction


class UserClient(Everyone):
    """Calls in the name of the account that the token names."""

    # Plan
    account = now(calls.account)
    checkout = now(calls.checkout)
    verify_session = now(calls.verify_session)
    cancel = now(calls.cancel)
    resume = now(calls.resume)
    portal = now(calls.portal)
    preview = now(calls.preview)
    invoices_page = now(calls.invoices_page)
    payment_method = now(calls.payment_method)

    # Usage
    usage = now(calls.usage)
    forecast = now(calls.forecast)
    resources = now(calls.resources)

    # Wallet
    balance = now(calls.balance)
    deposit = now(calls.deposit)
    transactions_page = now(calls.transactions_page)
    set_auto_reload = now(calls.set_auto_reload)
    set_spend_cap = now(calls.set_spend_cap)
    statement_page = now(calls.statement_page)
    spend = now(calls.spend)
    budgets_page = now(calls.budgets_page)
    budget = now(calls.budget)
    set_budget = now(calls.set_budget)
    delete_budget = now(calls.delete_budget)

    # Notifications
    notifications = now(notices.notifications)
    set_notifications = now(notices.set_notifications)
    rotate_webhook_secret = now(notices.rotate_webhook_secret)
    test_notifications = now(notices.test_notifications)
    deliveries_page = now(notices.deliveries_page)
    resend_delivery = now(notices.resend_delivery)

    # Creators
    onboard_creator = now(calls.onboard_creator)
    tools = now(calls.tools)
    publish_tool = now(calls.publish_tool)
    delete_tool = now(calls.delete_tool)
    tool = now(calls.tool)
    creator = now(calls.creator)

    def transactions(
        self,
        type: calls.TransactionType | None = None,  # noqa: A002 - the API's own word
        *,
        page_size: int = 100,
    ) -> Iterator[Transaction]:
        """Every line of the statement, newest first; pages are fetched as they are needed."""
        cursor: str | None = None
        while True:
            page = self.transactions_page(type, limit=page_size, cursor=cursor)
            yield from page.transactions
            if page.next_cursor is None:
                return
            cursor = page.next_cursor
