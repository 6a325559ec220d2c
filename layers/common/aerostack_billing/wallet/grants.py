"""Grants: money that the platform gives, by an operator's hand; from the ledger account `promo`, and no deposit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import BeforeValidator, Field

from aerostack_billing.ledger.accounts import PROMO, available
from aerostack_billing.ledger.keys import Done, check_same, fingerprint, transfer_id
from aerostack_billing.ledger.ledger import Change, TransferExists
from aerostack_billing.ledger.models import Transfer
from aerostack_billing.values.fields import AccountId, IdempotencyKey, RequestModel
from aerostack_billing.values.money import Micros, cents, parse_cents, whole_cents
from aerostack_billing.wallet.models import Wallet
from aerostack_billing.wallet.reload_states import after_crediting
from aerostack_billing.wallet.rules import WalletPosting, pay_debt
from aerostack_billing.wallet.store import WalletStore


class GrantRequest(RequestModel):
    """What is to be given. The user reads the description among the transactions."""

    account_id: AccountId
    amount_cents: Annotated[Micros, BeforeValidator(parse_cents), Field(gt=0)]
    idempotency_key: IdempotencyKey
    description: Annotated[str, Field(min_length=1, max_length=200)] = "Grant"


@dataclass(frozen=True)
class GrantPreview:
    """What a grant would do to the wallet as it is now; no transfers where its key was used for it before."""

    transfers: tuple[Transfer, ...]
    before: Wallet


class Grants:
    """Gives grants."""

    def __init__(self, wallets: WalletStore) -> None:
        self._wallets = wallets

    def grant(self, request: GrantRequest) -> Done:
        """Credit the amount, once for the key, for ever; a debt is paid out of it first.

        IdempotencyKeyReused (409). Written under the conditions that the wallet is as the rule saw it and that the
        transfer's id does not exist.
        """
        asked = fingerprint(request)
        try:
            change = self._wallets.apply(request.account_id, lambda wallet: _granted(wallet, request))
        except TransferExists as exists:
            return Done(_answer(check_same(exists.transfer, asked)), replayed=True)
        return Done(_answer(change.transfers[0]))

    def preview(self, request: GrantRequest) -> GrantPreview:
        """What `grant` would do now; nothing is written. IdempotencyKeyReused (409)."""
        wallet = self._wallets.get(request.account_id)
        earlier = self._wallets.ledger.transfer(request.account_id, _id_of(request))
        if earlier is not None:
            check_same(earlier, fingerprint(request))
            return GrantPreview((), wallet)
        return GrantPreview(tuple(_granted(wallet, request).transfers), wallet)


def _id_of(request: GrantRequest) -> str:
    return transfer_id("grant_", request.account_id, request.idempotency_key)


def _granted(wallet: Wallet, request: GrantRequest) -> Change[Wallet]:
    posting, own = WalletPosting(wallet), _id_of(request)
    posting.move(
        "grant",
        own,
        PROMO,
        available(wallet.account_id),
        request.amount_cents,
        request.description,
        fingerprint=fingerprint(request),
    )
    pay_debt(posting, f"{own}:debt", own)
    return Change(after_crediting(posting.wallet), posting.transfers)


def _answer(transfer: Transfer) -> dict[str, object]:
    return {
        "grant_id": transfer.transfer_id,
        "account_id": transfer.account_id,
        "amount_cents": cents(transfer.amount),
        "balance_cents": whole_cents(transfer.left_to_spend),
        "balance_micros": transfer.left_to_spend,
        "created_at": transfer.created_at,
    }
