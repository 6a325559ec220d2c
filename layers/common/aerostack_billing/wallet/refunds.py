"""Refunds of charges: the caller gets the whole price back, once, and a creator's share is taken back with it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from aerostack_billing.creators.models import RefundRequest, pending_account
from aerostack_billing.creators.posting import CreatorPosting
from aerostack_billing.creators.store import CreatorStore
from aerostack_billing.ledger.accounts import REVENUE, available
from aerostack_billing.ledger.keys import Done, check_same, fingerprint, transfer_id
from aerostack_billing.ledger.ledger import Change, Stale, TransferExists
from aerostack_billing.ledger.models import Split, Transfer
from aerostack_billing.platform.dynamo import Write
from aerostack_billing.values.errors import Conflict, NotFound, StoreUnavailable
from aerostack_billing.values.money import cents, whole_cents
from aerostack_billing.wallet.models import Month, Wallet
from aerostack_billing.wallet.reload_states import after_crediting
from aerostack_billing.wallet.rules import WalletPosting, pay_debt
from aerostack_billing.wallet.store import WalletStore

_CHARGE_ID = re.compile(r"(ch|cap)_[0-9a-f]{40}")
_ATTEMPTS = 20


class ChargeNotFound(NotFound):
    """The account has no such charge."""

    code = "CHARGE_NOT_FOUND"


class AlreadyRefunded(Conflict):
    """The charge was refunded under another key."""

    code = "ALREADY_REFUNDED"


class Refunds:
    """Gives charges back."""

    def __init__(self, wallets: WalletStore, creators: CreatorStore) -> None:
        self._wallets = wallets
        self._creators = creators

    def refund(self, charge_id: str, request: RefundRequest) -> Done:
        """Give the whole price of a charge back, once, and take its creator's share from what is pending.

        If that has matured, it is taken from what is payable, and what is not there from the next earnings.
        ChargeNotFound (404); AlreadyRefunded (409) under another key; IdempotencyKeyReused (409) for another body.
        """
        charge = self._charge(request.account_id, charge_id)
        asked = fingerprint(request)
        for _ in range(_ATTEMPTS):
            share, also = self._taking_back(charge)
            try:
                change = self._wallets.apply(
                    request.account_id,
                    lambda wallet, share=share, also=also: _refunded(wallet, charge, request, asked, share, also),  # type: ignore[misc]
                )
            except TransferExists as exists:
                if exists.transfer.type == "charge_refund":
                    return Done(_answer(charge_id, _same(exists.transfer, request, asked)), replayed=True)
            except Stale:
                continue
            else:
                return Done(_answer(charge_id, change.transfers[0]))
        raise StoreUnavailable("The creator's earnings are changing at this moment. Ask again with the same key.")

    def _charge(self, account_id: str, charge_id: str) -> Transfer:
        found = self._wallets.ledger.transfer(account_id, charge_id) if _CHARGE_ID.fullmatch(charge_id) else None
        if found is None or found.type not in {"charge", "capture"}:
            raise ChargeNotFound("The account has no such charge.", {"charge_id": "unknown"})
        return found

    def _taking_back(self, charge: Transfer) -> tuple[Split | None, list[Write]]:
        """How the creator's share goes back: the movement, where it is pending still, and the writes it needs.

        They hold only if the creator is as it was read, so that a share is not looked for among the pending while it
        matures.
        """
        earned = charge.split
        if earned is None:
            return None, []
        creator = self._creators.get(earned.creator_id)
        if earned.due_day > creator.matured_through:
            pending = pending_account(earned.creator_id)
            split = Split(pending, REVENUE, earned.amount, earned.creator_id, earned.due_day)
            after = replace(creator, version=creator.version + 1)
            less = self._creators.earning(earned.creator_id, earned.due_day, -earned.amount)
            return split, [self._creators.writing(creator, after), less]
        posting = CreatorPosting(creator)
        posting.taken_back(_refund_id(charge), earned.amount)
        after = replace(posting.creator, version=creator.version + 1)
        ledger: Sequence[Write] = [self._creators.ledger.putting(transfer) for transfer in posting.transfers]
        return None, [self._creators.writing(creator, after), *ledger]


def _refunded(
    wallet: Wallet, charge: Transfer, request: RefundRequest, asked: str, share: Split | None, also: list[Write]
) -> Change[Wallet]:
    posting, refund_id = WalletPosting(wallet), _refund_id(charge)
    posting.move(
        "charge_refund",
        refund_id,
        REVENUE,
        available(wallet.account_id),
        charge.amount,
        request.reason or "Charge refunded",
        reference=charge.transfer_id,
        fingerprint=asked,
        details={"key": _key_of(request)},
        split=share,
    )
    month = posting.wallet.this_month
    if charge.created_at.startswith(month.period):
        month = Month(month.period, month.spent - charge.amount, month.reloaded)
    posting.wallet = replace(posting.wallet, spent=posting.wallet.spent - charge.amount, month=month)
    pay_debt(posting, f"{refund_id}:debt", charge.transfer_id)
    return Change(after_crediting(posting.wallet), posting.transfers, also)


def _refund_id(charge: Transfer) -> str:
    return f"{charge.transfer_id}:refund"


def _key_of(request: RefundRequest) -> str:
    return transfer_id("key_", request.account_id, request.idempotency_key)


def _same(refund: Transfer, request: RefundRequest, asked: str) -> Transfer:
    if refund.details.get("key") != _key_of(request):
        raise AlreadyRefunded("The charge was refunded under another key.", {"charge_id": "refunded"})
    return check_same(refund, asked)


def _answer(charge_id: str, refund: Transfer) -> dict[str, object]:
    return {
        "charge_id": charge_id,
        "refund_id": refund.transfer_id,
        "refunded_cents": cents(refund.amount),
        "balance_cents": whole_cents(refund.left_to_spend),
        "balance_micros": refund.left_to_spend,
        "created_at": refund.created_at,
    }
