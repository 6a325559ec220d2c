"""Refunds of charges: the caller gets the whole price back, once, and a creator's share is taken back with it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import cast

from aerostack_billing.ledger.accounts import REVENUE, available
from aerostack_billing.ledger.keys import Done, check_same, fingerprint, transfer_id
from aerostack_billing.ledger.ledger import Change, Stale, TransferExists
from aerostack_billing.ledger.models import Transfer
from aerostack_billing.platform.dynamo import Write
from aerostack_billing.platform.retry import attempts
from aerostack_billing.prices.models import Tokens
from aerostack_billing.values import authority
from aerostack_billing.values.errors import Conflict, NotFound, StoreUnavailable
from aerostack_billing.values.money import cents, whole_cents
from aerostack_billing.wallet.budgets import BudgetCounts, give_room_back
from aerostack_billing.wallet.models import Month, Wallet
from aerostack_billing.wallet.quota import Quota
from aerostack_billing.wallet.reload_states import after_crediting
from aerostack_billing.wallet.requests import RefundRequest
from aerostack_billing.wallet.rules import WalletPosting, pay_debt
from aerostack_billing.wallet.sharing import Sharing, TakenBack
from aerostack_billing.wallet.store import WalletStore

_CHARGE_ID = re.compile(r"(ch|cap)_[0-9a-f]{40}")
_ATTEMPTS = 20
_DISTINGUISHING = ("kind", "billing_mode", "usage", "tool_id")
"""What a refund's line says of its charge, so that the lines alone tell spending apart."""


class ChargeNotFound(NotFound):
    """The account has no such charge."""

    code = "CHARGE_NOT_FOUND"


class AlreadyRefunded(Conflict):
    """The charge was already refunded under another key."""

    code = "ALREADY_REFUNDED"


class Refunds:
    """Gives charges back."""

    def __init__(self, wallets: WalletStore, sharing: Sharing, quota: Callable[[], Quota]) -> None:
        self._wallets = wallets
        self._sharing = sharing
        self._quota = quota

    def refund(self, charge_id: str, request: RefundRequest) -> Done:
        """Give the whole price of a charge back, once, and take its creator's share from what is pending.

        Granted and deposited money go back to where they came from. A share that has matured is taken from what is
        payable, and what is not there from the next earnings. Tokens that were taken from the plan go back to it while
        their month lasts, room in a budget while its window does.
        ChargeNotFound (404); TokenRestricted (403) for a charge that the token could not have made; AlreadyRefunded
        (409) under another key; IdempotencyKeyReused (409) for another body.
        """
        charge = self._charge(request.account_id, charge_id)
        authority.current().check_undoing(str(charge.details["kind"]), charge.amount)
        asked = fingerprint(request)
        for _ in attempts(_ATTEMPTS):
            taken = self._sharing.take_back(charge.split, _refund_id(charge)) if charge.split else TakenBack()
            taken = replace(taken, writes=[*taken.writes, *self._tokens_back(charge)])
            rule = partial(_refunded, charge=charge, request=request, asked=asked, taken=taken)
            try:
                change = self._wallets.apply(request.account_id, rule, _counted_by(charge))
            except TransferExists as exists:
                if exists.transfer.type == "charge_refund":
                    return Done(_answer(charge_id, _same(exists.transfer, request, asked)), replayed=True)
            except Stale:
                continue
            else:
                return Done(_answer(charge_id, change.transfers[0]))
        raise StoreUnavailable("The creator's earnings are changing right now. Try again with the same key.")

    def _tokens_back(self, charge: Transfer) -> list[Write]:
        """The write that gives the plan its tokens back, where it paid and the month is not over."""
        usage = charge.details.get("usage")
        if charge.details.get("billing_mode") != "plan_quota" or not isinstance(usage, dict):
            return []
        tokens = Tokens(**usage).total
        returning = self._quota().returning(charge.account_id, tokens, charge.created_at[:7])
        return [] if returning is None else [returning]

    def _charge(self, account_id: str, charge_id: str) -> Transfer:
        found = self._wallets.ledger.transfer(account_id, charge_id) if _CHARGE_ID.fullmatch(charge_id) else None
        if found is None or found.type not in {"charge", "capture"}:
            raise ChargeNotFound("The account has no such charge.", {"charge_id": "unknown"})
        return found


def _refunded(
    wallet: Wallet, *, charge: Transfer, request: RefundRequest, asked: str, taken: TakenBack
) -> Change[Wallet]:
    counted = give_room_back(wallet, charge.labels, _counts(charge))
    posting, refund_id = WalletPosting(counted.wallet), _refund_id(charge)
    posting.move(
        "charge_refund",
        refund_id,
        REVENUE,
        available(wallet.account_id),
        charge.amount,
        request.reason or "Charge refunded",
        reference=charge.transfer_id,
        fingerprint=asked,
        details={"key": _key_of(request), **_distinguishing(charge), **counted.details},
        labels=charge.labels,
        split=taken.split,
        granted=charge.granted or 0,
    )
    month = posting.wallet.this_month
    if charge.created_at.startswith(month.period):
        month = Month(month.period, month.spent - charge.amount, month.reloaded)
    posting.wallet = replace(posting.wallet, spent=posting.wallet.spent - charge.amount, month=month)
    pay_debt(posting, f"{refund_id}:debt", charge.transfer_id)
    return Change(after_crediting(posting.wallet), posting.transfers, taken.writes)


def _counts(charge: Transfer) -> BudgetCounts:
    """Where a charge counts in budgets, as its line says."""
    return cast("BudgetCounts", charge.details.get("budgets", {}))


def _counted_by(charge: Transfer) -> dict[str, str]:
    return {label: charge.labels[label] for label in _counts(charge)}


def _distinguishing(charge: Transfer) -> dict[str, object]:
    return {name: charge.details[name] for name in _DISTINGUISHING if name in charge.details}


def _refund_id(charge: Transfer) -> str:
    return f"{charge.transfer_id}:refund"


def _key_of(request: RefundRequest) -> str:
    return transfer_id("key_", request.account_id, request.idempotency_key)


def _same(refund: Transfer, request: RefundRequest, asked: str) -> Transfer:
    if refund.details.get("key") != _key_of(request):
        raise AlreadyRefunded("The charge was already refunded under another key.", {"charge_id": "refunded"})
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
