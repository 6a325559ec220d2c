"""The only door to Stripe: this project's verbs, typed answers, one idempotency key for everything that is created.

All methods raise PaymentsUnavailable (Stripe did not answer, the outcome is unknown) and PaymentsFailed (it failed or
refused).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aerostack_billing.payments.client import translated
from aerostack_billing.payments.models import CheckoutSession, ScheduledPhase, Subscription
from aerostack_billing.payments.wire import WireCustomer, WireSchedule, WireSession, WireSubscription
from aerostack_billing.plans.models import Interval, Tier
from aerostack_billing.values.errors import AlreadyDone, ObjectMissing, PaymentsRefused

if TYPE_CHECKING:
    import stripe
    from stripe.params.billing_portal import SessionCreateParams as PortalParams

_CLOCKS_APART_SECONDS = 60


@dataclass(frozen=True)
class PageLinks:
    """Where a page of Stripe's leads afterwards."""

    success_url: str
    cancel_url: str


class Payments:
    """Customers, subscriptions, Checkout and the portal."""

    def __init__(self, connect: Callable[[], stripe.StripeClient], portal_configuration: str | None) -> None:
        self._connect = connect
        self._portal_configuration = portal_configuration
        self._prices: dict[str, str] = {}

    # Customers

    def create_customer(self, account_id: str, key: str) -> str:
        """Create the account's customer, once for `key`; its id."""
        with translated():
            customer = self._connect().v1.customers.create(
                {"metadata": {"account_id": account_id}}, {"idempotency_key": key}
            )
        return customer.id

    def find_customer(self, account_id: str, since: int) -> str | None:
        """The oldest customer created for the account since then. Stripe's search may lag a minute behind.

        The search ignores case: only a customer whose metadata names the account exactly is the account's.
        """
        with translated():
            found = self._connect().v1.customers.search(
                {"query": f"metadata['account_id']:'{account_id}'", "limit": 100}
            )
            customers = [WireCustomer.model_validate(each.to_dict()) for each in found.auto_paging_iter()]
        exact = [
            (customer.created, customer.id)
            for customer in customers
            if customer.metadata.get("account_id") == account_id and customer.created >= since - _CLOCKS_APART_SECONDS
        ]
        return min(exact)[1] if exact else None

    def has_customer(self, customer_id: str) -> bool:
        """Whether Stripe has the customer, and it was not deleted."""
        return self._customer(customer_id) is not None

    def account_named_by(self, customer_id: str) -> str | None:
        """The account that the customer's metadata name; None if they name none, or there is no such customer."""
        customer = self._customer(customer_id)
        return customer.metadata.get("account_id") if customer else None

    def _customer(self, customer_id: str) -> WireCustomer | None:
        """The customer as Stripe has it; None where it has none, or none any more."""
        try:
            with translated():
                found = self._connect().v1.customers.retrieve(customer_id).to_dict()
        except ObjectMissing:
            return None
        return None if found.get("deleted") else WireCustomer.model_validate(found)

    # Subscriptions

    def subscriptions(self, customer_id: str) -> list[Subscription]:
        """The customer's subscriptions that are not over, newest first, as Stripe has them now.

        UnknownPrice for one that is to no plan of ours.
        """
        with translated():
            found = self._connect().v1.subscriptions.list(
                {"customer": customer_id, "status": "all", "limit": 100, "expand": ["data.latest_invoice.payments"]}
            )
            listed = [WireSubscription.model_validate(each.to_dict()) for each in found.auto_paging_iter()]
        return [subscription.read() for subscription in listed if not subscription.is_over]

    def next_phase(self, schedule_id: str, now: int) -> ScheduledPhase | None:
        """What the subscription's schedule turns it into next."""
        with translated():
            schedule = self._connect().v1.subscription_schedules.retrieve(
                schedule_id, {"expand": ["phases.items.price"]}
            )
        return WireSchedule.model_validate(schedule.to_dict()).next_phase(now)

    def end_with_period(self, subscription_id: str) -> None:
        """Let the subscription end with its period. Safe to repeat."""
        with translated():
            self._connect().v1.subscriptions.update(subscription_id, {"cancel_at_period_end": True})

    def go_on(self, subscription: Subscription) -> None:
        """Take a pending end back, by the flag or by the date that set it. Safe to repeat."""
        with translated():
            if subscription.cancel_at_period_end:
                self._connect().v1.subscriptions.update(subscription.subscription_id, {"cancel_at_period_end": False})
            else:
                self._connect().v1.subscriptions.update(subscription.subscription_id, {"cancel_at": ""})

    def needs_action(self, payment_intent_id: str) -> bool:
        """Whether the payment waits for its payer to confirm it with the bank (3-D Secure)."""
        with translated():
            return self._connect().v1.payment_intents.retrieve(payment_intent_id).status == "requires_action"

    def release_schedule(self, schedule_id: str) -> None:
        """Take a scheduled change back; the subscription goes on as it is. Safe to repeat, also at the same moment."""
        if not self._is_under_way(schedule_id):
            return
        try:
            with translated():
                self._connect().v1.subscription_schedules.release(schedule_id)
        except PaymentsRefused:
            if self._is_under_way(schedule_id):
                raise

    def _is_under_way(self, schedule_id: str) -> bool:
        with translated():
            schedule = self._connect().v1.subscription_schedules.retrieve(schedule_id)
        return schedule.status in {"active", "not_started"}

    def cancel_now(self, subscription_id: str) -> None:
        """End the subscription at once, with no proration. Safe to repeat: Stripe has none any more once it ended."""
        try:
            with translated():
                self._connect().v1.subscriptions.cancel(subscription_id, {"invoice_now": False, "prorate": False})
        except ObjectMissing:
            return

    def refund(self, payment_intent_id: str, key: str) -> None:
        """Refund the whole payment, once; one refunded before is done."""
        try:
            with translated():
                self._connect().v1.refunds.create({"payment_intent": payment_intent_id}, {"idempotency_key": key})
        except AlreadyDone:
            return

    # Pages

    def subscription_checkout(
        self, account_id: str, customer_id: str, plan: tuple[Tier, Interval], links: PageLinks, key: str
    ) -> str:
        """A Checkout page that sells a plan; its URL. One page for `key`."""
        with translated():
            session = self._connect().v1.checkout.sessions.create(
                {
                    "mode": "subscription",
                    "customer": customer_id,
                    "client_reference_id": account_id,
                    "line_items": [{"price": self._price(plan), "quantity": 1}],
                    "success_url": links.success_url,
                    "cancel_url": links.cancel_url,
                    "metadata": {"account_id": account_id, "kind": "plan"},
                    "subscription_data": {"metadata": {"account_id": account_id}},
                },
                {"idempotency_key": key},
            )
        return session.url or ""

    def session(self, session_id: str) -> CheckoutSession | None:
        """A Checkout session as it is now; None if there is none."""
        try:
            with translated():
                session = self._connect().v1.checkout.sessions.retrieve(session_id)
        except ObjectMissing:
            return None
        return WireSession.model_validate(session.to_dict()).read()

    def portal(self, customer_id: str, return_url: str) -> str:
        """The customer's portal; its URL."""
        with translated():
            session = self._connect().v1.billing_portal.sessions.create(
                self._configured({"customer": customer_id, "return_url": return_url})
            )
        return session.url

    def confirm_change(
        self, subscription: Subscription, plan: tuple[Tier, Interval], links: PageLinks, key: str
    ) -> str:
        """The portal's page that confirms the change of a subscription to another plan; its URL."""
        with translated():
            session = self._connect().v1.billing_portal.sessions.create(
                self._configured(
                    {
                        "customer": subscription.customer_id,
                        "return_url": links.cancel_url,
                        "flow_data": {
                            "type": "subscription_update_confirm",
                            "subscription_update_confirm": {
                                "subscription": subscription.subscription_id,
                                "items": [{"id": subscription.item_id, "price": self._price(plan), "quantity": 1}],
                            },
                            "after_completion": {"type": "redirect", "redirect": {"return_url": links.success_url}},
                        },
                    }
                ),
                {"idempotency_key": key},
            )
        return session.url

    def _configured(self, params: PortalParams) -> PortalParams:
        if self._portal_configuration:
            params["configuration"] = self._portal_configuration
        return params

    def _price(self, plan: tuple[Tier, Interval]) -> str:
        lookup_key = "_".join(plan)
        if lookup_key not in self._prices:
            found = self._connect().v1.prices.list({"lookup_keys": [lookup_key], "active": True, "limit": 1})
            if not found.data:
                raise ObjectMissing("The payment provider has no price for this plan.", {"lookup_key": lookup_key})
            self._prices[lookup_key] = found.data[0].id
        return self._prices[lookup_key]
