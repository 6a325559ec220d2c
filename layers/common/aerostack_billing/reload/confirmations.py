"""Payments that wait for their payer: called off before anything takes their place, so that no two are paid."""

from __future__ import annotations

from collections.abc import Callable

from aerostack_billing.ledger.ledger import Change
from aerostack_billing.payments.cards import CardPayments
from aerostack_billing.platform.retry import attempts
from aerostack_billing.values.errors import Contended
from aerostack_billing.wallet.models import Attempt, Wallet
from aerostack_billing.wallet.reload_states import submitted
from aerostack_billing.wallet.settlement import Settlement
from aerostack_billing.wallet.store import WalletStore

_ATTEMPTS = 6


class _Waits(Exception):
    """A payment began to wait for its payer after it was looked for."""


class Confirmations:
    """Calls off payments that wait for a confirmation."""

    def __init__(self, wallets: WalletStore, cards: CardPayments, settlement: Settlement) -> None:
        self._wallets = wallets
        self._cards = cards
        self._settlement = settlement

    def apply(
        self,
        account_id: str,
        rule: Callable[[Wallet], Change[Wallet]],
        replaces: Callable[[Attempt], bool] = lambda _: True,
    ) -> Change[Wallet]:
        """Apply a rule that drops a waiting attempt which it `replaces`; its payment is cancelled at Stripe first.

        A sweep that asks the payer in between is seen: the rule is applied to no wallet with an attempt that waits and
        was not cancelled. A payment that is past waiting is credited, or shown as under way, instead.
        """
        for _ in attempts(_ATTEMPTS):
            over = self._called_off(account_id, replaces)

            def checked(wallet: Wallet, over: str | None = over) -> Change[Wallet]:
                attempt = _waiting(wallet)
                if attempt is not None and replaces(attempt) and attempt.attempt_id != over:
                    raise _Waits
                return rule(wallet)

            try:
                return self._wallets.apply(account_id, checked)
            except _Waits:
                continue
        raise Contended("A payment is being confirmed right now. Try again.")

    def _called_off(self, account_id: str, replaces: Callable[[Attempt], bool]) -> str | None:
        """The attempt whose payment waited and was cancelled, or that had none."""
        attempt = _waiting(self._wallets.get(account_id))
        if attempt is None or not replaces(attempt):
            return None
        own, intent = attempt.attempt_id, attempt.payment_intent_id
        if intent is None or self._cards.void(intent):
            return own
        settled = self._settlement.settle(intent)
        if settled is not None and settled.payment.status != "succeeded":
            self._wallets.apply(account_id, lambda wallet: Change(submitted(wallet, own, intent)))
        return None


def _waiting(wallet: Wallet) -> Attempt | None:
    return wallet.reload.attempt if wallet.reload.state == "action_required" else None
