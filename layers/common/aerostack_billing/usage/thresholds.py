"""The notes of what was told of a counter: each level is told once, and its news is stored with the note.

The note stands on the counter's own item, so that every answer carries it and the next caller tells what one that broke
off did not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aerostack_billing.outbox.models import News
from aerostack_billing.outbox.store import Outbox
from aerostack_billing.platform.dynamo import ConditionFailed, Dynamo, TransactionRefused, Write
from aerostack_billing.usage.models import Level
from aerostack_billing.usage.store import read_sheet


class Thresholds:
    """Conditional writes of the notes."""

    def __init__(self, dynamo: Dynamo, table: str, outbox: Outbox) -> None:
        self._dynamo = dynamo
        self._table = table
        self._outbox = outbox

    def announce(
        self,
        account_id: str,
        item: str,
        name: str,
        level: Level,
        *,
        announced: Level,
        news: Callable[[Level], News],
    ) -> list[Level]:
        """Note that the counter has come to `level`; the levels that this caller, and no other, is to tell of.

        `announced` is what the caller saw noted. Another's note in between is taken into account: a level is handed
        out once, however many callers pass it together. Their `news` are stored with the note, or neither is.
        """
        for _ in Level:
            if announced == level:
                return []
            passed = [between for between in Level if announced < between <= level]
            writes = [self._outbox.adding(news(between)) for between in passed]
            stood = self._note(account_id, item, name, level, announced, writes)
            if stood is None:
                return passed
            if stood > level > announced:
                return []
            announced = stood
        return []

    def _note(
        self, account_id: str, item: str, name: str, level: Level, instead_of: Level, news: Sequence[Write]
    ) -> Level | None:
        """Note the level in place of the one that was seen, with the news; None if it was, else what stands there."""
        unset = "attribute_not_exists(#level) OR " if instead_of is Level.QUIET else ""
        note = Write(
            self._table,
            {"account_id": account_id, "period": item},
            update="SET #level = :level",
            condition=f"{unset}#level = :before",
            names={"#level": f"{name}_level"},
            values={":level": int(level), ":before": int(instead_of)},
        )
        try:
            if news:
                self._dynamo.transact([note, *news])
            else:
                self._dynamo.update(note)
        except (ConditionFailed, TransactionRefused) as failed:
            there = failed.item if isinstance(failed, ConditionFailed) else failed.reasons[0].item
            return read_sheet(there).counters[name].announced if there else level
        return None
