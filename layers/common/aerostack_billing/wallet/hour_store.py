"""Days of subjects in the Events table, micros by hour. The table's TTL takes them away once they tell nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, cast

from aerostack_billing.outbox.store import Outbox
from aerostack_billing.platform import clock
from aerostack_billing.platform.dynamo import Dynamo, Item, Write
from aerostack_billing.values.money import Micros
from aerostack_billing.wallet.domain_events import unusual_spending
from aerostack_billing.wallet.hours import Counted, DayOf, HoursOfDay, Subject

_KEPT_SECONDS: Final = 10 * 86_400
_KEYS_AT_ONCE: Final = 100


class HourStore:
    """Reads of days, and the writes that add to them."""

    def __init__(self, dynamo: Dynamo, table: str, outbox: Outbox) -> None:
        self._dynamo = dynamo
        self._table = table
        self._outbox = outbox

    def read(self, days: Iterable[DayOf], *, consistent: bool) -> dict[DayOf, HoursOfDay]:
        """Those that there are, in one request for each hundred."""
        wanted = {_id(*day): day for day in days}
        keys: list[Item] = [{"event_id": name} for name in wanted]
        found: dict[DayOf, HoursOfDay] = {}
        for start in range(0, len(keys), _KEYS_AT_ONCE):
            some = {self._table: keys[start : start + _KEYS_AT_ONCE]}
            for item in self._dynamo.batch_get(some, consistent=consistent)[self._table]:
                day = wanted[str(item["event_id"])]
                found[day] = _day_of(*day, item)
        return found

    def counting(self, counted: Counted) -> list[Write]:
        """The writes that add to a day, with the event of an account that is told; none if it was told meanwhile."""
        names = {f"#h{hour}": f"h{hour:02}" for hour in counted.added} | {"#expires": "expires_at"}
        values: dict[str, object] = {f":h{hour}": amount for hour, amount in counted.added.items()}
        values[":expires"] = clock.seconds() + _KEPT_SECONDS
        adding = ", ".join(f"#h{hour} :h{hour}" for hour in counted.added)
        setting, condition, unusual = "#expires = :expires", None, counted.unusual
        if unusual is not None:
            setting += ", told = :told"
            values |= {":told": unusual.amount, ":before": unusual.told_before}
            condition = "told = :before" if unusual.told_before else "attribute_not_exists(told)"
        if unusual is not None and not unusual.told_before:
            del values[":before"]
        day = Write(
            self._table,
            {"event_id": _id(counted.subject, counted.day)},
            update=f"ADD {adding} SET {setting}",
            condition=condition,
            names=names,
            values=values,
        )
        if unusual is None or counted.subject.kind != "account":
            return [day]
        return [day, self._outbox.adding(unusual_spending(unusual))]


def _id(subject: Subject, day: str) -> str:
    """No kind and no day has a `#`, so that a name may have any."""
    return f"hours#{day}#{subject.kind}#{subject.name}"


def _day_of(subject: Subject, day: str, item: Item) -> HoursOfDay:
    hours = {hour: cast("Micros", item[name]) for hour in range(24) if (name := f"h{hour:02}") in item}
    return HoursOfDay(subject, day, hours, cast("Micros", item.get("told", 0)))
