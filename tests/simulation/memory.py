"""DynamoDB in this process, for runs of millions of requests: what the stores ask of it, and no more.

It is no second authority: `test_memory.py` plays the same runs here and on DynamoDB Local, and every item must be the
same in the end. What it has not is what these runs do not need: streams, TTL, capacity, pages by size, other threads.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from local.template import Index, Table
from tests.simulation.expressions import Item, NotRead, condition, plain, updated

Params = Any
"""The parameters of an operation of DynamoDB's, whichever."""
_Key = tuple[Any, ...]


class _Rows:
    """The items of a table or of an index: by the hash key, and within it in the order of the rest."""

    def __init__(self, keyed: Table | Index, of: Table) -> None:
        own = [keyed.hash_key] + ([keyed.range_key] if keyed.range_key else [])
        last = [of.hash_key] + ([of.range_key] if of.range_key else [])
        self.hash, self.needed = keyed.hash_key, own
        self.ordered_by = [*own[1:], *(name for name in last if name not in own)]
        self.keys: dict[Any, list[_Key]] = defaultdict(list)
        self.items: dict[Any, dict[_Key, Item]] = defaultdict(dict)

    def _places(self, item: Item) -> tuple[Any, _Key] | None:
        if any(name not in item for name in self.needed):
            return None
        return plain(item[self.hash]), tuple(plain(item[name]) for name in self.ordered_by)

    def put(self, item: Item) -> None:
        if (places := self._places(item)) is not None:
            whole, key = places
            if key not in self.items[whole]:
                insort(self.keys[whole], key)
            self.items[whole][key] = item

    def remove(self, item: Item) -> None:
        if (places := self._places(item)) is not None:
            whole, key = places
            if self.items[whole].pop(key, None) is not None:
                del self.keys[whole][bisect_left(self.keys[whole], key)]

    def get(self, key: Item) -> Item | None:
        return self.items[plain(key[self.hash])].get(tuple(plain(key[name]) for name in self.ordered_by))

    def within(self, whole: Any, *, forward: bool, after: Item | None) -> Iterator[Item]:  # noqa: ANN401
        """The items under a hash key, in order, behind `after`, there or gone by now."""
        keys, items = self.keys[whole], self.items[whole]
        if after is not None:
            last = tuple(plain(after[name]) for name in self.ordered_by)
            at = bisect_left(keys, last)
            keys = keys[at + (at < len(keys) and keys[at] == last) :] if forward else keys[:at]
        return (items[key] for key in (keys if forward else reversed(keys)))


class MemoryDynamo:
    """Has boto3's methods for items, with their answers and their ClientError."""

    def __init__(self, tables: Iterable[Table]) -> None:
        self._rows: dict[str, dict[str | None, _Rows]] = {}
        for table in tables:
            indexes = [*table.global_indexes, *table.local_indexes]
            self._rows[table.name] = {None: _Rows(table, table)} | {i.name: _Rows(i, table) for i in indexes}

    def close(self) -> None:
        """There is no connection."""

    # Reads

    def get_item(self, **params: Params) -> dict[str, Any]:
        found = self._main(params).get(params["Key"])
        return {} if found is None else {"Item": found}

    def batch_get_item(self, **params: Params) -> dict[str, Any]:
        found = {}
        for table, wanted in params["RequestItems"].items():
            items = [self._rows[table][None].get(key) for key in wanted["Keys"]]
            found[table] = [item for item in items if item is not None]
        return {"Responses": found, "UnprocessedKeys": {}}

    def query(self, **params: Params) -> dict[str, Any]:
        rows = self._rows[params["TableName"]][params.get("IndexName")]
        names, values = params.get("ExpressionAttributeNames", {}), params["ExpressionAttributeValues"]
        text = params["KeyConditionExpression"]
        whole = plain(values[_hash_value(text, rows.hash, names)])
        forward = params.get("ScanIndexForward", True)
        items = rows.within(whole, forward=forward, after=params.get("ExclusiveStartKey"))
        matches = condition(text)
        page, last = _page((item for item in items if matches(item, names, values)), params.get("Limit"))
        main = self._rows[params["TableName"]][None]
        keys = {rows.hash, *rows.ordered_by, main.hash}
        return _answer(page, last and {name: page[-1][name] for name in keys})

    def scan(self, **params: Params) -> dict[str, Any]:
        rows, after = self._main(params), params.get("ExclusiveStartKey")
        wholes = sorted(rows.items)
        items: list[Item] = []
        for whole in wholes:
            if after is None or whole >= plain(after[rows.hash]):
                here = after if after is not None and whole == plain(after[rows.hash]) else None
                items += rows.within(whole, forward=True, after=here)
        if "FilterExpression" in params:
            matches = condition(params["FilterExpression"])
            names, values = params.get("ExpressionAttributeNames", {}), params["ExpressionAttributeValues"]
            items = [item for item in items if matches(item, names, values)]
        return _answer(items, None)

    # Writes

    def put_item(self, **params: Params) -> dict[str, Any]:
        return self._alone("Put", params)

    def update_item(self, **params: Params) -> dict[str, Any]:
        return self._alone("Update", params)

    def delete_item(self, **params: Params) -> dict[str, Any]:
        return self._alone("Delete", params)

    def batch_write_item(self, **params: Params) -> dict[str, Any]:
        for table, requests in params["RequestItems"].items():
            for request in requests:
                (kind, body), *_ = request.items()
                self._store(table, body.get("Item") or body["Key"], body.get("Item") if kind == "PutRequest" else None)
        return {"UnprocessedItems": {}}

    def transact_write_items(self, **params: Params) -> dict[str, Any]:
        actions = [next(iter(action.items())) for action in params["TransactItems"]]
        stood = [self._main(body).get(body.get("Item") or body["Key"]) for _, body in actions]
        refused = [not _holds(body, item) for (_, body), item in zip(actions, stood, strict=True)]
        if any(refused):
            raise _canceled(refused, [body for _, body in actions], stood)
        after = [_after(verb, body, item) for (verb, body), item in zip(actions, stood, strict=True)]
        for (verb, body), new in zip(actions, after, strict=True):
            if verb != "ConditionCheck":
                self._store(body["TableName"], body.get("Item") or body["Key"], new)
        return {}

    def _alone(self, verb: str, body: Params) -> dict[str, Any]:
        key = body.get("Item") or body["Key"]
        stood = self._main(body).get(key)
        if not _holds(body, stood):
            answer: Any = {"Error": {"Code": "ConditionalCheckFailedException", "Message": "refused"}}
            raise ClientError(answer | ({"Item": stood} if stood is not None and _wants_it(body) else {}), verb)
        new = _after(verb, body, stood)
        self._store(body["TableName"], key, new)
        return {"Attributes": new} if body.get("ReturnValues") == "ALL_NEW" else {}

    def _main(self, params: Mapping[str, Any]) -> _Rows:
        return self._rows[params["TableName"]][None]

    def _store(self, table: str, key: Item, new: Item | None) -> None:
        before = self._rows[table][None].get(key)
        for rows in self._rows[table].values():
            if before is not None:
                rows.remove(before)
            if new is not None:
                rows.put(new)


def _hash_value(text: str, name: str, names: Mapping[str, str]) -> str:
    """The placeholder of the value that the hash key must have."""
    for part in text.split(" AND "):
        left, _, right = part.partition(" = ")
        if names.get(left.strip(), left.strip()) == name:
            return right.strip()
    raise NotRead(text)


def _page(items: Iterator[Item], limit: int | None) -> tuple[list[Item], bool]:
    """As many as the limit allows, and whether DynamoDB would name a last key: it does where the limit is reached."""
    if limit is None:
        return list(items), False
    page = [item for item, _ in zip(items, range(limit), strict=False)]
    return page, len(page) == limit


def _answer(items: list[Item], last: Item | bool | None) -> dict[str, Any]:
    return {"Items": items} | ({"LastEvaluatedKey": last} if last else {})


def _holds(body: Params, item: Item | None) -> bool:
    text = body.get("ConditionExpression")
    if text is None:
        return True
    names, values = body.get("ExpressionAttributeNames", {}), body.get("ExpressionAttributeValues", {})
    return condition(text)(item or {}, names, values)


def _after(verb: str, body: Params, item: Item | None) -> Item | None:
    if verb == "Put":
        new: Item = body["Item"]
        return new
    if verb == "Update":
        names, values = body.get("ExpressionAttributeNames", {}), body.get("ExpressionAttributeValues", {})
        return updated(item or dict(body["Key"]), body["UpdateExpression"], names, values)
    return None if verb == "Delete" else item


def _wants_it(body: Params) -> bool:
    return body.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"


def _canceled(refused: Sequence[bool], bodies: Sequence[Params], stood: Sequence[Item | None]) -> ClientError:
    reasons = []
    for no, body, item in zip(refused, bodies, stood, strict=True):
        reason: dict[str, Any] = {"Code": "ConditionalCheckFailed" if no else "None"}
        reasons.append(reason | ({"Item": item} if no and item is not None and _wants_it(body) else {}))
    answer: Any = {"Error": {"Code": "TransactionCanceledException", "Message": "refused"}}
    return ClientError(answer | {"CancellationReasons": reasons}, "TransactWriteItems")


Client = Callable[[Sequence[Table]], Any]
"""Makes the tables, and a client that has them."""
