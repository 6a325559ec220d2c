"""Adds an account's new lines to its spending: by a schedule for whoever has many, or all of it again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from aerostack_billing.ledger.ledger import Ledger
from aerostack_billing.ledger.models import Transfer
from aerostack_billing.platform.dynamo import ConditionFailed
from aerostack_billing.values.errors import StoreUnavailable
from aerostack_billing.wallet.agendas import SPENDING_AGENDA
from aerostack_billing.wallet.hours import Hours, countable
from aerostack_billing.wallet.spending import (
    MOST_LABELS,
    NO_LABEL,
    Cursor,
    Folding,
    Sheet,
    SheetName,
    Torn,
    of_days,
    unbroken,
)
from aerostack_billing.wallet.spending_store import SpendingStore
from aerostack_billing.wallet.store import WalletStore

LINES_AT_ONCE: Final = 2_000
DAYS_AT_ONCE: Final = 4
"""With every label of an account, their sheets are read by one request."""
_TURNS = 20


class SpendingFold:
    """Adds lines up, in their order, each once: a sheet says itself which lines it contains.

    So what is written need not be one transaction. Labels' sheets go before that of their day, and the cursor last: who
    dies in between leaves sheets that are ahead of the cursor, and whoever goes on passes over what they contain. With
    the cursor goes, in one transaction, what only it counts once: the lines by hour.
    """

    def __init__(self, store: SpendingStore, wallets: WalletStore, ledger: Ledger, hours: Hours) -> None:
        self._hours = hours
        self._store = store
        self._wallets = wallets
        self._ledger = ledger

    def sweep(self, may_go_on: Callable[[], bool] = lambda: True) -> int:
        """Add up the lines of every account on the agenda; how many. Safe to run twice at once, to stop anywhere."""
        added = 0
        for account_id, _ in self._wallets.due(SPENDING_AGENDA):
            if not may_go_on():
                break
            added += self.catch_up(account_id, may_go_on)
            self._store.unmark(account_id, self._store.cursor(account_id).through)
        return added

    def catch_up(self, account_id: str, may_go_on: Callable[[], bool] = lambda: True) -> int:
        """Add up the account's lines that no sheet contains yet; how many. Another who does it at once has the turn."""
        added = 0
        while may_go_on():
            cursor = self._store.cursor(account_id)
            lines = [] if cursor.rebuilding else self._next(cursor)
            if not lines:
                break
            try:
                self._add(cursor, lines)
            except (ConditionFailed, Torn):
                break
            added += len(lines)
        return added

    def rebuild(self, account_id: str) -> int:
        """Rebuild all of the account's spending from its ledger; of how many lines. Safe to run again at any point.

        The cursor says so meanwhile: nobody else adds to the sheets then, and nobody shows them. StoreUnavailable where
        another rebuilds it at this moment: that one's result stands. Lines that were not added up yet are so first, for
        they are counted by hour as they are.
        """
        self.catch_up(account_id)
        try:
            return self._rebuilt(account_id)
        except ConditionFailed as overtaken:
            raise StoreUnavailable("The account's spending is being rebuilt by another right now.") from overtaken

    def _rebuilt(self, account_id: str) -> int:
        cursor = self._store.cursor(account_id)
        self._store.advance(cursor, replace(cursor, rebuilding=True), {})
        cursor = self._store.cursor(account_id)
        folding = Folding(Cursor(account_id), {})
        for line in self._whole(account_id):
            folding.add(line)
        for name, sheet in folding.sheets.items():
            self._replace(name, sheet, folding.through)
        for sheet in self._store.whole(account_id)[1]:
            if (sheet.day, sheet.label) not in folding.sheets:
                self._store.delete(sheet)
        after = replace(cursor, rebuilding=False, through=folding.through, labels=tuple(folding.labels))
        self._store.advance(cursor, after, {})
        return folding.through

    def _next(self, cursor: Cursor) -> list[Transfer]:
        lines = self._ledger.oldest(cursor.account_id, cursor.through, LINES_AT_ONCE)
        return countable(of_days(unbroken(lines, cursor.through), DAYS_AT_ONCE))

    def _add(self, cursor: Cursor, lines: list[Transfer]) -> None:
        days = sorted({line.created_at[:10] for line in lines})
        labels = dict.fromkeys([*cursor.labels, *(label for line in lines for label in sorted(line.labels))])
        names = [(day, label) for day in days for label in (NO_LABEL, *list(labels)[:MOST_LABELS])]
        _, sheets = self._store.read(cursor.account_id, names, consistent=True)
        folding = Folding(cursor, sheets)
        for line in lines:
            folding.add(line)
        # The sheet of a day goes after those of its labels: one that begins counts what the day has before it.
        for name in sorted(folding.touched, key=lambda name: (name[0], name[1] == NO_LABEL)):
            self._store.put(folding.sheets[name], folding.through)
        after = replace(cursor, through=folding.through, labels=tuple(folding.labels))
        counting = self._hours.counting(lines)
        self._store.advance(cursor, after, dict.fromkeys(folding.touched, folding.through), counting)

    def _replace(self, name: SheetName, sheet: Sheet, through: int) -> None:
        """Put a sheet in place of the one that stands, whoever wrote that last."""
        for _ in range(_TURNS):
            _, standing = self._store.read(sheet.account_id, [name], consistent=True)
            version = standing[name].version if name in standing else 0
            try:
                self._store.put(replace(sheet, version=version), through)
            except ConditionFailed:
                continue
            return
        raise StoreUnavailable("The account's spending is being added up right now. Try again in a moment.")

    def _whole(self, account_id: str) -> Iterator[Transfer]:
        through = 0
        while lines := unbroken(self._ledger.oldest(account_id, through, LINES_AT_ONCE), through):
            through = lines[-1].seq
            yield from lines
