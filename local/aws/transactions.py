"""Transactions in moto that do not cost by the size of the table.

To be able to go back, moto copies every item of every table that a transaction names, for each of its actions. With a
few thousand items that takes longer than all the rest. Here an item is never changed in place: an update works on a
fresh copy of its one item. So a copy of the table may share the items with it, and is as good to go back to.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.table import Table

_update_in_place = DynamoDBBackend.update_item


@contextmanager
def cheap_transactions() -> Iterator[None]:
    """Inside the block, moto's transactions cost by what they touch."""
    with (
        patch.object(DynamoDBBackend, "update_item", _update_a_copy),
        patch.object(Table, "__deepcopy__", _sharing_its_items, create=True),
    ):
        yield


def _update_a_copy(
    backend: DynamoDBBackend, table_name: str, key: dict[str, dict[str, object]], *more: object, **named: object
) -> object:
    table = backend.get_table(table_name)
    hash_value, range_value = backend.get_keys_value(table, key)
    item = table.get_item(hash_value, range_value)
    if item is not None:
        fresh = copy.deepcopy(item)
        if range_value is None:
            table.items[hash_value] = fresh  # type: ignore[assignment]  # moto's own two shapes of one mapping
        else:
            table.items[hash_value][range_value] = fresh
    return _update_in_place(backend, table_name, key, *more, **named)  # type: ignore[arg-type]  # as it was called


def _sharing_its_items(table: Table, _memo: object) -> Table:
    twin = copy.copy(table)
    of_each = {key: dict(items) if table.has_range_key else items for key, items in table.items.items()}
    twin.items = defaultdict(dict, of_each)
    return twin
