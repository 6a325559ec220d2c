"""What a wallet shows its owner: the balance, the transactions that explain it, and the cap on spending."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

from aerostack_billing.ledger.ledger import Change
from aerostack_billing.ledger.models import Transfer, TransferType
from aerostack_billing.values.errors import InvalidRequest
from aerostack_billing.values.money import micros
from aerostack_billing.values.paging import limit_of, packed, unknown_cursor, unpacked
from aerostack_billing.wallet.models import Wallet
from aerostack_billing.wallet.requests import SpendCapRequest
from aerostack_billing.wallet.store import WalletStore

DEFAULT_LIMIT = 25
MAX_LIMIT = 100
_PAGES_LOOKED_THROUGH = 10
_FIRST = 1


class Statement:
    """Shows wallets, and keeps the user's cap."""

    def __init__(self, wallets: WalletStore) -> None:
        self._wallets = wallets

    def cap(self, account_id: str, request: SpendCapRequest) -> Wallet:
        """The wallet with the monthly spending cap set, or taken away by null."""
        cap = None if request.monthly_cap_cents is None else micros(request.monthly_cap_cents)
        return self._wallets.apply(account_id, lambda wallet: Change(replace(wallet, spend_cap=cap))).owner

    def transactions(
        self, account_id: str, limit: str | None, cursor: str | None, kind: str | None
    ) -> dict[str, object]:
        """A page of transactions, newest first, of one type where `kind` names it.

        `next_cursor` is null at the end. Looking for a rare type stops after a while and hands back a cursor to go on
        from, also with a page that is not full. InvalidRequest (422).
        """
        size, below = limit_of(limit, DEFAULT_LIMIT, MAX_LIMIT), _read_cursor(cursor)
        if kind is not None and kind not in get_args(TransferType):
            known = ", ".join(get_args(TransferType))
            raise InvalidRequest(f"There is no transaction type {kind!r}. Known: {known}.", {"type": "unknown"})
        found: list[Transfer] = []
        for _ in range(_PAGES_LOOKED_THROUGH):
            page = self._wallets.ledger.newest(account_id, below, MAX_LIMIT if kind else size + 1)
            found += [transfer for transfer in page if kind in (None, transfer.type)]
            below = page[-1].seq if page else _FIRST
            if len(found) > size or below == _FIRST:
                break
        shown = found[:size]
        after = shown[-1].seq if len(found) > size else below or _FIRST
        return {
            "transactions": [transfer.view() for transfer in shown],
            "next_cursor": _cursor(after) if after > _FIRST else None,
        }


def _cursor(seq: int) -> str:
    return packed(f"seq:{seq}")


def _read_cursor(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    try:
        name, _, seq = unpacked(cursor).partition(":")
    except ValueError:
        name, seq = "", ""
    if name != "seq" or not (seq.isascii() and seq.isdigit()) or len(seq) > 18:
        raise unknown_cursor()
    return int(seq)
