"""Coming back from Stripe's Checkout page: what was bought there counts at once, before any webhook."""

from __future__ import annotations

import re

from aerostack_billing.accounts.sync import PlanSync
from aerostack_billing.payments.gateway import Payments
from aerostack_billing.values.errors import SessionNotFound, SessionNotPaid
from aerostack_billing.wallet.models import view_wallet
from aerostack_billing.wallet.settlement import Settlement
from aerostack_billing.wallet.store import WalletStore

_SESSION_ID = re.compile(r"cs_[A-Za-z0-9_]{1,250}")


class CheckoutReturn:
    """Verifies the session that a person comes back with."""

    def __init__(self, payments: Payments, sync: PlanSync, settlement: Settlement, wallets: WalletStore) -> None:
        self._payments = payments
        self._sync = sync
        self._settlement = settlement
        self._wallets = wallets

    def verify(self, account_id: str, session_id: str) -> dict[str, object]:
        """Bring the account, or for a deposit the wallet, up to date, and show it.

        SessionNotFound (404) for a session of anyone else; SessionNotPaid (409) while it is not paid.
        """
        session = self._payments.session(session_id) if _SESSION_ID.fullmatch(session_id) else None
        if session is None or session.account_id != account_id or session.mode == "setup":
            raise SessionNotFound("The account has no such checkout session.")
        if not session.paid:
            raise SessionNotPaid("The checkout session is not paid. Complete the payment, or start a new checkout.")
        if session.mode == "subscription":
            return self._sync.make_true(account_id).account.view()
        if session.payment_intent_id is not None:
            self._settlement.settle(session.payment_intent_id)
        return view_wallet(self._wallets.get(account_id))
