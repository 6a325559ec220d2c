"""How the stores speak to DynamoDB: plain items, typed failures, and retries that can never do a thing twice.

The client's own retries are off. A call that DynamoDB certainly did not carry out (throttled, in conflict) is made
again by anyone. A call whose answer was lost is made again only where that is harmless: reads, and transactions,
whose token makes DynamoDB carry them out once. A lost answer to a plain write is raised to the caller instead.
"""

from __future__ import annotations

import functools
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar, cast

from botocore.exceptions import BotoCoreError, ClientError

from aerostack_billing.platform import clock, deadline
from aerostack_billing.platform.retry import attempts
from aerostack_billing.platform.wire import from_wire, to_wire
from aerostack_billing.values.errors import StoreUnavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import (
        AttributeValueTypeDef,
        QueryOutputTypeDef,
        ScanOutputTypeDef,
        TransactWriteItemTypeDef,
    )

Result = TypeVar("Result")
Item = dict[str, object]
"""An item in plain Python: str, int, bool, None, list, dict. Numbers are whole: there is no float here."""

_NOT_DONE = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottlingException",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
_LOST = frozenset({"InternalServerError", "InternalFailure", "ServiceUnavailable"})
_RETRIED_REASONS = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})
_ATTEMPTS = 12
_IDLE_SECONDS = 10
"""Well below the idle time after which load balancers and NAT gateways drop a connection without a word."""
_TRIES_AT_LOST_ANSWERS = 3
"""Few: each of them may have waited for the client's whole time limit."""
CONNECT_SECONDS = 1
READ_SECONDS = 2
"""The client's time limits. DynamoDB answers within milliseconds; the largest transaction takes some tenths of one."""


class ConditionFailed(Exception):
    """A conditional write was refused; `item` is what stood there, None if nothing did."""

    def __init__(self, item: Item | None) -> None:
        super().__init__("the condition was not met")
        self.item = item


@dataclass(frozen=True)
class Reason:
    """Why one action of a transaction was refused; `code` is `None` (as text) for an action that was not at fault."""

    code: str
    item: Item | None

    @property
    def failed(self) -> bool:
        return self.code == "ConditionalCheckFailed"


class TransactionRefused(Exception):
    """A transaction's conditions did not hold: nothing of it was written. One reason an action, in order."""

    def __init__(self, reasons: Sequence[Reason]) -> None:
        super().__init__("a condition of the transaction was not met")
        self.reasons = tuple(reasons)


class AlreadyProcessed(Exception):
    """The record that an event took effect stands: nothing was written."""


@dataclass(frozen=True)
class Write:
    """One action of a transaction, or a write of its own: an expression with its names and values in plain Python."""

    table: str
    key: Mapping[str, object]
    update: str | None = None
    condition: str | None = None
    put: Item | None = None
    delete: bool = False
    names: Mapping[str, str] | None = None
    values: Mapping[str, object] | None = None

    def action(self) -> TransactWriteItemTypeDef:
        """The action in the API's form: Put, Update, Delete, or a ConditionCheck where nothing is to be written."""
        body: dict[str, object] = {"TableName": self.table, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        if self.put is not None:
            body["Item"] = to_wire(self.put)
        else:
            body["Key"] = to_wire(self.key)
        if self.update is not None:
            body["UpdateExpression"] = self.update
        if self.condition is not None:
            body["ConditionExpression"] = self.condition
        if self.names:
            body["ExpressionAttributeNames"] = dict(self.names)
        if self.values:
            body["ExpressionAttributeValues"] = to_wire(self.values)
        verb = (
            "Put"
            if self.put is not None
            else "Delete"
            if self.delete
            else "Update"
            if self.update
            else "ConditionCheck"
        )
        return {verb: body}  # type: ignore[misc]  # one of the four by construction


@dataclass(frozen=True)
class Segment:
    """One of `of` equal parts of a table, told apart by the hash of its items' keys; `number` counts from 0."""

    number: int
    of: int


@dataclass(frozen=True)
class Page:
    """What was found in one page of a table; `last`: the key behind which it goes on, None of the last page."""

    items: list[Item]
    last: Item | None


class Dynamo:
    """The calls the stores make, each one request. Raises StoreUnavailable when DynamoDB cannot serve."""

    def __init__(self, client: DynamoDBClient, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._sleep = sleep
        self._last_call = clock.unix()

    def get(self, table: str, key: Item, *, consistent: bool = True) -> Item | None:
        """The item, or None. A consistent read of up to 4 KB costs one read unit, the other half of one."""
        answer = self._call(
            lambda: self._client.get_item(TableName=table, Key=to_wire(key), ConsistentRead=consistent), repeatable=True
        )
        return from_wire(answer["Item"]) if "Item" in answer else None

    def batch_get(self, keys: Mapping[str, Sequence[Item]], *, consistent: bool = False) -> dict[str, list[Item]]:
        """The items of all tables that exist, by table, in one request (a further one for what was not served)."""
        wanted = {t: {"Keys": [to_wire(k) for k in ks], "ConsistentRead": consistent} for t, ks in keys.items() if ks}
        found: dict[str, list[Item]] = {table: [] for table in keys}
        if not wanted:
            return found
        for _ in attempts(_ATTEMPTS, sleep=self._sleep):
            call = functools.partial(self._client.batch_get_item, RequestItems=wanted)  # type: ignore[arg-type]
            answer = self._call(call, repeatable=True)
            for table, items in answer["Responses"].items():
                found[table] += [from_wire(item) for item in items]
            wanted = answer["UnprocessedKeys"]  # type: ignore[assignment]
            if not wanted:
                return found
        raise StoreUnavailable(_BUSY)

    def query(
        self,
        table: str,
        condition: str,
        values: Mapping[str, object],
        *,
        names: Mapping[str, str] | None = None,
        index: str | None = None,
        forward: bool = True,
        page_size: int | None = None,
        after: Item | None = None,
    ) -> Iterator[Item]:
        """Every item of the key condition, page after page as they are taken.

        A table is read consistently; an index may lag behind it. `after` is the whole key of an item, there or gone by
        now: only what lies behind it is read.
        """
        params: dict[str, object] = {
            "TableName": table,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": to_wire(values),
            "ScanIndexForward": forward,
        }
        params |= {"IndexName": index} if index else {"ConsistentRead": True}
        params |= {"ExpressionAttributeNames": dict(names)} if names else {}
        params |= {"Limit": page_size} if page_size else {}
        params |= {"ExclusiveStartKey": to_wire(after)} if after else {}
        return (item for page in self._pages(self._client.query, params) for item in page.items)

    def scan(
        self,
        table: str,
        condition: str,
        values: Mapping[str, object],
        *,
        names: Mapping[str, str],
    ) -> Iterator[Item]:
        """Every item of the table that the condition holds of; reads, and costs, the whole table."""
        params: dict[str, object] = {
            "TableName": table,
            "FilterExpression": condition,
            "ExpressionAttributeValues": to_wire(values),
            "ExpressionAttributeNames": dict(names),
            "ConsistentRead": True,
        }
        return (item for page in self._pages(self._client.scan, params) for item in page.items)

    def scan_segment(
        self,
        table: str,
        segment: Segment,
        condition: str,
        values: Mapping[str, object],
        *,
        names: Mapping[str, str],
        after: Item | None = None,
    ) -> Iterator[Page]:
        """The pages of a segment, each with what the condition holds of; not consistent, which halves what it costs.

        A page is a megabyte of the table, and may hold nothing that is looked for. `after` is the key of an item of the
        segment, there or gone by now: only what the segment has behind it is read.
        """
        params: dict[str, object] = {
            "TableName": table,
            "Segment": segment.number,
            "TotalSegments": segment.of,
            "FilterExpression": condition,
            "ExpressionAttributeValues": to_wire(values),
            "ExpressionAttributeNames": dict(names),
        }
        params |= {"ExclusiveStartKey": to_wire(after)} if after else {}
        return self._pages(self._client.scan, params)

    def _pages(
        self, call: Callable[..., QueryOutputTypeDef | ScanOutputTypeDef], params: dict[str, object]
    ) -> Iterator[Page]:
        while True:
            answer = self._call(lambda: call(**params), repeatable=True)
            last = answer.get("LastEvaluatedKey")
            yield Page([from_wire(item) for item in answer["Items"]], from_wire(last) if last else None)
            if not last:
                return
            params["ExclusiveStartKey"] = last

    def put(self, write: Write) -> None:
        """Carry out one put; ConditionFailed hands back the item that stands there."""
        action = write.action()["Put"]
        self._call(lambda: self._client.put_item(**action), repeatable=False)

    def put_record(self, record: Write) -> None:
        """Put the record of an event that needs no other write; AlreadyProcessed if it stands."""
        try:
            self.put(record)
        except ConditionFailed as failed:
            raise AlreadyProcessed from failed

    def update(self, write: Write) -> Item:
        """Carry out one update; the item as it is after it. ConditionFailed hands back what stood there."""
        action = write.action()["Update"]
        answer = self._call(
            lambda: self._client.update_item(**action, ReturnValues="ALL_NEW"),
            repeatable=False,
        )
        return from_wire(answer["Attributes"])

    def delete(self, write: Write) -> None:
        """Carry out one delete without a condition; made again where its answer was lost, which changes nothing."""
        action = write.action()["Delete"]
        self._call(lambda: self._client.delete_item(**action), repeatable=True)

    def advance(self, write: Write) -> None:
        """Carry out an update that only ever moves on; one that is past it already is left as it is."""
        try:
            self.update(write)
        except ConditionFailed:
            return

    def transact(self, writes: Sequence[Write]) -> None:
        """All of the writes or none. TransactionRefused says which condition did not hold and what stood there."""
        actions = [write.action() for write in writes]
        token = str(uuid.uuid4())
        self._call(
            lambda: self._client.transact_write_items(TransactItems=actions, ClientRequestToken=token), repeatable=True
        )

    def _drop_idle_connections(self) -> None:
        """Close pooled connections after a pause: the other end may have dropped them while the process was frozen.

        The first call on such a connection gets no answer, and a call that must not be repeated would fail by that.
        """
        now = clock.unix()
        if now - self._last_call > _IDLE_SECONDS:
            self._client.close()
        self._last_call = now

    def _call(self, call: Callable[[], Result], *, repeatable: bool) -> Result:
        self._drop_idle_connections()
        tries_at_lost_answers = _TRIES_AT_LOST_ANSWERS if repeatable else 1
        asked = False
        for _ in attempts(_ATTEMPTS, sleep=self._sleep):
            if not deadline.allows(CONNECT_SECONDS + READ_SECONDS):
                raise StoreUnavailable(_UNKNOWN_OUTCOME if asked else _BUSY)
            asked = repeatable
            try:
                return call()
            except ClientError as error:
                tries_at_lost_answers -= int(_was_lost(error))
                if not _was_not_done(error) and (not _was_lost(error) or tries_at_lost_answers <= 0):
                    raise _translated(error) from error
            except BotoCoreError as error:
                tries_at_lost_answers -= 1
                if tries_at_lost_answers <= 0:
                    raise StoreUnavailable(_UNKNOWN_OUTCOME) from error
        raise StoreUnavailable(_UNKNOWN_OUTCOME if repeatable else _BUSY)


_BUSY = "The database is busy. Nothing was changed. Try again in a moment."
_UNKNOWN_OUTCOME = (
    "The database did not answer. The request may have taken effect. An idempotency_key makes it safe to try again."
)


def _was_not_done(error: ClientError) -> bool:
    """Whether DynamoDB certainly did not carry the call out, and may if it is asked again."""
    code = error.response["Error"]["Code"]
    if code == "TransactionCanceledException":
        codes = {reason.code for reason in _reasons(error)} - {"None"}
        return bool(codes) and codes <= _RETRIED_REASONS
    return code in _NOT_DONE


def _was_lost(error: ClientError) -> bool:
    return error.response["Error"]["Code"] in _LOST


def _reasons(error: ClientError) -> list[Reason]:
    reasons = error.response.get("CancellationReasons", [])
    return [Reason(reason.get("Code", "None"), _item(reason.get("Item"))) for reason in reasons]


def _item(found: object) -> Item | None:
    """The item that a failed condition hands back; absent or empty where nothing stood."""
    return from_wire(cast("Mapping[str, AttributeValueTypeDef]", found)) if found else None


def _translated(error: ClientError) -> Exception:
    code = error.response["Error"]["Code"]
    if code == "ConditionalCheckFailedException":
        return ConditionFailed(_item(error.response.get("Item")))
    if code == "TransactionCanceledException":
        reasons = _reasons(error)
        if any(reason.failed for reason in reasons):
            return TransactionRefused(reasons)
    if code in _NOT_DONE or code in _LOST:
        return StoreUnavailable(_UNKNOWN_OUTCOME)
    return error
