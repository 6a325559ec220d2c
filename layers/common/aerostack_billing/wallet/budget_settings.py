"""The budgets that an account sets: what may be spent under a value of a label, or under each value of it."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import Final

from aerostack_billing.ledger.ledger import Change
from aerostack_billing.values.checks import required
from aerostack_billing.values.errors import InvalidRequest, NotFound
from aerostack_billing.values.fields import validated
from aerostack_billing.values.money import cents
from aerostack_billing.values.paging import packed, unknown_cursor, unpacked
from aerostack_billing.wallet.budgets import EACH, counted_now, figures, limits_of, percent_passed
from aerostack_billing.wallet.models import Budget, BudgetLimits, LabelBudgets, Wallet
from aerostack_billing.wallet.requests import BudgetName, BudgetRequest
from aerostack_billing.wallet.store import WalletStore, budget_item

MOST_BUDGETS: Final = 200
MOST_BUDGETED_LABELS: Final = 20
"""Each stands in the wallet, which every charge writes."""
PAGE: Final = 100


class BudgetNotFound(NotFound):
    """There is no budget of that value, and none of each value of its label."""

    code = "BUDGET_NOT_FOUND"


class TooManyBudgets(InvalidRequest):
    """The account has as many budgets as one may have."""

    code = "TOO_MANY_BUDGETS"


class Budgets:
    """Sets, takes away and shows budgets."""

    def __init__(self, wallets: WalletStore) -> None:
        self._wallets = wallets

    def put(self, account_id: str, name: BudgetName, request: BudgetRequest) -> dict[str, object]:
        """Set a budget, or change one. It counts from now on; a change that keeps the window keeps what is counted.

        A limit below what is spent blocks, and takes nothing back. TooManyBudgets (422). Written under the wallet's
        version, so that each charge is under the old budget or under the new one.
        """
        change = self._wallets.apply(
            account_id, lambda wallet: Change(_set(wallet, name, request)), _labels(name), surely=True
        )
        return _view(change.owner, _counter(change.owner, name), name)

    def delete(self, account_id: str, name: BudgetName) -> dict[str, object]:
        """Take a budget away; what it was. BudgetNotFound (404)."""
        gone: list[dict[str, object]] = []

        def rule(wallet: Wallet) -> Change[Wallet]:
            gone[:] = [_view(wallet, _own(wallet, name), name)]
            return Change(_unset(wallet, name))

        self._wallets.apply(account_id, rule, _labels(name), surely=True)
        return gone[0]

    def get(self, account_id: str, name: BudgetName) -> dict[str, object]:
        """What a value of a label stands at, by its own budget or that of each value. BudgetNotFound (404)."""
        wallet = self._wallets.get(account_id, _labels(name), surely=True)
        budget = _counter(wallet, name)
        if limits_of(wallet, budget) is None:
            raise _not_found(name)
        return _view(wallet, budget, name)

    def list(self, account_id: str, label: str | None, cursor: str | None) -> dict[str, object]:
        """Every budget, and under one of each value those values that were counted in this window; page by page.

        InvalidRequest (422) for what is no label, and for a cursor that leads on in no such list.
        """
        if label is not None:
            validated(BudgetName, {"label": label, "value": EACH})
        after = _read_cursor(cursor, label)
        wallet = self._wallets.get(account_id)
        found = list(islice(self._wallets.budgets(account_id, after, label), PAGE + 1))
        shown = [
            _view(wallet, budget, BudgetName(label=budget.label, value=budget.value))
            for budget in found[:PAGE]
            if _is_live(wallet, budget)
        ]
        each = [
            _view(wallet, Budget(account_id, name, EACH), BudgetName(label=name, value=EACH))
            for name, budgets in sorted(wallet.budgets.items())
            if budgets.each is not None and not after and label in (None, name)
        ]
        more = found[PAGE - 1] if len(found) > PAGE else None
        return {
            "budgets": [*each, *shown],
            "next_cursor": None if more is None else _cursor(budget_item(more.label, more.value)),
        }


def _set(wallet: Wallet, name: BudgetName, request: BudgetRequest) -> Wallet:
    of_label = wallet.budgets.get(name.label, LabelBudgets())
    budget = _counter(wallet, name)
    standing = of_label.each if name.value == EACH else budget.own
    _check_number(wallet, name, new=standing is None)
    before = standing if name.value == EACH else limits_of(wallet, budget)
    keeps = before is not None and before.window == request.window
    epoch = before.epoch if before is not None and keeps else wallet.version + 1
    limits = BudgetLimits(
        request.limit_cents,
        request.window,
        request.per_charge_max_cents,
        request.include_byok,
        tuple(request.alert_percent),
        epoch,
    )
    if name.value == EACH:
        return replace(wallet, budgets={**wallet.budgets, name.label: replace(of_label, each=limits)})
    now = counted_now(wallet, budget, limits)
    # What was passed already under the new limit is not announced; that nothing passes is announced again.
    now = replace(now, own=limits, alerted=percent_passed(now.spent, limits), reached=False)
    count = of_label.own + int(budget.own is None)
    return replace(wallet, budgets={**wallet.budgets, name.label: replace(of_label, own=count)}, met=(now,))


def _unset(wallet: Wallet, name: BudgetName) -> Wallet:
    of_label = wallet.budgets[name.label]
    met: tuple[Budget, ...] = wallet.met
    if name.value == EACH:
        of_label = replace(of_label, each=None)
    else:
        # Under a budget of each value the counter goes on; else there is nothing left to count.
        met = () if of_label.each is None else (replace(_counter(wallet, name), own=None),)
        of_label = replace(of_label, own=of_label.own - 1)
    budgets = {**wallet.budgets, name.label: of_label}
    if of_label == LabelBudgets():
        del budgets[name.label]
    return replace(wallet, budgets=budgets, met=met)


def _check_number(wallet: Wallet, name: BudgetName, *, new: bool) -> None:
    total = sum(budgets.own + int(budgets.each is not None) for budgets in wallet.budgets.values())
    if new and total >= MOST_BUDGETS:
        raise TooManyBudgets(
            f"An account has {MOST_BUDGETS} budgets at most. Delete one, or set one of each value ({EACH}).",
            {"value": "would be one more"},
        )
    if name.label not in wallet.budgets and len(wallet.budgets) >= MOST_BUDGETED_LABELS:
        raise TooManyBudgets(
            f"Budgets are set under {MOST_BUDGETED_LABELS} labels at most.", {"label": "would be one more"}
        )


def _own(wallet: Wallet, name: BudgetName) -> Budget:
    """The counter of a budget that was set under this very name; BudgetNotFound (404)."""
    budget = _counter(wallet, name)
    of_label = wallet.budgets.get(name.label, LabelBudgets())
    if (of_label.each if name.value == EACH else budget.own) is None:
        raise _not_found(name)
    return budget


def _counter(wallet: Wallet, name: BudgetName) -> Budget:
    """The counter of a value; that of each value has none, though a charge may be labelled with its name."""
    if name.value == EACH:
        return Budget(wallet.account_id, name.label, EACH)
    found = (budget for budget in wallet.met if (budget.label, budget.value) == (name.label, name.value))
    return next(found, Budget(wallet.account_id, name.label, name.value))


def _is_live(wallet: Wallet, budget: Budget) -> bool:
    """Whether a counter is to be shown: of its own budget always, of one of each value if it counts in this window.

    That of a charge labelled `*` has no name of its own: by this name stands the budget of each value.
    """
    limits = limits_of(wallet, budget)
    if budget.value == EACH or limits is None:
        return False
    return budget.own is not None or counted_now(wallet, budget, limits) == budget


def _not_found(name: BudgetName) -> BudgetNotFound:
    return BudgetNotFound("There is no such budget.", {"label": name.label, "value": name.value})


def _labels(name: BudgetName) -> dict[str, str]:
    return {name.label: name.value}


def _view(wallet: Wallet, budget: Budget, name: BudgetName) -> dict[str, object]:
    """As the answers show a budget. That of each value counts nothing itself: nulls."""
    limits = required(limits_of(wallet, budget), "the limit of a budget that is shown")
    now = counted_now(wallet, budget, limits)
    shown = figures(now, limits)
    if name.value == EACH:
        shown |= dict.fromkeys(("spent_cents", "held_cents", "remaining_cents"))
    most = limits.per_charge_max
    return {
        **shown,
        "per_charge_max_cents": None if most is None else cents(most),
        "include_byok": limits.include_byok,
        "alert_percent": list(limits.alert_percent),
        "inherited": name.value != EACH and budget.own is None,
        "state": _state(now, limits),
    }


def _state(budget: Budget, limits: BudgetLimits) -> str:
    if budget.spent + budget.held >= limits.limit:
        return "reached"
    return "alert" if percent_passed(budget.spent, limits) else "ok"


def _cursor(item: str) -> str:
    return packed(item)


def _read_cursor(cursor: str | None, label: str | None) -> str:
    if not cursor:
        return ""
    item: str = ""
    name: BudgetName | None = None
    try:
        item = unpacked(cursor)
        _, of_label, value = item.split("#", 2)
        name = BudgetName(label=of_label, value=value)
    except ValueError:
        pass  # no base64, no text, no item or no name: refused below
    if name is None or item != budget_item(name.label, name.value) or label not in (None, name.label):
        raise unknown_cursor()
    return item
