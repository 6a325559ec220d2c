"""Auto-reload at work: the user's settings, and the sweep that keeps wallets filled.

An attempt is stored on the wallet before Stripe is asked, and its id is Stripe's idempotency key. Whoever finds an
attempt whose outcome was not noted asks the very same again, so that a crash, a lost answer and a second sweep make
one payment. Its money is credited by the id of the payment, once, whoever hears of it first.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from aerostack_billing.accounts.store import AccountStore
from aerostack_billing.ledger.ledger import Change
from aerostack_billing.payments.cards import CardPayments, OffSession, Payment
from aerostack_billing.platform import clock, correlation
from aerostack_billing.platform.dynamo import Write
from aerostack_billing.values.errors import BillingError, PaymentsRefused
from aerostack_billing.values.money import PER_CENT
from aerostack_billing.wallet import reload_states as states
from aerostack_billing.wallet.models import Attempt, Wallet
from aerostack_billing.wallet.settlement import Settled, Settlement
from aerostack_billing.wallet.store import RELOAD_AGENDA, WalletStore

_BATCH = 100
_WORKERS = 8
# Stripe keeps idempotency keys for 24 hours; past that, the payment is looked for before it is asked for again.
_KEY_TRUSTED_SECONDS = 20 * 3600
_AUTHENTICATE = "authentication_required"
_REFUSED = "card_not_usable"
_REFUSED_MESSAGE = "The saved card cannot be charged. Choose another one in the billing portal."


class ReloadListener(Protocol):
    """Whoever tells the user, and the operator, how reloads go."""

    def reload_changed(self, wallet: Wallet) -> None:
        """Called when a reload was declined, suspended, needs action, or is blocked by the cap."""

    def reload_failed(self, account_id: str, error: BillingError) -> None:
        """Called when a wallet could not be looked after in a sweep; the next one takes it up again."""


@dataclass(frozen=True)
class Swept:
    """What one sweep did."""

    due: int
    failed: int


class Reloads:
    """Makes attempts and takes note of their outcomes."""

    def __init__(
        self,
        wallets: WalletStore,
        accounts: AccountStore,
        cards: CardPayments,
        settlement: Settlement,
        listener: ReloadListener,
        return_url: str,
    ) -> None:
        self._wallets = wallets
        self._accounts = accounts
        self._cards = cards
        self._settlement = settlement
        self._listener = listener
        self._return_url = return_url

    def sweep(self, may_go_on: Callable[[], bool] = lambda: True) -> Swept:
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
        return Swept(due, failed)

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
        elif attempt is not None and wallet.reload.state in {"claimed", "submitted"}:
            self._change(account_id, lambda wallet: states.postponed(wallet, attempt.attempt_id))
            self._take_up(account_id, attempt, wanted=wallet.reload.enabled)

    def _begin(self, account_id: str) -> None:
        customer_id = self._accounts.get(account_id).customer_id
        card = self._cards.default_card(customer_id) if customer_id else None
        if card is None or customer_id is None:
            self._change(account_id, states.without_card)
            return
        attempt_id = f"reload-{uuid.uuid4()}"
        attempt = Attempt(attempt_id, 0, customer_id, card.payment_method_id, card.fingerprint, clock.seconds())
        claimed = self._change(account_id, lambda wallet: states.claimed(wallet, attempt)).reload.attempt
        if claimed is not None and claimed.attempt_id == attempt_id:
            self._pay(account_id, claimed)

    def _take_up(self, account_id: str, attempt: Attempt, *, wanted: bool) -> None:
        """Find out what became of an attempt, by asking the same again or, when the key is too old, by looking.

        Nobody is charged who turned reloads off meanwhile: then it is looked for, and given up if it made no payment.
        """
        payment = None
        if attempt.payment_intent_id is not None:
            payment = self._cards.payment(attempt.payment_intent_id)
        elif not wanted or clock.seconds() - attempt.created_at > _KEY_TRUSTED_SECONDS:
            payment = self._cards.find_attempt(attempt.customer_id, attempt.attempt_id, attempt.created_at - 60)
        if payment is not None:
            self._conclude(account_id, attempt, payment)
        elif wanted:
            self._pay(account_id, attempt)
        else:
            self._change(account_id, lambda wallet: states.given_up(wallet, attempt.attempt_id))

    def _pay(self, account_id: str, attempt: Attempt) -> None:
        """Ask for the attempt's payment. What Stripe will not hear of is declined: asking on would help nobody."""
        try:
            payment = self._submit(account_id, attempt)
        except PaymentsRefused:
            own = attempt.attempt_id
            self._change(account_id, lambda wallet: states.declined(wallet, own, _REFUSED, _REFUSED_MESSAGE))
        else:
            self._conclude(account_id, attempt, payment)

    def _submit(self, account_id: str, attempt: Attempt) -> Payment:
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

    def heard(self, settled: Settled, mark: Write | None = None) -> None:
        """Take note of a reload's payment that Stripe sent word of and that brought no money."""
        wallet = self._wallets.get(settled.account_id)
        attempt = wallet.reload.attempt
        if attempt is not None and attempt.attempt_id == settled.payment.attempt_id:
            self._conclude(settled.account_id, attempt, settled.payment, mark)
        else:
            self._change(settled.account_id, lambda wallet: wallet, mark)

    def _conclude(self, account_id: str, attempt: Attempt, payment: Payment, mark: Write | None = None) -> None:
        """Take note of an attempt's outcome; the same outcome heard of again changes nothing."""
        own, intent = attempt.attempt_id, payment.payment_intent_id
        if payment.status == "succeeded":
            self._settlement.settle(intent, mark)
            return
        if payment.error_code == _AUTHENTICATE and payment.status == "requires_payment_method":
            payment = self._cards.ask_payer(payment, attempt.payment_method_id, self._return_url)
        if payment.status == "processing":
            self._change(account_id, lambda wallet: states.submitted(wallet, own, intent), mark)
        elif payment.status == "requires_action":
            url = payment.action_url
            self._change(account_id, lambda wallet: states.action_required(wallet, own, intent, url), mark)
        else:
            code, message = payment.error_code or payment.status, payment.error_message or "The payment failed."
            if payment.status == "canceled":
                code, message = payment.status, "The payment was cancelled before it was confirmed."
            self._change(account_id, lambda wallet: states.declined(wallet, own, code, message), mark)

    def card_changed(self, account_id: str, customer_id: str, mark: Write | None = None) -> None:
        """Try a reload that failed anew if the customer's card is another now."""
        card = self._cards.default_card(customer_id)
        fingerprint = card.fingerprint if card else None
        self._change(account_id, lambda wallet: states.card_changed(wallet, fingerprint), mark)

    def _change(self, account_id: str, rule: Callable[[Wallet], Wallet], mark: Write | None = None) -> Wallet:
        """Apply a rule of the state machine; tell the listener where it left a wallet that wants attention."""
        before: list[Wallet] = []

        def noted(wallet: Wallet) -> Change[Wallet]:
            before[:] = [wallet]
            return Change(rule(wallet), mark=mark)

        after = self._wallets.apply(account_id, noted).owner
        if after.reload.last_error not in (None, before[0].reload.last_error):
            self._listener.reload_changed(after)
        return after
