"""Services that operators stopped: whoever leaked a token, or runs wild, is refused by name on every route.

One item of the Events table has all names. Each process remembers it for half a minute, so that a request costs
nothing more and a stop takes effect that soon.
"""

from __future__ import annotations

from typing import Final, cast

from aerostack_billing.platform import clock
from aerostack_billing.platform.dynamo import ConditionFailed, Dynamo, Item, Write
from aerostack_billing.values.errors import CallerBlocked, OperatorRefused, StoreUnavailable

KNOWN_SECONDS: Final = 30
_KEY: Final[Item] = {"event_id": "callers#blocked"}
_MOST = 200


class TooManyBlocked(OperatorRefused):
    """The item of blocked callers is full."""

    code = "TOO_MANY_BLOCKED_CALLERS"


class BlockedCallers:
    """Who is stopped."""

    def __init__(self, dynamo: Dynamo, table: str) -> None:
        self._dynamo = dynamo
        self._table = table
        self._known: dict[str, str] = {}
        self._read_at: int | None = None

    def check(self, caller: str | None) -> None:
        """Return if the caller is not stopped; CallerBlocked (403) if it is.

        Where the store cannot be read, what was read last counts; StoreUnavailable (503) where nothing was.
        """
        if caller is not None and caller in self._remembered():
            raise CallerBlocked("An operator stopped this caller. Ask whoever runs the billing service.")

    def blocked(self) -> dict[str, str]:
        """Every caller that is stopped, with the time since when, read consistently."""
        return _callers(self._dynamo.get(self._table, _KEY))

    def block(self, caller: str) -> None:
        """Stop a caller; one that is stopped stays so, since the same time. TooManyBlocked (409)."""
        now = {":now": clock.iso_now()}
        add = Write(
            self._table,
            _KEY,
            update="SET callers.#caller = if_not_exists(callers.#caller, :now)",
            condition="attribute_exists(callers) AND size(callers) < :most",
            names={"#caller": caller},
            values={**now, ":most": _MOST},
        )
        try:
            self._dynamo.update(add)
        except ConditionFailed as failed:
            if failed.item is not None:
                raise TooManyBlocked(f"{_MOST} callers are stopped. Let others go first.") from failed
            first: Item = {**_KEY, "callers": {caller: now[":now"]}}
            try:
                self._dynamo.put(Write(self._table, {}, put=first, condition="attribute_not_exists(event_id)"))
            except ConditionFailed:
                self._dynamo.update(add)

    def unblock(self, caller: str) -> None:
        """Let a caller go on; one that is not stopped is left as it is."""
        remove = Write(
            self._table,
            _KEY,
            update="REMOVE callers.#caller",
            condition="attribute_exists(callers)",
            names={"#caller": caller},
        )
        try:
            self._dynamo.update(remove)
        except ConditionFailed:
            return

    def _remembered(self) -> dict[str, str]:
        now = clock.seconds()
        if self._read_at is None or not 0 <= now - self._read_at < KNOWN_SECONDS:
            try:
                self._known = _callers(self._dynamo.get(self._table, _KEY, consistent=False))
            except StoreUnavailable:
                if self._read_at is None:
                    raise
            self._read_at = now
        return self._known


def _callers(item: Item | None) -> dict[str, str]:
    return {} if item is None else dict(cast("dict[str, str]", item.get("callers", {})))
