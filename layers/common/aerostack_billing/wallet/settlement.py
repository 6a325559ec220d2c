"""The one function that makes a wallet true to a payment of Stripe's.

Webhook, verify-session, the sweep and the reconciler all call it. It asks Stripe for the payment as it is now: was it
paid, how much of it was refunded or disputed. What of that is not in the ledger yet is posted, under the condition
that the deposit is as it was read, and so once, whatever arrived in whatever order, and never more than it brought.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from aerostack_billing.accounts.customers import Customers
from aerostack_billing.ledger.ledger import Change, Stale, TransferExists
from aerostack_billing.ledger.models import TransferType
from aerostack_billing.payments.cards import CardPayments, Payment
from aerostack_billing.platform.dynamo import Write
from aerostack_billing.platform.retry import attempts
from aerostack_billing.values.errors import OperatorRefused, PaymentsRefused, StoreUnavailable
from aerostack_billing.values.money import Micros, micros
from aerostack_billing.wallet.models import Deposit, Wallet
from aerostack_billing.wallet.reload_states import DISPUTED, REPORTED, after_refunding, credited, stopped
from aerostack_billing.wallet.rules import WalletPosting, credit_payment, give_back, take_back
from aerostack_billing.wallet.store import WalletStore

_ATTEMPTS = 8
_CURRENCY = "usd"
"""What wallets hold. A payment in another currency is none of our Checkout's: a person made it by hand."""
_KINDS: dict[str, TransferType] = {"deposit": "deposit", "reload": "reload"}


@dataclass(frozen=True)
class Settled:
    """A payment of ours as it is now; `account_id` is whose it is."""

    account_id: str
    payment: Payment


class Settlement:
    """Brings wallets to what Stripe says of payments."""

    def __init__(self, wallets: WalletStore, customers: Customers, cards: CardPayments) -> None:
        self._wallets = wallets
        self._customers = customers
        self._cards = cards

    def look(self, payment_intent_id: str) -> Settled | None:
        """The payment if it is a deposit or reload of the account whose customer paid it; else None: it is not ours.

        What was credited stays ours, whatever became of its customer or its metadata since.
        """
        payment = self._cards.payment(payment_intent_id)
        account_id = self._customers.account_of(payment.customer_id) if payment and payment.customer_id else None
        if payment is None or account_id is None:
            return None
        sold = payment.kind in _KINDS and payment.account_id == account_id and payment.currency == _CURRENCY
        if not sold and self._wallets.deposit(account_id, payment_intent_id) is None:
            return None
        return Settled(account_id, payment)

    def is_foreign(self, payment_intent_id: str, customer_id: str | None, kind: str | None) -> bool:
        """Whether a payment of that kind is certainly none of ours, by our own tables; Stripe is not asked.

        What our Checkout and the sweep make names its kind from its first moment. What was credited stays ours.
        """
        if kind in _KINDS:
            return False
        owner = self._customers.owner_of(customer_id) if customer_id is not None else None
        return owner is None or self._wallets.deposit(owner, payment_intent_id) is None

    def settle(
        self,
        payment_intent_id: str,
        processed: Write | None = None,
        *,
        warned: bool = False,
        looked: Settled | None = None,
    ) -> Settled | None:
        """Post what Stripe says of the payment and the ledger does not have; None if the payment is not ours.

        `warned`: the bank reported the payment as possible fraud. `processed` is written in the same transaction;
        AlreadyProcessed if it stands. A payment that is not paid posts nothing. `looked` is what the caller has just
        been told by `look`: it is not asked for a second time.
        """
        for _ in attempts(_ATTEMPTS):
            settled, looked = looked or self.look(payment_intent_id), None
            deposit = self._wallets.deposit(settled.account_id, payment_intent_id) if settled else None
            if deposit is not None:
                # Asked again after the read: an answer older than what was posted since would undo it.
                settled = self.look(payment_intent_id)
            if settled is None:
                return None
            payment = settled.payment
            if payment.status != "succeeded":
                self._wallets.apply(settled.account_id, lambda wallet: Change(wallet, processed=processed))
                return settled
            tax = 0
            if deposit is None:
                self._keep_card(payment)
                tax = self._cards.tax_of(payment)
            rule = partial(self._settled, payment=payment, tax=tax, read=deposit, processed=processed, warned=warned)
            try:
                self._wallets.apply(settled.account_id, rule)
            except (Stale, TransferExists):
                continue
            return settled
        raise StoreUnavailable("The deposit is changing right now. Try again.")

    def clear(self, account_id: str, payment_intent_id: str) -> Deposit:
        """Let what a deposit pays for be paid out although its bank asks about it; done before, nothing changes.

        What the bank takes back is claimed all the same. OperatorRefused where the account has no such deposit.
        """
        for _ in attempts(_ATTEMPTS):
            read = self.deposit(account_id, payment_intent_id)
            after = replace(read, cleared=True, version=read.version + 1)
            also = [self._wallets.depositing(after, read), self._wallets.marking(account_id)]
            with suppress(Stale):
                self._wallets.apply(account_id, lambda wallet, also=also: Change(wallet, also=also))  # type: ignore[misc]
                return after
        raise StoreUnavailable("The deposit is changing right now. Try again.")

    def deposit(self, account_id: str, payment_intent_id: str) -> Deposit:
        """The deposit that a payment brought; OperatorRefused where the account has none such."""
        found = self._wallets.deposit(account_id, payment_intent_id)
        if found is None:
            raise OperatorRefused("The account has no such deposit.", {"payment_intent_id": "unknown"})
        return found

    def _keep_card(self, payment: Payment) -> None:
        """Make a deposit's card the customer's default where there is none.

        Before the credit, so that a crash between the two leaves the event to be sent again.
        """
        if payment.kind != "deposit" or payment.payment_method_id is None or payment.customer_id is None:
            return
        try:
            if self._cards.default_card(payment.customer_id) is None:
                self._cards.make_default(payment.customer_id, payment.payment_method_id)
        except PaymentsRefused:
            # The customer or the card is gone by now. The money that came is credited all the same.
            return

    def _settled(
        self,
        wallet: Wallet,
        *,
        payment: Payment,
        tax: int,
        read: Deposit | None,
        processed: Write | None,
        warned: bool,
    ) -> Change[Wallet]:
        """What was bought is credited, and not the `tax` (cents) that was paid on it; what goes back is divided so."""
        posting, reference = WalletPosting(wallet), payment.payment_intent_id
        brought = micros(payment.received_cents - tax)
        before = read or Deposit(
            wallet.account_id,
            reference,
            brought,
            seq=wallet.seq + 1,
            older=wallet.deposited_left,
            tax=micros(tax),
        )
        if read is None:
            credit_payment(posting, _KINDS[payment.kind or ""], reference, brought, reference)
        refunded = before.part_refunded(micros(payment.refunded_cents))
        disputed = min(before.part_disputed(micros(payment.disputed_cents)), before.amount - refunded)
        step = f"{reference}:{before.version}"
        _take_or_give(posting, "refund", f"{step}:refund", refunded - before.refunded, reference)
        _take_or_give(posting, "dispute", f"{step}:dispute", disputed - before.disputed, reference)
        after = replace(
            before,
            refunded=refunded,
            disputed=disputed,
            version=before.version + 1,
            warned=before.warned or warned,
            inquired=payment.inquired,
        )
        moved = credited(posting.wallet, payment.attempt_id) if posting.transfers else wallet
        settled = _stopped(moved, before, after)
        # The version moves on with the event all the same: whoever asked Stripe before it and posts after it would take
        # a dispute that is won by now for one that is open.
        if processed is None and settled == wallet and replace(after, version=before.version) == read:
            return Change(wallet)
        also = [self._wallets.depositing(after, read)]
        if _moved_funding(posting, before, after):
            also.append(self._wallets.marking(wallet.account_id))
        return Change(settled, posting.transfers, also, processed)


def _moved_funding(posting: WalletPosting, before: Deposit, after: Deposit) -> bool:
    """Whether deposits may not pay any more for what they paid, or do so again."""
    contested = (after.warned, after.inquired) != (before.warned, before.inquired)
    return contested or any(line.type not in {"deposit", "reload"} for line in posting.transfers)


def _stopped(wallet: Wallet, before: Deposit, after: Deposit) -> Wallet:
    """The wallet with auto-reload suspended by what became of a payment: no card is charged while its bank objects."""
    if after.disputed > before.disputed or (after.inquired and not before.inquired):
        return stopped(wallet, DISPUTED)
    if after.warned and not before.warned:
        return stopped(wallet, REPORTED)
    return after_refunding(wallet) if after.refunded > before.refunded else wallet


def _take_or_give(posting: WalletPosting, kind: TransferType, transfer_id: str, change: Micros, reference: str) -> None:
    if change > 0:
        take_back(posting, kind, transfer_id, change, reference)
    elif change < 0:
        give_back(posting, "dispute_reversal" if kind == "dispute" else "refund", transfer_id, -change, reference)
