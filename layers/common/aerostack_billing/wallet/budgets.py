"""Budgets: what may be spent under a label, counted in the transaction that takes the money.

A budget's counter is written with the wallet, under the wallet's version. Each run of a window has a number of its own,
its `epoch`: the version of the wallet that began it. A line of the ledger keeps the epochs that it counts in, so that a
refund finds whether its window is still open, and the audit adds up the very same lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from aerostack_billing.platform import clock
from aerostack_billing.values.errors import BillingError
from aerostack_billing.values.money import Micros, cents
from aerostack_billing.wallet.models import Budget, BudgetLimits, BudgetWindow, LabelBudgets, Wallet

EACH: Final = "*"
"""The value that stands for each value of a label which has no budget of its own."""

BudgetCounts = dict[str, list[int]]
"""By label: the epoch that a line counts in, and the micros that it counts there."""


class BudgetReached(BillingError):
    """A budget that the labels meet has no room for it: nothing was taken."""

    status, code = 402, "BUDGET_REACHED"

    def __init__(self, wallet: Wallet, budget: Budget, limits: BudgetLimits, required: Micros) -> None:
        shown = figures(budget, limits)
        details = {**shown, "required_cents": cents(required)}
        if limits.per_charge_max is not None and required > limits.per_charge_max:
            details["per_charge_max_cents"] = cents(limits.per_charge_max)
            message = f"The budget of {budget.label} {budget.value} allows less than this for one charge."
        else:
            message = f"The budget of {budget.label} {budget.value} has no room for this. Raise it"
            message += "." if shown["resets_at"] is None else f", or wait until {shown['resets_at']}."
        super().__init__(message, details)
        self.account_id = wallet.account_id
        self.label, self.value = budget.label, budget.value
        self.reported = budget.reached


@dataclass(frozen=True)
class Counted:
    """A wallet whose budgets count what was asked, and what its line keeps of that."""

    wallet: Wallet
    counts: BudgetCounts

    @property
    def details(self) -> dict[str, object]:
        """For the line's details; nothing where no budget is met."""
        return {"budgets": self.counts} if self.counts else {}


def limits_of(wallet: Wallet, budget: Budget) -> BudgetLimits | None:
    """What holds of a value of a label: its own budget, else that of each value."""
    return budget.own or wallet.budgets.get(budget.label, LabelBudgets()).each


def counted_now(wallet: Wallet, budget: Budget, limits: BudgetLimits) -> Budget:
    """The counter as it is at this moment: restarted where its window is over, or it counted by another budget."""
    start = window_start(limits.window)
    if budget.epoch >= limits.epoch and budget.start == start and budget.epoch > 0:
        return budget
    return replace(budget, epoch=wallet.version + 1, start=start, spent=0, held=0, alerted=0, reached=False)


def hold_room(wallet: Wallet, labels: Mapping[str, str], amount: Micros) -> Counted:
    """Set room aside in every budget that the labels meet; BudgetReached (402) by the first that has none."""
    counts: BudgetCounts = {}
    for budget, limits in _met(wallet, labels, amount):
        _check(wallet, budget, limits, amount)
        wallet = _with(wallet, replace(budget, held=budget.held + amount))
        counts[budget.label] = [budget.epoch, amount]
    return Counted(wallet, counts)


def spend_room(
    wallet: Wallet,
    labels: Mapping[str, str],
    amount: Micros,
    *,
    byok: bool = False,
    held_for: Mapping[str, str] | None = None,
    epochs: Mapping[str, int] | None = None,
    covered: Micros = 0,
) -> Counted:
    """Count an amount as spent in every budget that the labels meet; BudgetReached (402) by the first without room.

    `byok`: an estimate, which only budgets that include such count. For a capture, `held_for` are its hold's labels,
    `epochs` the windows in which the hold took room, and `covered` what the hold guarantees: so much settles in the
    hold's window without being asked, and is no part of a window that began after it.
    """
    counts: BudgetCounts = {}
    for budget, limits in _met(wallet, labels, amount):
        if byok and not limits.include_byok:
            continue
        counted = amount
        if (held_for or {}).get(budget.label) == budget.value:
            settles_here = (epochs or {}).get(budget.label) == budget.epoch
            counted = amount if settles_here else max(0, amount - covered)
        if amount > covered or (held_for or {}).get(budget.label) != budget.value:
            _check(wallet, budget, limits, counted, of=amount)
        if counted > 0:
            wallet = _with(wallet, _spent(budget, limits, counted))
            counts[budget.label] = [budget.epoch, counted]
    return Counted(wallet, counts)


def free_room(wallet: Wallet, labels: Mapping[str, str], epochs: Mapping[str, int], amount: Micros) -> Wallet:
    """Give back the room that a hold took, in the windows that are still the ones it took it in."""
    for budget in wallet.met:
        if labels.get(budget.label) == budget.value and epochs.get(budget.label) == budget.epoch:
            wallet = _with(wallet, replace(budget, held=budget.held - amount))
    return wallet


def give_room_back(wallet: Wallet, labels: Mapping[str, str], counts: Mapping[str, list[int]]) -> Counted:
    """Take a refunded charge off the budgets that counted it, where their windows are still open."""
    back: BudgetCounts = {}
    for budget in wallet.met:
        limits, count = limits_of(wallet, budget), counts.get(budget.label)
        if limits is None or count is None or labels.get(budget.label) != budget.value:
            continue
        if count[0] == budget.epoch and counted_now(wallet, budget, limits) == budget:
            wallet = _with(wallet, replace(budget, spent=budget.spent - count[1]))
            back[budget.label] = [budget.epoch, -count[1]]
    return Counted(wallet, back)


def room_left(wallet: Wallet, labels: Mapping[str, str]) -> Micros | None:
    """The least that any budget which the labels meet has left, for one charge; None where none is met."""
    found = []
    for budget, limits in _met(wallet, labels, 1):
        left = max(0, limits.limit - budget.spent - budget.held)
        found.append(left if limits.per_charge_max is None else min(left, limits.per_charge_max))
    return min(found, default=None)


def reached(wallet: Wallet, label: str, value: str) -> Wallet:
    """The wallet with a budget recorded as one that refused a charge, so that it is announced once a window."""
    for budget, _ in _met(wallet, {label: value}, 1):
        wallet = _with(wallet, replace(budget, reached=True))
    return wallet


def window_start(window: BudgetWindow) -> str:
    """The run of a window that this moment is in: its day, its month, or all time."""
    if window == "total":
        return "ever"
    return clock.now().strftime("%Y-%m-%d" if window == "day" else "%Y-%m")


def resets_at(window: BudgetWindow) -> str | None:
    """When the window that this moment is in ends; None: never."""
    if window == "total":
        return None
    now = clock.now()
    if window == "month":
        return f"{clock.next_period(clock.period())}-01T00:00:00Z"
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
    return clock.iso(midnight + 86_400)


def figures(budget: Budget, limits: BudgetLimits) -> dict[str, object]:
    """What a budget stands at; `remaining_cents` is what it still has room for."""
    return {
        "label": budget.label,
        "value": budget.value,
        "window": limits.window,
        "limit_cents": cents(limits.limit),
        "spent_cents": cents(budget.spent),
        "held_cents": cents(budget.held),
        "remaining_cents": cents(max(0, limits.limit - budget.spent - budget.held)),
        "resets_at": resets_at(limits.window),
    }


def percent_passed(spent: Micros, limits: BudgetLimits) -> int:
    """The highest of the budget's alerts that so much spent has reached; 0: none."""
    return max((percent for percent in limits.alert_percent if spent * 100 >= limits.limit * percent), default=0)


def _met(wallet: Wallet, labels: Mapping[str, str], amount: Micros) -> Iterator[tuple[Budget, BudgetLimits]]:
    """The budgets that the labels meet, as they count at this moment; none where there is nothing to count."""
    if amount <= 0:
        return
    for budget in wallet.met:
        limits = limits_of(wallet, budget)
        if limits is not None and labels.get(budget.label) == budget.value:
            yield counted_now(wallet, budget, limits), limits


def _check(wallet: Wallet, budget: Budget, limits: BudgetLimits, amount: Micros, of: Micros | None = None) -> None:
    """Return if the budget has room; `of` is the whole charge, which its highest charge is held against."""
    whole = amount if of is None else of
    too_dear = limits.per_charge_max is not None and whole > limits.per_charge_max
    if too_dear or budget.spent + budget.held + amount > limits.limit:
        raise BudgetReached(wallet, budget, limits, whole if too_dear else amount)


def _spent(budget: Budget, limits: BudgetLimits, amount: Micros) -> Budget:
    spent = budget.spent + amount
    return replace(
        budget,
        spent=spent,
        alerted=max(budget.alerted, percent_passed(spent, limits)),
        reached=budget.reached or spent >= limits.limit,
    )


def _with(wallet: Wallet, budget: Budget) -> Wallet:
    met = [budget if (each.label, each.value) == (budget.label, budget.value) else each for each in wallet.met]
    return replace(wallet, met=tuple(met))
