"""The budgets of a fake service: how they count, refuse and are set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

from aerostack_billing_client.testing.asked import Asked
from aerostack_billing_client.testing.state import (
    BudgetCount,
    BudgetTerms,
    FakeAccount,
    Hold,
    Json,
    Refused,
    Room,
    micros_of,
    shown,
)

EACH = "*"
_ALERTS = (50, 80, 100)
Name = tuple[str, str]


def hold_room(asked: Asked, labels: Mapping[str, str], micros: int) -> Room:
    """Set room aside in every budget that the labels meet, or refuse."""
    return _take(asked, labels, micros, held=True)


def spend_room(
    asked: Asked,
    labels: Mapping[str, str],
    micros: int,
    *,
    byok: bool = False,
    hold: Hold | None = None,
    covered: int = 0,
) -> Room:
    """Count it as spent in every budget that the labels meet, or refuse. `byok`: only where such count.

    What a hold covered is not asked again of the budgets that it took room in.
    """
    return _take(asked, labels, micros, byok=byok, hold=hold, covered=covered)


def room_left(asked: Asked, labels: Mapping[str, str]) -> int:
    """The least that any budget which the labels meet has left for one charge."""
    found = [asked.account.micros]
    for _, terms, count in _met(asked, labels):
        left = max(0, terms.limit - count.spent - count.held)
        found.append(left if terms.per_charge_max is None else min(left, terms.per_charge_max))
    return min(found)


def give_room_back(account: FakeAccount, room: Room) -> None:
    """Take a refunded charge off the budgets whose windows are still open."""
    for name, (start, micros) in room.items():
        count = account.counts.get(name)
        if count is not None and count.start == start:
            count.spent -= micros


def put_budget(asked: Asked) -> Json:
    """Set a budget."""
    name, body = _named(asked), asked.body
    most = body.get("per_charge_max_cents")
    given = body.get("alert_percent")
    asked.account.budgets[name] = BudgetTerms(
        micros_of(body["limit_cents"]),
        str(body["window"]),
        None if most is None else micros_of(most),
        bool(body.get("include_byok")),
        tuple(given) if isinstance(given, list) else _ALERTS,
    )
    return _view(asked, name)


def get_budget(asked: Asked) -> Json:
    """One budget, its own or that of each value."""
    if _terms(asked.account, _named(asked)) is None:
        raise _unknown(asked)
    return _view(asked, _named(asked))


def delete_budget(asked: Asked) -> Json:
    """Take a budget away; what it was."""
    account, name = asked.account, _named(asked)
    if name not in account.budgets:
        raise _unknown(asked)
    was = _view(asked, name)
    del account.budgets[name]
    return was


def list_budgets(asked: Asked) -> Json:
    """Every budget, and under one of each value those values that count."""
    account, label = asked.account, asked.body.get("label")
    names = {name for name in (*account.budgets, *account.counts) if _terms(account, name) is not None}
    found = sorted((name for name in names if label in (None, name[0])), key=lambda name: (name[1] != EACH, name))
    return {"budgets": [_view(asked, name) for name in found], "next_cursor": None}


def _take(
    asked: Asked,
    labels: Mapping[str, str],
    micros: int,
    *,
    held: bool = False,
    byok: bool = False,
    hold: Hold | None = None,
    covered: int = 0,
) -> Room:
    room: Room = {}
    counting: list[tuple[BudgetCount, int]] = []
    for name, terms, count in list(_met(asked, labels)) if micros > 0 else []:
        if byok and not terms.include_byok:
            continue
        before = None if hold is None else hold.room.get(name)
        guaranteed = covered if before is not None else 0
        counted = micros if before is None or before[0] == count.start else max(0, micros - covered)
        too_dear = terms.per_charge_max is not None and micros > terms.per_charge_max
        if micros > guaranteed and (too_dear or count.spent + count.held + counted > terms.limit):
            raise Refused(
                402,
                "BUDGET_REACHED",
                f"The budget of {name[0]} {name[1]} has no room for this.",
                **_figures(asked, name, terms, count),
                required_cents=shown(micros),
            )
        room[name] = count.start, counted
        counting.append((count, counted))
    for count, counted in counting:
        count.held += counted if held else 0
        count.spent += 0 if held else counted
    return room


def _met(asked: Asked, labels: Mapping[str, str]) -> Iterator[tuple[Name, BudgetTerms, BudgetCount]]:
    account = asked.account
    for name in sorted(labels.items()):
        terms = _terms(account, name)
        if terms is not None:
            account.counts[name] = count = _count(asked, name, terms)
            yield name, terms, count


def _terms(account: FakeAccount, name: Name) -> BudgetTerms | None:
    return account.budgets.get(name) or account.budgets.get((name[0], EACH))


def _count(asked: Asked, name: Name, terms: BudgetTerms) -> BudgetCount:
    """What is counted in the window of this moment."""
    start = {"day": asked.iso()[:10], "month": asked.period}.get(terms.window, "ever")
    found = asked.account.counts.get(name)
    return found if found is not None and found.start == start else BudgetCount(start)


def _figures(asked: Asked, name: Name, terms: BudgetTerms, count: BudgetCount) -> Json:
    left = max(0, terms.limit - count.spent - count.held)
    amounts = {
        "limit_cents": terms.limit,
        "spent_cents": count.spent,
        "held_cents": count.held,
        "remaining_cents": left,
    }
    told: Json = {"label": name[0], "value": name[1], "window": terms.window, "resets_at": _resets_at(asked, terms)}
    return told | {field: shown(micros) for field, micros in amounts.items()}


def _view(asked: Asked, name: Name) -> Json:
    terms = _terms(asked.account, name)
    if terms is None:
        raise _unknown(asked)
    count = _count(asked, name, terms)
    figures = _figures(asked, name, terms, count)
    if name[1] == EACH:
        figures |= dict.fromkeys(("spent_cents", "held_cents", "remaining_cents"))
    passed = any(count.spent * 100 >= terms.limit * percent for percent in terms.alert_percent)
    reached = count.spent + count.held >= terms.limit
    return {
        **figures,
        "per_charge_max_cents": None if terms.per_charge_max is None else shown(terms.per_charge_max),
        "include_byok": terms.include_byok,
        "alert_percent": list(terms.alert_percent),
        "inherited": name not in asked.account.budgets,
        "state": "reached" if reached else "alert" if passed else "ok",
    }


def _resets_at(asked: Asked, terms: BudgetTerms) -> str | None:
    if terms.window == "total":
        return None
    now = datetime.fromtimestamp(asked.now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    next_month = (now.replace(day=1) + timedelta(days=32)).replace(day=1)
    end = now + timedelta(days=1) if terms.window == "day" else next_month
    return f"{end:%Y-%m-%dT%H:%M:%SZ}"


def _named(asked: Asked) -> Name:
    return asked.path["label"], asked.path["id"]


def _unknown(asked: Asked) -> Refused:
    label, value = _named(asked)
    return Refused(404, "BUDGET_NOT_FOUND", "There is no such budget.", label=label, value=value)
