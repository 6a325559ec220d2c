"""The only door to Stripe: this project's verbs, typed answers, one idempotency key for everything that is created.

All methods raise PaymentsUnavailable (Stripe did not answer, the outcome is unknown) and PaymentsFailed (it failed or
refused).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from aerostack_billing.payments.client import translated
from aerostack_billing.payments.models import (
    CheckoutSession,
    Invoice,
    PlanSubscription,
    ScheduledPhase,
    Subscription,
    Subscriptions,
)
from aerostack_billing.payments.prices import Prices
from aerostack_billing.payments.wire import (
    TRIAL_DAYS,
    Unreadable,
    WireCustomer,
    WireEnd,
    WireInvoice,
    WireSchedule,
    WireSchedulePhases,
    WireScheduleState,
    WireSession,
    WireSubscription,
    read,
)
from aerostack_billing.plans.models import Interval, Tier
from aerostack_billing.values.errors import ObjectMissing, PaymentsRefused

if TYPE_CHECKING:
    import stripe
    from stripe.params import SubscriptionScheduleUpdateParamsPhase as Phase
    from stripe.params.billing_portal import SessionCreateParams as PortalParams
    from stripe.params.checkout import SessionCreateParams as SessionParams
    from stripe.params.checkout import SessionCreateParamsCustomerUpdate as CustomerUpdate
    from stripe.params.checkout import SessionCreateParamsSubscriptionData as SubscriptionData

_CLOCKS_APART_SECONDS = 60


@dataclass(frozen=True)
class PageLinks:
    """Where a page of Stripe's leads afterwards."""

    success_url: str
    cancel_url: str


@dataclass(frozen=True)
class PageTerms:
    """What Checkout pages take besides the payment.

    Promotion codes are for plans alone: a code that is meant for one must not be used up by a deposit.
    """

    promotion_codes: bool = False
    tax_ids: bool = False
    automatic_tax: bool = False
    trial_days: int = 0

    def of_plan(self, account_id: str, *, first: bool) -> SessionParams:
        """The parameters of a page that sells a plan: the `first` one of an account begins with the trial, if any."""
        data: SubscriptionData = {"metadata": {"account_id": account_id}}
        if first and self.trial_days:
            data["metadata"] = {"account_id": account_id, TRIAL_DAYS: str(self.trial_days)}
            data["trial_period_days"] = self.trial_days
        params: SessionParams = {**self.of_any(), "subscription_data": data}
        return {**params, "allow_promotion_codes": True} if self.promotion_codes else params

    def of_any(self) -> SessionParams:
        """The parameters of every page.

        Stripe asks for a tax id where it may keep the business's name with the customer, and computes tax where it may
        keep the address.
        """
        params: SessionParams = {}
        kept: CustomerUpdate = {}
        if self.tax_ids:
            params["tax_id_collection"] = {"enabled": True}
            kept["name"] = "auto"
        if self.automatic_tax:
            params["automatic_tax"] = {"enabled": True}
            kept["address"] = "auto"
        return {**params, "customer_update": kept} if kept else params


NO_TERMS = PageTerms()


class Payments:
    """Customers, subscriptions, Checkout and the portal."""

    def __init__(
        self,
        connect: Callable[[], stripe.StripeClient],
        portal_configuration: str | None,
        home: str | None = None,
        terms: PageTerms = NO_TERMS,
    ) -> None:
        self._terms = terms
        self._connect = connect
        self._portal_configuration = portal_configuration
        self._home_configuration = home or portal_configuration
        self._prices = Prices(connect)

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
            customers = [read(WireCustomer, each.to_dict()) for each in found.auto_paging_iter()]
        exact = [
            (customer.created, customer.id)
            for customer in customers
            if customer.metadata.get("account_id") == account_id and customer.created >= since - _CLOCKS_APART_SECONDS
        ]
        return min(exact)[1] if exact else None

    def has_customer(self, customer_id: str) -> bool:
        """Whether Stripe has the customer, and it was not deleted."""
        return self._customer(customer_id) is not None

    def currency_of(self, customer_id: str) -> str | None:
        """The currency that the customer's invoices are in; None before the first, or where there is no customer."""
        customer = self._customer(customer_id)
        return customer.currency if customer else None

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
        return None if found.get("deleted") else read(WireCustomer, found)

    # Subscriptions

    def subscriptions(self, customer_id: str) -> Subscriptions:
        """The customer's subscriptions that are not over, as Stripe has them now. One that is odd spoils no other."""
        known: list[Subscription] = []
        unreadable: list[str] = []
        tried: list[str] = []
        had_plan = False
        with translated():
            found = self._connect().v1.subscriptions.list(
                {"customer": customer_id, "status": "all", "limit": 100, "expand": ["data.latest_invoice.payments"]}
            )
            listed = [(each.id, each.to_dict()) for each in found.auto_paging_iter()]
        for subscription_id, raw in listed:
            try:
                subscription = read(WireSubscription, raw)
                tried += [subscription_id] if subscription.sold_with_trial else []
                had_plan |= subscription.began_plan
                if not subscription.is_over:
                    known.append(subscription.read())
            except Unreadable:
                unreadable.append(subscription_id)
        return Subscriptions(tuple(known), tuple(unreadable), tuple(tried), had_plan or bool(unreadable))

    def sold_by_checkout(self, account_id: str, subscription_id: str) -> bool:
        """Whether our own Checkout page sold the subscription to the account, and not a person at Stripe.

        The page's own record says so: no metadata that anyone may edit.
        """
        with translated():
            found = self._connect().v1.checkout.sessions.list({"subscription": subscription_id, "limit": 1})
        return any(session.client_reference_id == account_id for session in found.data)

    def open_invoices(self, customer_id: str) -> list[tuple[str | None, Invoice]]:
        """The customer's open invoices, oldest first, each with the subscription it is for."""
        with translated():
            found = self._connect().v1.invoices.list(
                {"customer": customer_id, "status": "open", "limit": 100, "expand": ["data.payments"]}
            )
            listed = [read(WireInvoice, each.to_dict()) for each in found.auto_paging_iter()]
        return [(invoice.subscription_id, invoice.read()) for invoice in reversed(listed)]

    def next_phase(self, schedule_id: str, now: int) -> ScheduledPhase | None:
        """The plan that the subscription's schedule turns it into next; None if it is none, or unknown."""
        try:
            with translated():
                schedule = self._connect().v1.subscription_schedules.retrieve(
                    schedule_id, {"expand": ["phases.items.price"]}
                )
            return read(WireSchedule, schedule.to_dict()).next_phase(now)
        except (ObjectMissing, Unreadable):
            return None

    def end_with_period(self, subscription: Subscription) -> None:
        """Let the subscription end with its period. Safe to repeat.

        A change that was to come then is dropped first: while a schedule manages it, Stripe refuses to set its end.
        """
        if subscription.schedule_id is not None:
            self.release_schedule(subscription.schedule_id)
        with translated():
            self._connect().v1.subscriptions.update(subscription.subscription_id, {"cancel_at_period_end": True})

    def go_on(self, subscription_id: str) -> None:
        """Take a pending end back, by the flag or by the date that set it. Safe to repeat.

        As the subscription is now: releasing a schedule may have taken the end away with it.
        """
        with translated():
            now = read(WireEnd, self._connect().v1.subscriptions.retrieve(subscription_id).to_dict())
            if now.cancel_at_period_end:
                self._connect().v1.subscriptions.update(subscription_id, {"cancel_at_period_end": False})
            elif now.cancel_at is not None:
                self._connect().v1.subscriptions.update(subscription_id, {"cancel_at": ""})

    def needs_action(self, payment_intent_id: str) -> bool:
        """Whether the payment waits for its payer to confirm it with the bank (3-D Secure)."""
        with translated():
            found = self._connect().v1.payment_intents.retrieve(payment_intent_id)
        return found.status == "requires_action"

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
        return read(WireScheduleState, schedule.to_dict()).is_under_way

    # Pages

    def subscription_checkout(
        self,
        account_id: str,
        customer_id: str,
        plan: tuple[Tier, Interval],
        links: PageLinks,
        key: str,
        *,
        first: bool = False,
    ) -> str:
        """A Checkout page that sells a plan, with a trial if it is the account's `first`; its URL. One for `key`."""
        # Stripe refuses a key with other parameters: between two attempts an account may have had its trial.
        own_key = f"{key}-trial" if first and self._terms.trial_days else key

        def opened(price: str) -> str:
            with translated():
                session = self._connect().v1.checkout.sessions.create(
                    {
                        "mode": "subscription",
                        "customer": customer_id,
                        "client_reference_id": account_id,
                        "line_items": [{"price": price, "quantity": 1}],
                        "success_url": links.success_url,
                        "cancel_url": links.cancel_url,
                        "metadata": {"account_id": account_id, "kind": "plan"},
                        **self._terms.of_plan(account_id, first=first),
                    },
                    {"idempotency_key": own_key},
                )
            return session.url or ""

        return self._prices.using(plan, opened)

    def session(self, session_id: str) -> CheckoutSession | None:
        """A Checkout session as it is now; None if there is none."""
        try:
            with translated():
                session = self._connect().v1.checkout.sessions.retrieve(session_id)
        except ObjectMissing:
            return None
        return read(WireSession, session.to_dict()).read()

    def portal(self, customer_id: str, return_url: str) -> str:
        """The customer's portal; its URL."""
        with translated():
            session = self._connect().v1.billing_portal.sessions.create(
                _configured({"customer": customer_id, "return_url": return_url}, self._home_configuration)
            )
        return session.url

    def change_with_period(self, subscription: PlanSubscription, plan: tuple[Tier, Interval]) -> None:
        """Let a subscription that has no schedule take a plan when its period ends.

        Without a key of ours: Stripe makes one schedule for a subscription, and under a key an answer from before the
        schedule was released would be given again. Broken off between the two calls it leaves a schedule that changes
        nothing, and that the next wish releases.
        """

        def scheduled(price: str) -> None:
            with translated():
                made = self._connect().v1.subscription_schedules.create(
                    {"from_subscription": subscription.subscription_id}
                )
                present = read(WireSchedulePhases, made.to_dict()).phases[0]
                phase: Phase = {
                    "items": [{"price": item.price, "quantity": item.quantity} for item in present.items],
                    "start_date": present.start_date,
                    "end_date": subscription.period_end,
                    "proration_behavior": "none",
                }
                if subscription.status == "trialing":
                    # A phase that names no end of a trial ends it at once.
                    phase["trial_end"] = subscription.period_end
                interval: Literal["month", "year"] = "year" if plan[1] == "yearly" else "month"
                self._connect().v1.subscription_schedules.update(
                    made.id,
                    {
                        "end_behavior": "release",
                        "phases": [
                            phase,
                            {
                                "items": [{"price": price, "quantity": 1}],
                                "duration": {"interval": interval, "interval_count": 1},
                                "proration_behavior": "none",
                            },
                        ],
                    },
                )

        self._prices.using(plan, scheduled)

    def confirm_change(
        self, subscription: PlanSubscription, plan: tuple[Tier, Interval], links: PageLinks, key: str
    ) -> str:
        """The portal's page that confirms the change of a subscription to another plan; its URL."""

        def opened(price: str) -> str:
            with translated():
                session = self._connect().v1.billing_portal.sessions.create(
                    _configured(
                        {
                            "customer": subscription.customer_id,
                            "return_url": links.cancel_url,
                            "flow_data": {
                                "type": "subscription_update_confirm",
                                "subscription_update_confirm": {
                                    "subscription": subscription.subscription_id,
                                    "items": [{"id": subscription.item_id, "price": price, "quantity": 1}],
                                },
                                "after_completion": {"type": "redirect", "redirect": {"return_url": links.success_url}},
                            },
                        },
                        self._portal_configuration,
                    ),
                    {"idempotency_key": key},
                )
            return session.url

        return self._prices.using(plan, opened)


def _configured(params: PortalParams, configuration: str | None) -> PortalParams:
    return {**params, "configuration": configuration} if configuration else params
