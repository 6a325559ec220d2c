"""Spending in the Wallets table: of an account a cursor, its sheets, and a mark that says there are lines to add up."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Final, cast

from aerostack_billing.ledger.ledger import if_as_read, present
from aerostack_billing.platform import clock
from aerostack_billing.platform.dynamo import ConditionFailed, Dynamo, Item, TransactionRefused, Write
from aerostack_billing.values.fields import adapter
from aerostack_billing.wallet.agendas import SPENDING_AGENDA
from aerostack_billing.wallet.models import Wallet
from aerostack_billing.wallet.spending import NO_LABEL, Cursor, Sheet, SheetName, Sums, Told

MARK: Final = "spending"
MARKED_EVERY: Final = 100
"""Lines. So many at most, and those of the minute until the sweep, are left to whoever reads."""
MARKED_EVERY_MICROS: Final = 10_000_000
"""Spent: so that much money is seen within minutes, however few the lines are. See `hours`."""

_CURSOR = "spend#"
_KEYS_AT_ONCE = 100
_LATELY_SECONDS = 300
"""Far longer than a replica of the table lags behind."""
_LATELY_MOST = 500
_PACKED_FROM = 20
"""Values of a label. A sheet of more is packed to less than half of its size, and costs as much less."""


class SpendingStore:
    """Reads and conditional writes of what is added up."""

    def __init__(self, dynamo: Dynamo, table: str) -> None:
        self._dynamo = dynamo
        self._table = table

    def cursor(self, account_id: str) -> Cursor:
        """How far the account's lines are added up."""
        item = self._dynamo.get(self._table, _key(account_id, _CURSOR))
        return adapter(Cursor).validate_python(item) if item else Cursor(account_id)

    def read(
        self, account_id: str, names: Iterable[SheetName], *, consistent: bool
    ) -> tuple[Cursor, dict[SheetName, Sheet]]:
        """The cursor and those of the sheets that exist: one request for each hundred."""
        keys = [_key(account_id, _CURSOR), *(_key(account_id, _item(*name)) for name in names)]
        items: list[Item] = []
        for start in range(0, len(keys), _KEYS_AT_ONCE):
            some = {self._table: keys[start : start + _KEYS_AT_ONCE]}
            items += self._dynamo.batch_get(some, consistent=consistent)[self._table]
        cursor = Cursor(account_id)
        sheets: dict[SheetName, Sheet] = {}
        for item in items:
            if item["item"] == _CURSOR:
                cursor = adapter(Cursor).validate_python(item)
            else:
                sheet = _sheet(item)
                sheets[sheet.day, sheet.label] = sheet
        return cursor, sheets

    def whole(self, account_id: str) -> tuple[Cursor, list[Sheet]]:
        """The cursor and every sheet of the account, for the audit and to make them again.

        The cursor is read first: a sheet that is written meanwhile is ahead of it, as it may be.
        """
        values = {":account": account_id, ":first": _CURSOR, ":last": f"{_CURSOR}:"}
        condition, names = "account_id = :account AND #item BETWEEN :first AND :last", {"#item": "item"}
        items = list(self._dynamo.query(self._table, condition, values, names=names))
        cursors = [adapter(Cursor).validate_python(item) for item in items if item["item"] == _CURSOR]
        sheets = [_sheet(item) for item in items if item["item"] != _CURSOR]
        return next(iter(cursors), Cursor(account_id)), sheets

    def put(self, sheet: Sheet, through: int) -> None:
        """Store a sheet that contains the lines up to `through`, if it is as it was read; ConditionFailed if not."""
        after = replace(sheet, version=sheet.version + 1, through=through)
        self._put(_item(sheet.day, sheet.label), _stored(after), sheet.account_id, if_as_read(sheet))

    def advance(
        self, cursor: Cursor, after: Cursor, written: Mapping[SheetName, int], also: Sequence[Write] = ()
    ) -> None:
        """Store the cursor, if it is as it was read, and `also` with it; ConditionFailed if one of them cannot be.

        `written` are the sheets put before it.
        """
        now = clock.seconds()
        lately = {name: told for name, told in cursor.written.items() if told[1] > now - _LATELY_SECONDS}
        lately |= {_item(*name): (through, now) for name, through in written.items()}
        newest = sorted(lately.items(), key=lambda told: told[1])[-_LATELY_MOST:]
        after = replace(after, version=cursor.version + 1, written=dict(newest))
        self._put(_CURSOR, asdict(after), cursor.account_id, if_as_read(cursor), also)

    def delete(self, sheet: Sheet) -> None:
        """Delete a sheet that the ledger does not explain."""
        self._dynamo.delete(Write(self._table, _key(sheet.account_id, _item(sheet.day, sheet.label)), delete=True))

    def unmark(self, account_id: str, through: int) -> bool:
        """Take an account off the agenda whose lines are added up so far; False where newer ones put it there again."""
        gone = Write(
            self._table,
            _key(account_id, MARK),
            delete=True,
            condition="attribute_not_exists(account_id) OR seq <= :through",
            values={":through": through},
        )
        try:
            self._dynamo.transact([gone])
        except TransactionRefused:
            return False
        return True

    def _put(
        self,
        item: str,
        content: Item,
        account_id: str,
        read: tuple[str, dict[str, str] | None, dict[str, object] | None],
        also: Sequence[Write] = (),
    ) -> None:
        condition, names, values = read
        put = {**present(content), **_key(account_id, item)}
        write = Write(self._table, {}, put=put, condition=condition, names=names, values=values)
        if not also:
            self._dynamo.put(write)
            return
        try:
            self._dynamo.transact([write, *also])
        except TransactionRefused as refused:
            raise ConditionFailed(None) from refused


def marking(table: str, before: Wallet, after: Wallet) -> list[Write]:
    """The write that puts an account on the sweep's agenda; mostly none.

    There is one where its lines number another hundred, or it has spent another $10. It goes with the lines, and has no
    condition.
    """
    hundreds, dollars = before.seq // MARKED_EVERY, before.spent // MARKED_EVERY_MICROS
    if (hundreds, dollars) == (after.seq // MARKED_EVERY, after.spent // MARKED_EVERY_MICROS):
        return []
    agenda = {"agenda": SPENDING_AGENDA, "agenda_at": clock.seconds(), "seq": after.seq}
    return [Write(table, {}, put={**_key(after.account_id, MARK), **agenda})]


def stale(cursor: Cursor, sheets: Mapping[SheetName, Sheet], names: Iterable[SheetName]) -> bool:
    """Whether a sheet is older than the cursor that was read with it."""
    newest = {name: cursor.written[item][0] for name in names if (item := _item(*name)) in cursor.written}
    return any(name not in sheets or sheets[name].through < through for name, through in newest.items())


def _stored(sheet: Sheet) -> Item:
    """A sheet as its item has it: many values of a label as one packed text."""
    item = asdict(sheet)
    told = item["by"].get(sheet.label)
    if told is not None and len(told["values"]) > _PACKED_FROM:
        item["packed"] = packed(told.pop("values"))
    return item


def _sheet(item: Item) -> Sheet:
    sheet: Sheet = adapter(Sheet).validate_python(item)
    if "packed" in item:
        sheet.by.setdefault(sheet.label, Told()).values = unpacked(str(item["packed"]))
    return sheet


def packed(values: Mapping[str, Sums]) -> str:
    """Sums by value as a short text: a column of names and one of each sum, deflated."""
    names = sorted(values)
    columns = [names, *(list(column) for column in zip(*(values[name] for name in names), strict=True))]
    return base64.b85encode(zlib.compress(json.dumps(columns, separators=(",", ":")).encode(), 9)).decode()


def unpacked(text: str) -> dict[str, Sums]:
    """What was packed."""
    names, *columns = json.loads(zlib.decompress(base64.b85decode(text)))
    return dict(zip(names, cast("Iterable[Sums]", zip(*columns, strict=True)), strict=True))


def _item(day: str, label: str) -> str:
    return f"{_CURSOR}{day}" if label == NO_LABEL else f"{_CURSOR}{day}#{label}"


def _key(account_id: str, item: str) -> Item:
    return {"account_id": account_id, "item": item}
