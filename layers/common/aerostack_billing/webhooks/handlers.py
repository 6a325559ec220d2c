"""Which room takes effect of which event. A new Stripe event goes here: its type, and the verb that it leads to.

No handler believes what the event says of the state of things: it takes from it only which object to ask Stripe for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Literal, Protocol

from aerostack_billing.payments.wire import Reference, Wire
from aerostack_billing.webhooks.models import Event, Outcome

if TYPE_CHECKING:
    from aerostack_billing.accounts.customers import Customers
    from aerostack_billing.accounts.store import AccountStore
    from aerostack_billing.accounts.sync import PlanSync
    from aerostack_billing.creators.onboarding import CreatorAccounts
    from aerostack_billing.creators.payouts import Payouts
    from aerostack_billing.payments.undoing import Undoing
    from aerostack_billing.platform.dynamo import Write
    from aerostack_billing.reload.service import Reloads
    from aerostack_billing.wallet.settlement import Settlement
    from aerostack_billing.webhooks.service import Handler
    from aerostack_billing.webhooks.store import EventStore


class Rooms(Protocol):
    """The rooms that events lead to, as the runtime has them: each is loaded when its first event comes."""

    @property
    def events(self) -> EventStore: ...
    @property
    def accounts(self) -> AccountStore: ...
    @property
    def customers(self) -> Customers: ...
    @property
    def undoing(self) -> Undoing: ...
    @property
    def sync(self) -> PlanSync: ...
    @property
    def settlement(self) -> Settlement: ...
    @property
    def reloads(self) -> Reloads: ...
    @property
    def creator_accounts(self) -> CreatorAccounts: ...
    @property
    def payouts(self) -> Payouts: ...


class _OfCustomer(Wire):
    """A subscription, an invoice, a payment method: what belongs to a customer."""

    customer: Reference | None = None


class _Session(_OfCustomer):
    """A Checkout session."""

    mode: Literal["subscription", "payment", "setup"]
    payment_intent: Reference | None = None


class _OfPayment(Wire):
    """A charge or dispute: what belongs to a payment intent."""

    payment_intent: Reference | None = None


class _Identified(Wire):
    id: Reference


class _Payment(_OfCustomer):
    """A payment intent, as its event has it."""

    id: Reference
    metadata: dict[str, str] | None = None


class _BankPayout(Wire):
    failure_code: str | None = None


class _PreviousMethod(Wire):
    customer: Reference | None = None


class Handlers:
    """The verbs that events lead to."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    def by_type(self) -> dict[str, Handler]:
        """The handler of each type; a type that is not here is ignored."""
        return {
            **dict.fromkeys(_SESSION_TYPES, self.session),
            **dict.fromkeys(_SUBSCRIPTION_TYPES, self.subscription),
            **dict.fromkeys(_PAYMENT_TYPES, self.payment),
            **dict.fromkeys(_CHARGE_TYPES, self.charge),
            **dict.fromkeys(_WARNING_TYPES, self.fraud_warning),
            **dict.fromkeys(_CARD_TYPES, self.card),
            "customer.updated": self.customer,
            "customer.deleted": self.deleted_customer,
            "account.updated": self.connected_account,
            "account.application.deauthorized": self.disconnected_account,
            "transfer.reversed": self.reversed_transfer,
            "payout.failed": self.failed_payout,
        }

    def is_foreign(self, event: Event) -> bool:
        """Whether the event itself says that it is of no concern to us: Stripe is not asked then.

        Each renewal of a plan makes a payment intent, which is no deposit and no reload. That it was made as none is
        all that is believed.
        """
        if event.type not in _PAYMENT_TYPES:
            return False
        payment = _Payment.model_validate(event.data.object)
        if payment.metadata is None:
            return False
        return self._rooms.settlement.is_foreign(payment.id, payment.customer, payment.metadata.get("kind"))

    def session(self, event: Event) -> Outcome:
        """A Checkout session: the plan or the deposit that was bought on it."""
        session = _Session.model_validate(event.data.object)
        if session.mode == "payment":
            return self._settle(event, session.payment_intent)
        return self._sync_customer(event, session.customer)

    def subscription(self, event: Event) -> Outcome:
        """A subscription or an invoice: the plan of the customer's account."""
        return self._sync_customer(event, _OfCustomer.model_validate(event.data.object).customer)

    def payment(self, event: Event) -> Outcome:
        """A payment intent: a deposit, or a reload, that was paid, declined or called off."""
        return self._settle(event, _Identified.model_validate(event.data.object).id)

    def charge(self, event: Event) -> Outcome:
        """A refund or a dispute: the deposit that it takes back or gives back, or the plan that it was paid for."""
        payment_intent_id = _OfPayment.model_validate(event.data.object).payment_intent
        outcome = self._settle(event, payment_intent_id)
        if outcome.result != "ignored" or payment_intent_id is None:
            return outcome
        if event.type == _REFUND_FAILED:
            return self._refund_failed(event, payment_intent_id)
        return self._end_unpaid(event, payment_intent_id)

    def _refund_failed(self, event: Event, payment_intent_id: str) -> Outcome:
        account_id = self._account_of(self._rooms.undoing.payer(payment_intent_id))
        if account_id is None:
            return _not_ours(event)
        outcome = Outcome(event.id, event.type, "processed", account_id)
        self._rooms.sync.refund_failed(account_id, payment_intent_id, self._rooms.events.processed(outcome))
        return outcome

    def _end_unpaid(self, event: Event, payment_intent_id: str) -> Outcome:
        returned = self._rooms.undoing.returned_payment(payment_intent_id)
        account_id = self._account_of(returned.customer_id) if returned else None
        if returned is None or account_id is None:
            return _not_ours(event)
        outcome = Outcome(event.id, event.type, "processed", account_id)
        self._rooms.sync.end_unpaid(account_id, returned, self._rooms.events.processed(outcome))
        return outcome

    def fraud_warning(self, event: Event) -> Outcome:
        """A bank reported a payment as possible fraud: the deposit or reload that it is about."""
        return self._settle(event, _OfPayment.model_validate(event.data.object).payment_intent, warned=True)

    def card(self, event: Event) -> Outcome:
        """A saved card that changed, or left its customer: a reload that failed may be tried again."""
        customer = _OfCustomer.model_validate(event.data.object).customer
        if customer is None:
            customer = _PreviousMethod.model_validate(event.data.previous_attributes or {}).customer
        return self._card_changed(event, customer)

    def customer(self, event: Event) -> Outcome:
        """A customer: their default card may be another."""
        return self._card_changed(event, _Identified.model_validate(event.data.object).id)

    def deleted_customer(self, event: Event) -> Outcome:
        """A customer that was deleted at Stripe, with its subscriptions: the account gets another when it needs one."""
        customer_id = _Identified.model_validate(event.data.object).id
        account_id = self._account_of(customer_id)
        if account_id is not None:
            self._rooms.customers.forget_if_deleted(account_id, customer_id)
        return self._sync_customer(event, customer_id)

    def connected_account(self, event: Event) -> Outcome:
        """A creator's connected account: its state."""
        account_id = _Identified.model_validate(event.data.object).id
        return self._of_creator(event, self._rooms.creator_accounts.heard(account_id, self._record_for(event)))

    def disconnected_account(self, event: Event) -> Outcome:
        """A connected account was deleted, or its creator took our access away: the event names it beside its object.

        Stripe shows it no more: whose it is, our own table says.
        """
        if event.account is None:
            return _not_ours(event)
        return self._of_creator(event, self._rooms.creator_accounts.heard(event.account, self._record_for(event)))

    def reversed_transfer(self, event: Event) -> Outcome:
        """A transfer to a creator that was reversed: the money is payable again once an operator releases it."""
        transfer_id = _Identified.model_validate(event.data.object).id
        return self._of_creator(event, self._rooms.payouts.reversed(transfer_id, self._record_for(event)))

    def failed_payout(self, event: Event) -> Outcome:
        """A creator's bank refused the money: it stays on their Stripe account, and a domain event says so."""
        failed = _BankPayout.model_validate(event.data.object)
        if event.account is None:
            return _not_ours(event)
        code = failed.failure_code or "unknown"
        return self._of_creator(
            event, self._rooms.creator_accounts.payout_failed(event.account, code, self._record_for(event))
        )

    def _record_for(self, event: Event) -> Callable[[str], Write]:
        return lambda owner: self._rooms.events.processed(Outcome(event.id, event.type, "processed", owner))

    def _of_creator(self, event: Event, creator_id: str | None) -> Outcome:
        if creator_id is None:
            return _not_ours(event)
        return Outcome(event.id, event.type, "processed", creator_id)

    def _card_changed(self, event: Event, customer_id: str | None) -> Outcome:
        account_id = self._account_of(customer_id)
        if customer_id is None or account_id is None:
            return _not_ours(event)
        if customer_id != self._rooms.accounts.get(account_id).customer_id:
            return _not_ours(event)
        outcome = Outcome(event.id, event.type, "processed", account_id)
        self._rooms.reloads.card_changed(account_id, customer_id, self._rooms.events.processed(outcome))
        return outcome

    def _sync_customer(self, event: Event, customer_id: str | None) -> Outcome:
        account_id = self._account_of(customer_id)
        if account_id is None:
            return _not_ours(event)
        outcome = Outcome(event.id, event.type, "processed", account_id)
        self._rooms.sync.make_true(account_id, self._rooms.events.processed(outcome))
        return outcome

    def _settle(self, event: Event, payment_intent_id: str | None, *, warned: bool = False) -> Outcome:
        settled = self._rooms.settlement.look(payment_intent_id) if payment_intent_id else None
        if settled is None or payment_intent_id is None:
            return _not_ours(event)
        outcome = Outcome(event.id, event.type, "processed", settled.account_id)
        processed = self._rooms.events.processed(outcome)
        if settled.payment.kind == "reload" and settled.payment.status != "succeeded":
            self._rooms.reloads.heard(settled, processed)
        else:
            self._rooms.settlement.settle(payment_intent_id, processed, warned=warned, looked=settled)
        return outcome

    def _account_of(self, customer_id: str | None) -> str | None:
        """The account whose customer this is, or was; None for a stranger's."""
        return self._rooms.customers.adopt(customer_id) if customer_id is not None else None


_SESSION_TYPES = (
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
)
_SUBSCRIPTION_TYPES = (
    "customer.subscription.created",
    "customer.subscription.updated",
    "customer.subscription.deleted",
    "customer.subscription.paused",
    "customer.subscription.resumed",
    "invoice.paid",
    "invoice.payment_failed",
    "invoice.payment_action_required",
)
_PAYMENT_TYPES = ("payment_intent.succeeded", "payment_intent.payment_failed", "payment_intent.canceled")
_REFUND_FAILED = "refund.failed"
_CHARGE_TYPES = (
    "charge.refunded",
    "refund.updated",
    _REFUND_FAILED,
    "charge.refund.updated",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "charge.dispute.closed",
)
_WARNING_TYPES = ("radar.early_fraud_warning.created",)
_CARD_TYPES = ("payment_method.automatically_updated", "payment_method.detached")


ACCOUNT_TYPES: Final = (
    *_SESSION_TYPES,
    *_SUBSCRIPTION_TYPES,
    *_PAYMENT_TYPES,
    *_CHARGE_TYPES,
    *_WARNING_TYPES,
    *_CARD_TYPES,
    "customer.updated",
    "customer.deleted",
    "transfer.reversed",
)
"""What the endpoint for events of our own account is to send."""

CONNECT_TYPES: Final = ("account.application.deauthorized", "account.updated", "payout.failed")
"""What the endpoint for events of connected accounts is to send: Stripe tells of them to no other."""


def _not_ours(event: Event) -> Outcome:
    return Outcome(event.id, event.type, "ignored")
