"""Charges: what a bot's conversation, an agent's run or a tool's call costs, taken once."""

from __future__ import annotations

from aerostack_billing.ledger.accounts import REVENUE, available
from aerostack_billing.ledger.keys import Done, check_same, fingerprint, transfer_id
from aerostack_billing.ledger.ledger import Change, TransferExists
from aerostack_billing.ledger.models import Transfer
from aerostack_billing.values.money import cents, whole_cents
from aerostack_billing.wallet.lapsing import Lapsing
from aerostack_billing.wallet.models import Wallet
from aerostack_billing.wallet.reload_states import after_spending
from aerostack_billing.wallet.requests import ChargeRequest
from aerostack_billing.wallet.rules import WalletPosting, check_cap, check_funds
from aerostack_billing.wallet.sharing import Sharing


class Charges:
    """Takes charges from wallets."""

    def __init__(self, lapsing: Lapsing, sharing: Sharing) -> None:
        self._lapsing = lapsing
        self._sharing = sharing

    def charge(self, request: ChargeRequest) -> Done:
        """Take the price, once for the key, for ever; nothing where the customer's own key paid (`byok`).

        InsufficientBalance and SpendCapReached (402) with nothing taken; IdempotencyKeyReused (409). Written under
        the conditions that the wallet is as the rule saw it and that the transfer's id does not exist.
        """
        if request.creator_id is not None:
            self._sharing.register(request.creator_id)
        charge_id = transfer_id("ch_", request.account_id, request.idempotency_key)
        asked = fingerprint(request)
        try:
            change = self._lapsing.spend(
                request.account_id, charge_id, lambda wallet: self._charged(wallet, request, charge_id, asked)
            )
        except TransferExists as exists:
            return Done(_answer(check_same(exists.transfer, asked)), replayed=True)
        return Done(_answer(change.transfers[0]))

    def _charged(self, wallet: Wallet, request: ChargeRequest, charge_id: str, asked: str) -> Change[Wallet]:
        price = 0 if request.billing_mode == "byok" else request.amount_cents
        if price > 0:
            check_funds(wallet, price)
            check_cap(wallet, price)
        shared = self._sharing.share(request.creator_id, price) if request.creator_id and price > 0 else None
        posting = WalletPosting(wallet)
        posting.move(
            "charge",
            charge_id,
            available(wallet.account_id),
            REVENUE,
            price,
            request.kind.replace("_", " ").capitalize(),
            reference=request.reference,
            fingerprint=asked,
            details={"kind": request.kind, "billing_mode": request.billing_mode},
            split=shared.split if shared else None,
        )
        posting.spend(price)
        return Change(after_spending(posting.wallet), posting.transfers, [shared.write] if shared else [])


def _answer(transfer: Transfer) -> dict[str, object]:
    """The answer to a charge, made of its transfer alone: so is every replay."""
    return {
        "charge_id": transfer.transfer_id,
        "account_id": transfer.account_id,
        "kind": transfer.details["kind"],
        "amount_cents": cents(transfer.amount),
        "billing_mode": transfer.details["billing_mode"],
        "balance_cents": whole_cents(transfer.balance_after),
        "balance_micros": transfer.balance_after,
        "created_at": transfer.created_at,
    }
