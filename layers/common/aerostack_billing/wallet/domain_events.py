"""The domain events of a wallet, derived from its states before and after a change, whoever makes the change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, cast

from typing_extensions import TypedDict

from aerostack_billing.ledger.ledger import Change
from aerostack_billing.ledger.models import TransferType
from aerostack_billing.outbox.models import DomainEvent
from aerostack_billing.platform import clock
from aerostack_billing.values.money import Micros, cents, whole_cents
from aerostack_billing.wallet.budgets import figures, limits_of
from aerostack_billing.wallet.models import Budget, BudgetWindow, ReloadState, Wallet, view_reload

if TYPE_CHECKING:
    from aerostack_billing.wallet.hours import Unusual


class BalanceLow(TypedDict):
    """What the wallet holds fell below the threshold: the notifications' `balance_low_cents`, else auto-reload's, else
    the stack's.

    What is held for work under way counts as there: it is not spent.
    """

    balance_cents: int
    balance_micros: int
    held_cents: float
    debt_cents: float
    threshold_cents: float
    auto_reload_enabled: bool
    transfer_id: str
    transfer_type: TransferType


class ReloadSucceeded(TypedDict):
    """A reload's money is in the wallet."""

    transfer_id: str
    payment_intent_id: str
    amount_cents: float
    balance_cents: int
    balance_micros: int


class ReloadTrouble(TypedDict):
    """Why a reload failed, and what happens next. `attempt_id` is null if no payment was attempted."""

    attempt_id: str | None
    amount_cents: float | None
    state: str
    code: str
    message: str
    declines: int
    next_attempt_at: str | None


class ReloadFailed(ReloadTrouble):
    """A reload was declined, or the user's monthly cap leaves no room for one."""


class ReloadSuspended(ReloadTrouble):
    """No further attempt is made until the settings are saved again or the card changes."""


class ReloadActionRequired(ReloadTrouble):
    """The bank requires the payer's confirmation. `GET /api/balance` has the link."""


class _BudgetFigures(TypedDict):
    """What a budget stands at. `remaining_cents` is without what open holds have taken room for."""

    label: str
    value: str
    window: BudgetWindow
    limit_cents: float
    spent_cents: float
    held_cents: float
    remaining_cents: float
    resets_at: str | None


class BudgetAlert(_BudgetFigures):
    """A budget has spent a percentage that its owner asked to hear of: once a window for each percentage."""

    percent: int


class BudgetReachedEvent(_BudgetFigures):
    """A budget has nothing left, or refused a charge that it had no room for: once a window."""


class ChargeRefused(TypedDict):
    """A charge that came by the queue and was not taken: it was not paid, or an operator stopped its sender.

    The wallet, a budget or the plan did not pay it, or its tool costs more than it may, or is sold no more. Nobody
    waits for its answer, so this is it. The charge is in the queue of refused charges, and may be sent again with its
    key. `code` is that of the refusal, as in a charge's answer. `amount_cents` is null where it named none.
    """

    charge_id: str
    idempotency_key: str
    kind: str
    billing_mode: str
    amount_cents: float | None
    code: str
    reference: str | None
    labels: dict[str, str]
    message_id: str


class SpendingUnusual(TypedDict):
    """An account spent far more within a clock hour (UTC) than it usually does in a day's highest hour.

    `usual_cents` is 0 for an account that spent nothing on the seven days before. Told again on the same day once an
    hour is four times what was told.
    """

    hour: str
    amount_cents: float
    usual_cents: float


TYPES = {
    "charge.refused": ChargeRefused,
    "spending.unusual": SpendingUnusual,
    "budget.alert": BudgetAlert,
    "budget.reached": BudgetReachedEvent,
    "balance.low": BalanceLow,
    "reload.succeeded": ReloadSucceeded,
    "reload.failed": ReloadFailed,
    "reload.suspended": ReloadSuspended,
    "reload.action_required": ReloadActionRequired,
}


def wallet_events(before: Wallet, change: Change[Wallet], low: Micros) -> list[DomainEvent]:
    """The events that a change produces; `low` is the threshold of wallets that have none of their own."""
    found = [*_low(before, change, low), *_reloaded(change), *_troubled(before, change.owner)]
    version = str(before.version + 1)
    events = [DomainEvent(name, before.account_id, version, data) for name, data in found]
    for name, budget in _budgeted(before, change.owner):
        occasion = f"{version}:{budget['label']}:{budget['value']}"
        events.append(DomainEvent(name, before.account_id, occasion, budget))
    return events


def unusual_spending(unusual: Unusual) -> DomainEvent:
    """The event that an account's hour is far above what is usual."""
    data: SpendingUnusual = {
        "hour": f"{unusual.hour}:00:00Z",
        "amount_cents": cents(unusual.amount),
        "usual_cents": cents(unusual.usual),
    }
    return DomainEvent("spending.unusual", unusual.subject.name, f"{unusual.hour}:{unusual.amount}", data)


def _budgeted(before: Wallet, after: Wallet) -> Iterator[tuple[str, BudgetAlert | BudgetReachedEvent]]:
    """What a change made of the budgets that it met: seen from the counters alone."""
    was = {(budget.label, budget.value, budget.epoch): budget for budget in before.met}
    for budget in after.met:
        limits = limits_of(after, budget)
        earlier = was.get((budget.label, budget.value, budget.epoch), Budget("", "", ""))
        if limits is None:
            continue
        shown = cast("_BudgetFigures", figures(budget, limits))
        if budget.alerted > earlier.alerted:
            yield "budget.alert", {**shown, "percent": budget.alerted}
        if budget.reached and not earlier.reached:
            yield "budget.reached", {**shown}


def _low(before: Wallet, change: Change[Wallet], low: Micros) -> Iterator[tuple[str, BalanceLow]]:
    """Only if money moved, so that raising the threshold does not report the balance again."""
    after = change.owner
    threshold = next((own for own in (after.low, after.reload.threshold) if own is not None), low)
    if not change.transfers or not _owned(before) >= threshold > _owned(after):
        return
    last = change.transfers[-1]
    data: BalanceLow = {
        "balance_cents": whole_cents(after.balance),
        "balance_micros": after.balance,
        "held_cents": cents(after.held),
        "debt_cents": cents(after.debt),
        "threshold_cents": cents(threshold),
        "auto_reload_enabled": after.reload.enabled,
        "transfer_id": last.transfer_id,
        "transfer_type": cast("TransferType", last.type),
    }
    yield "balance.low", data


def _owned(wallet: Wallet) -> Micros:
    """The balance plus what is held. Otherwise holds near the threshold would report it again and again."""
    return wallet.balance + wallet.held - wallet.debt


def _reloaded(change: Change[Wallet]) -> Iterator[tuple[str, ReloadSucceeded]]:
    after = change.owner
    for transfer in change.transfers:
        if transfer.type == "reload":
            data: ReloadSucceeded = {
                "transfer_id": transfer.transfer_id,
                "payment_intent_id": transfer.reference or transfer.transfer_id,
                "amount_cents": cents(transfer.amount),
                "balance_cents": whole_cents(after.balance),
                "balance_micros": after.balance,
            }
            yield "reload.succeeded", data


_TYPES_OF_TROUBLE: Mapping[ReloadState, str] = {
    "suspended": "reload.suspended",
    "action_required": "reload.action_required",
}


def _troubled(before: Wallet, after: Wallet) -> Iterator[tuple[str, ReloadTrouble]]:
    """A decline that suspends produces both events: failed and suspended."""
    error, state = after.reload.last_error, after.reload.state
    if error is None or error == before.reload.last_error:
        return
    attempt = after.reload.attempt or before.reload.attempt
    trouble: ReloadTrouble = {
        "attempt_id": attempt.attempt_id if attempt else None,
        "amount_cents": cents(attempt.amount) if attempt else None,
        "state": str(view_reload(after.reload)["state"]),
        "code": error.code,
        "message": error.message,
        "declines": after.reload.declines,
        "next_attempt_at": clock.iso(after.reload.next_attempt_at),
    }
    if state not in _TYPES_OF_TROUBLE or after.reload.declines > before.reload.declines:
        yield "reload.failed", trouble
    if state in _TYPES_OF_TROUBLE:
        yield _TYPES_OF_TROUBLE[state], trouble
