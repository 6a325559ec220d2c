"""What costs most in moto, at less.

**Transactions cost by what they touch, not by the size of the table.** To be able to go back, moto copies every item of
every table that a transaction names, for each of its actions. With a few thousand items that takes longer than all the
rest. Here an item is never changed in place: an update works on a fresh copy of its one item. So a copy of the table
may share the items with it, and is as good to go back to.

**An attribute is answered as it is kept.** Moto looks for each of the ten members that an attribute's value may have,
under six names each. A value such as `{"N": "7"}` has the form of the answer already.

**A request of this process goes to DynamoDB's handler directly.** For each, moto tries the addresses of every service,
makes a request of a web server of it, reads the body by the service's model, and lists the handler's methods.
"""

from __future__ import annotations

import copy
import functools
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from moto.core.model import StructureShape
from moto.core.serialize import BaseJSONSerializer
from moto.core.utils import method_names_from_class
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoHandler

from local.gateway.messages import HttpResponse
from local.values import ACCOUNT_ID

_update_in_place = DynamoDBBackend.update_item
_serialize_each_member = BaseJSONSerializer._serialize_type_structure  # noqa: SLF001 - moto has no public way

_PLAIN = frozenset({"S", "N", "BOOL", "NULL", "SS", "NS"})


@contextmanager
def lean() -> Iterator[None]:
    """Inside the block, moto's DynamoDB does the same with less work."""
    with (
        patch.object(DynamoDBBackend, "update_item", _update_a_copy),
        patch.object(Table, "__deepcopy__", _sharing_its_items, create=True),
        patch.object(BaseJSONSerializer, "_serialize_type_structure", _attribute_as_it_is),
        patch("moto.core.responses.method_names_from_class", functools.cache(method_names_from_class)),
    ):
        yield


def plain_answer(region: str, headers: Mapping[str, str], params: dict[str, Any]) -> HttpResponse:
    """DynamoDB's answer to parameters that hold no bytes. `headers` have lower names, and name the operation."""
    return http_response(*_Direct(region, headers, params).call_action())


def http_response(status: int, headers: Mapping[str, object], body: str | bytes) -> HttpResponse:
    """An answer of moto's."""
    texts = tuple((str(name), str(value)) for name, value in headers.items())
    return HttpResponse(status, texts, body if isinstance(body, bytes) else str(body).encode())


class _Direct(DynamoHandler):
    """What `setup_class` would find in a request that moto takes apart."""

    def __init__(self, region: str, headers: Mapping[str, str], params: dict[str, Any]) -> None:
        super().__init__()
        self.region = region
        self.current_account = ACCOUNT_ID
        self.headers = {"x-amz-target": headers["x-amz-target"], "Content-Type": headers["content-type"]}
        self.querystring: dict[str, Any] = {}
        self.uri_match: dict[str, Any] = {}
        self.response_headers = {"server": "amazon.com"}
        self.params = params


def _attribute_as_it_is(
    serializer: BaseJSONSerializer, serialized: dict[str, Any], value: object, shape: StructureShape, key: str
) -> None:
    if shape.name == "AttributeValue" and key and type(value) is dict and len(value) == 1 and value.keys() <= _PLAIN:
        serialized[serializer.get_serialized_name(shape, key)] = value
    else:
        _serialize_each_member(serializer, serialized, value, shape, key)


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
    shared = copy.copy(table)
    of_each = {key: dict(items) if table.has_range_key else items for key, items in table.items.items()}
    shared.items = defaultdict(dict, of_each)
    return shared
