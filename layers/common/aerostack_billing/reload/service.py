"""Auto-reload at work: the user's settings, and the sweep that keeps wallets filled.

An attempt is stored on the wallet before Stripe is asked, and its id is Stripe's idempotency key. An attempt whose
outcome is unknown is looked for at Stripe. Found: its outcome is recorded. Not found: it is asked for again with the
same key, if it is still wanted; not found a second time, minutes later, it is over, and a new attempt has a new key.
Its money is credited by the id of the payment, once, whoever hears of it first.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Protocol, assert_never

from aerostack_billing.accounts.store import AccountStore
from aerostack_billing.ledger.ledger import Change
from aerostack_billing.payments.cards import CardPayments, OffSession, Payment
from aerostack_billing.payments.once import Intent, once
from aerostack_billing.platform import clock, correlation
from aerostack_billing.platform.dynamo import Write
from aerostack_billing.reload.confirmations import Confirmations
from aerostack_billing.values.errors import BillingError, PaymentsRefused
from aerostack_billing.values.money import PER_CENT
from aerostack_billing.wallet import reload_states as states
from aerostack_billing.wallet.agendas import RELOAD_AGENDA
from aerostack_billing.wallet.models import Attempt, Wallet
from aerostack_billing.wallet.settlement import Settled, Settlement
from aerostack_billing.wallet.store import WalletStore

_BATCH = 100
_WORKERS = 8
_AUTHENTICATE = "authentication_required"
_CARD_GONE = "card_not_usable"
_CARD_GONE_MESSAGE = "The saved card cannot be charged. Choose another one in the billing portal."
_OF_THE_CARD = frozenset({"payment_method", "customer"})
"""Parameters that Stripe names when the card, or its customer, was deleted or taken away there."""


class ReloadListener(Protocol):
    """Whoever tells the user, and the operator, how reloads go."""

    def reload_changed(self, wallet: Wallet) -> None:
        """Called when there is a new reason why a reload brought no money."""

    def reload_failed(self, account_id: str, error: BillingError) -> None:
        """Called when a wallet could not be looked after in a sweep; the next one takes it up again."""


@dataclass(frozen=True)
class ReloadSweep:
    """What one sweep did."""

    due: int
    failed: int


class Reloads:
    """Makes attempts and records their outcomes."""

    def __init__(
        self,
        wallets: WalletStore,
        accounts: AccountStore,
        cards: CardPayments,
        settlement: Settlement,
        confirmations: Confirmations,
        listener: ReloadListener,
        return_url: str,
        most_a_day: int,
    ) -> None:
        self._wallets = wallets
        self._accounts = accounts
        self._cards = cards
        self._settlement = settlement
        self._confirmations = confirmations
        self._listener = listener
        self._return_url = return_url
        self._most_a_day = most_a_day

    def sweep(self, may_go_on: Callable[[], bool] = lambda: True) -> ReloadSweep:
        """Look after every wallet that is due. Costs by the wallets due, not by the wallets there are.

        A wallet that fails is reported and left for the next sweep. Safe to run twice at once, and to stop anywhere:
        `may_go_on` is asked before each batch.
        """
        due = failed = 0
        accounts = (account for account, _ in self._wallets.due(RELOAD_AGENDA))
        with ThreadPoolExecutor(_WORKERS) as pool:
            while may_go_on() and (batch := list(islice(accounts, _BATCH))):
                due += len(batch)
                failed += sum(pool.map(correlation.carried(self._fails), batch))
        return ReloadSweep(due, failed)

    def _fails(self, account_id: str) -> bool:
        try:
            self.look_after(account_id)
        except BillingError as error:
            self._listener.reload_failed(account_id, error)
            return True
        return False

    def look_after(self, account_id: str) -> None:
        """Begin the attempt that is due, or find out what became of the one that is open."""
        wallet = self._wallets.get(account_id)
        attempt = wallet.reload.attempt
        if states.is_to_start(wallet):
            self._begin(account_id)
        elif attempt is not None and wallet.reload.under_way:
            wallet = self.change(account_id, lambda wallet: states.postponed(wallet, attempt.attempt_id))
            self._take_up(wallet, attempt)

    def _begin(self, account_id: str) -> None:
        customer_id = self._accounts.get(account_id).customer_id
        card = self._cards.default_card(customer_id) if customer_id else None
        if card is None or customer_id is None:
            self.change(account_id, states.without_card)
            return
        attempt_id = f"reload-{uuid.uuid4()}"
        attempt = Attempt(attempt_id, 0, customer_id, card.payment_method_id, card.fingerprint, clock.seconds())
        claimed = self.change(account_id, lambda wallet: states.claimed(wallet, attempt, self._most_a_day))
        stored = claimed.reload.attempt
        if stored is not None and stored.attempt_id == attempt_id:
            self._pay(account_id, stored)

    def _take_up(self, wallet: Wallet, attempt: Attempt) -> None:
        """Find out what became of an attempt. It is asked for again only if it is still wanted."""
        account_id, own = wallet.account_id, attempt.attempt_id
        if attempt.payment_intent_id is None and states.is_wanted(wallet):
            self._pay(account_id, attempt)
            return
        payment = self.made_by(attempt)
        if payment is not None:
            self._conclude(account_id, attempt, payment)
        else:
            self.change(account_id, lambda wallet: states.not_made(wallet, own))

    def made_by(self, attempt: Attempt) -> Payment | None:
        """The payment that an attempt made, if it made one."""
        if attempt.payment_intent_id is not None:
            return self._cards.payment(attempt.payment_intent_id)
        return self._cards.find_attempt(attempt.customer_id, attempt.attempt_id, attempt.created_at - 60)

    def _pay(self, account_id: str, attempt: Attempt) -> None:
        """Ask for the attempt's payment, once.

        Only the card's errors are declines: what Stripe refuses to us is no fault of the card's, and is tried again.
        """
        own = attempt.attempt_id
        try:
            payment = once(Intent(own, attempt.created_at, attempt.missed_at), _Paying(self, account_id, attempt))
        except PaymentsRefused as refused:
            if refused.details.get("param") in _OF_THE_CARD:
                self.change(account_id, lambda wallet: states.declined(wallet, own, _CARD_GONE, _CARD_GONE_MESSAGE))
            else:
                self._refused(account_id, own, refused)
        except BillingError:
            self.change(account_id, lambda wallet: states.unanswered(wallet, own))
            raise
        else:
            if payment is not None:
                self._conclude(account_id, attempt, payment)
            elif states.is_to_start(self._wallets.get(account_id)):
                self._begin(account_id)

    def _refused(self, account_id: str, attempt_id: str, error: PaymentsRefused) -> None:
        """Record that Stripe will not take the payment, for a reason that operators must remove."""
        self.change(account_id, lambda wallet: states.failed(wallet, attempt_id))
        self._listener.reload_failed(account_id, error)

    def submit(self, account_id: str, attempt: Attempt) -> Payment:
        amount_cents = attempt.amount // PER_CENT
        return self._cards.pay_off_session(
            OffSession(
                account_id,
                attempt.customer_id,
                attempt.payment_method_id,
                amount_cents,
                attempt.attempt_id,
                self._return_url,
            )
        )

    def heard(self, settled: Settled, processed: Write | None = None) -> None:
        """Record a reload's payment that Stripe reported and that brought no money."""
        wallet = self._wallets.get(settled.account_id)
        attempt = wallet.reload.attempt
        if attempt is not None and attempt.attempt_id == settled.payment.attempt_id:
            self._conclude(settled.account_id, attempt, settled.payment, processed)
        else:
            self.change(settled.account_id, lambda wallet: wallet, processed)

    def _conclude(
        self,
        account_id: str,
        attempt: Attempt,
        payment: Payment,
        processed: Write | None = None,
        *,
        asked: bool = False,
    ) -> None:
        """Record an attempt's outcome; the same outcome reported again changes nothing.

        `asked`: its payer was asked to confirm it, which is tried once.
        """
        own, intent = attempt.attempt_id, payment.payment_intent_id
        match payment.status:
            case "succeeded":
                self._settlement.settle(intent, processed)
            case "processing" | "requires_capture":
                self.change(account_id, lambda wallet: states.submitted(wallet, own, intent), processed)
            case "requires_action":
                url = payment.action_url
                self.change(account_id, lambda wallet: states.action_required(wallet, own, intent, url), processed)
            case "requires_payment_method" if payment.error_code == _AUTHENTICATE and not asked:
                self._conclude(account_id, attempt, self._ask_payer(attempt, payment), processed, asked=True)
            case "requires_payment_method":
                code, message = payment.error_code or payment.status, payment.error_message or "The payment failed."
                self.change(account_id, lambda wallet: states.declined(wallet, own, code, message), processed)
            case "requires_confirmation":
                # Stripe made it and went no further: it is called off, so that it is not paid beside the next one.
                self._cards.void(intent)
                self.change(account_id, lambda wallet: states.failed(wallet, own), processed)
            case "canceled":
                message = "The payment was cancelled before it was confirmed."
                self.change(account_id, lambda wallet: states.declined(wallet, own, "canceled", message), processed)
            case _:
                assert_never(payment.status)

    def _ask_payer(self, attempt: Attempt, payment: Payment) -> Payment:
        """The payment after its payer was asked to confirm it; as it is, where Stripe finds it past that."""
        try:
            return self._cards.ask_payer(payment, attempt.payment_method_id, self._return_url)
        except PaymentsRefused:
            return self._cards.payment(payment.payment_intent_id) or payment

    def card_changed(self, account_id: str, customer_id: str, processed: Write | None = None) -> None:
        """Try a reload that failed, or waits for its payer, again if the customer's card is another now."""
        card = self._cards.default_card(customer_id)
        fingerprint = card.fingerprint if card else None
        self.change(
            account_id,
            lambda wallet: states.card_changed(wallet, fingerprint),
            processed,
            lambda attempt: fingerprint not in {None, attempt.fingerprint},
        )

    def change(
        self,
        account_id: str,
        rule: Callable[[Wallet], Wallet],
        processed: Write | None = None,
        replaces: Callable[[Attempt], bool] | None = None,
    ) -> Wallet:
        """Apply a rule of the state machine; tell the listener where it left a wallet that wants attention."""
        before: list[Wallet] = []

        def recorded(wallet: Wallet) -> Change[Wallet]:
            before[:] = [wallet]
            return Change(rule(wallet), processed=processed)

        if replaces is None:
            after = self._wallets.apply(account_id, recorded).owner
        else:
            after = self._confirmations.apply(account_id, recorded, replaces).owner
        if after.reload.last_error not in (None, before[0].reload.last_error):
            self._listener.reload_changed(after)
        return after


@dataclass(frozen=True)
class _Paying:
    """The payment of an attempt, created once at Stripe."""

    reloads: Reloads
    account_id: str
    attempt: Attempt

    def create(self, _intent: Intent) -> Payment:
        return self.reloads.submit(self.account_id, self.attempt)

    def find(self, _intent: Intent) -> Payment | None:
        return self.reloads.made_by(self.attempt)

    def missed(self, intent: Intent) -> None:
        self.reloads.change(self.account_id, lambda wallet: states.missed(wallet, intent.intent_id))

    def renew(self, intent: Intent) -> None:
        """End the attempt: the next one has its own key, and is made only if it is wanted then."""
        self.reloads.change(self.account_id, lambda wallet: states.failed(wallet, intent.intent_id))
