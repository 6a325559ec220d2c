"""The ways out of the code, wrapped: every request to DynamoDB, Stripe and the bus is numbered and can break."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from werkzeug.test import Client

from aerostack_billing.payments.transport import Urllib3Client
from local.stripe import LocalStripe
from tests.simulation.faults import (
    DUPLICATE,
    DYNAMODB,
    EVENTS,
    KEPT,
    KINDS,
    LETTERS,
    LOST,
    STRIPE,
    Answer,
    Call,
    CarryOut,
    Outage,
    failure,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

Params = Any
"""The parameters of an operation of DynamoDB's, whichever."""

_ID = re.compile(r"^(?:[a-z]+_)+(?:test_)?[A-Za-z0-9]{8,}$")
_MADE_UP = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_KEPT_SECONDS = 24 * 3600
_PAGE = 10
"""Events on one page, of the hundred that are asked for: a flow of few events is to need a second one."""

Row = tuple[str, tuple[tuple[str, str], ...]]
"""A table's name and an item's key: what was written, to be put back."""


@dataclass
class Calls:
    """All calls that leave the code: those of the flow are numbered from 1, and the one at `strike_at` is struck."""

    made: list[Call] = field(default_factory=list)
    numbering: bool = False
    strike_at: int = 0
    kind: str = ""
    struck: Call | None = None
    outage: Outage | None = None
    choose: Callable[[Call], str] | None = None
    """Says how a call is to be struck once it is known which it is."""
    lose_events: Callable[[], None] = lambda: None
    duplicate: Callable[[], None] | None = None
    hand: Callable[[], object] | None = None
    """What somebody else does right before the call that is struck, which is then carried out."""
    gate: Callable[[Call], None] | None = None
    trace: Callable[[str], None] | None = None
    """Is told of every call, with all that it asks."""
    clock: Callable[[], float] = lambda: 0.0
    kept: dict[str, float] = field(default_factory=dict)

    def begin(self, strike_at: int = 0, kind: str = "") -> None:
        """Number calls from here on; at 0 none is struck."""
        self.made, self.numbering, self.struck, self.outage = [], True, None, None
        self.strike_at, self.kind, self.hand = strike_at, kind, None

    def end(self) -> None:
        """Number, and break, no more."""
        self.numbering, self.strike_at, self.outage = False, 0, None

    def through(self, call: Call, carry_out: CarryOut, asked: object = None) -> Answer:
        """Carry the call out, unless it is the one to be struck; `asked` is what it carries, for the trace."""
        if self.gate is not None:
            self.gate(call)
        if self.trace is not None:
            self.trace(f"{call} {asked}")
        if self.outage is not None:
            self.outage(call)
        if call.key in self.kept and self.clock() < self.kept[call.key or ""]:
            return failure()
        if not self.numbering:
            return carry_out()
        self.made.append(call)
        if len(self.made) != self.strike_at:
            return carry_out()
        self.struck = call
        if self.choose is not None:
            self.kind = self.choose(call)
        return self._strike(call, carry_out)

    def _strike(self, call: Call, carry_out: CarryOut) -> Answer:
        if self.hand is not None:
            self.hand()
            return carry_out()
        if self.kind == DUPLICATE:
            if self.duplicate is not None:
                self.numbering, duplicate = False, self.duplicate
                duplicate()
                self.numbering = True
            return carry_out()
        if self.kind == LOST:
            self.lose_events()
        if self.kind == KEPT and call.key is not None:
            self.kept[call.key] = self.clock() + _KEPT_SECONDS
        done = KINDS[{KEPT: "500 after", LOST: "crash after"}.get(self.kind, self.kind)](call, carry_out)
        self.outage = done.outage
        if isinstance(done.answer, Exception):
            raise done.answer
        return done.answer


class DynamoWire:
    """A boto3 client of DynamoDB: every operation goes through `calls`, every written key is noted."""

    def __init__(self, client: DynamoDBClient, calls: Calls, keys: Mapping[str, tuple[str, ...]], ledger: str) -> None:
        self._client = client
        self._calls = calls
        self._keys = keys
        self._ledger = ledger
        self.written: set[Row] = set()
        self.epoch = _new_epoch()
        """Joins the tokens of transactions: a run that is repeated is not taken by DynamoDB for the one before."""

    def close(self) -> None:
        """No call to DynamoDB, and no step that can break: it closes connections of this process."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        operation = getattr(self._client, name)

        def call(**params: Params) -> Answer:
            asked = repr(params) if self._calls.trace is not None else None
            if "ClientRequestToken" in params:
                token = f"{self.epoch}/{params['ClientRequestToken']}"
                params["ClientRequestToken"] = hashlib.sha256(token.encode()).hexdigest()[:36]
            actions = _actions(name, params)
            writes = name in _VERBS or name == "transact_write_items"
            tables = "+".join(dict.fromkeys(_short(action["TableName"]) for _, action in actions)) or _read_of(params)
            described = Call(DYNAMODB, name, tables, len(actions), writes)

            def carry_out() -> Answer:
                for verb, action in actions:
                    self._note(verb, action)
                return operation(**params)

            return self._calls.through(described, carry_out, asked)

        return call

    def forget(self, written: set[Row]) -> None:
        """The world went back to where these rows had been written."""
        self.written, self.epoch = set(written), _new_epoch()

    def _note(self, verb: str, action: Mapping[str, Any]) -> None:
        table = action["TableName"]
        if table == self._ledger:
            once = action.get("ConditionExpression") == "attribute_not_exists(account_id)"
            assert verb == "Put", "the ledger is never changed or deleted"
            assert once, "a transfer is put under the condition that there is none"
        key = action["Item"] if "Item" in action else action["Key"]
        self.written.add((table, tuple((name, key[name]["S"]) for name in self._keys[table])))


def _new_epoch() -> str:
    return os.urandom(8).hex()


_VERBS = {"put_item": "Put", "update_item": "Update", "delete_item": "Delete"}


def _actions(name: str, params: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    if name in _VERBS:
        return [(_VERBS[name], params)]
    actions = [next(iter(action.items())) for action in params.get("TransactItems", [])]
    return [(verb, action) for verb, action in actions if verb != "ConditionCheck"]


def _read_of(params: Mapping[str, Any]) -> str:
    tables = params.get("RequestItems") or [params.get("TableName", "")]
    return "+".join(map(_short, tables))


def _short(table: str) -> str:
    return table.rpartition("-")[2].removesuffix("Table").lower()


class BusWire:
    """A boto3 client of EventBridge, behind which is kept what was put: each event's detail, as often as it came."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self.put: list[dict[str, Any]] = []

    def put_events(self, **params: Params) -> Answer:
        entries = params["Entries"]
        call = Call(EVENTS, "put_events", "bus", len(entries), writes=True)
        return self._calls.through(call, lambda: self._take(entries), [entry["Detail"] for entry in entries])

    def _take(self, entries: list[dict[str, str]]) -> Answer:
        for entry in entries:
            detail = json.loads(entry["Detail"])
            assert entry["DetailType"] == detail["type"]
            self.put.append(detail)
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "e"} for _ in entries]}


class LetterWire:
    """A boto3 client of SQS, behind which are the dead letters: each one's body, reason and message."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self.kept: list[tuple[str, str, str]] = []
        self.known: set[str] = set()
        """Deduplication ids of those of a FIFO queue."""

    def send_message(self, **params: Params) -> Answer:
        about = {name: value["StringValue"] for name, value in params["MessageAttributes"].items()}
        letter = params["MessageBody"], about["reason"], about["message_id"]
        call = Call(LETTERS, "send_message", "dead letters", writes=True)
        once = params.get("MessageDeduplicationId")
        return self._calls.through(call, lambda: self._keep(letter, once), letter)

    def _keep(self, letter: tuple[str, str, str], once: str | None) -> None:
        if once is None or once not in self.known:
            self.kept.append(letter)
        self.known |= {once} if once is not None else set()


class StripeWire(Urllib3Client):
    """The transport of the Stripe SDK, led to a local Stripe in this process instead of over a socket."""

    def __init__(self, stripe: LocalStripe, calls: Calls) -> None:
        super().__init__()
        self._client = Client(stripe.wsgi_app, use_cookies=False)
        self._calls = calls

    def request(  # type: ignore[override]
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: str | bytes | None = None
    ) -> tuple[str, int, Mapping[str, str]]:
        path = urlsplit(url).path.removeprefix("/v1/")
        name = "/".join("{id}" if _ID.match(part) else part for part in path.split("/"))
        key = (headers or {}).get("Idempotency-Key") if method.upper() == "POST" else None
        # Where there is no key of ours the SDK makes one up, again each time: it dedupes nothing.
        key = None if key is None or _MADE_UP.fullmatch(key) else key
        call = Call(STRIPE, method.upper(), name, writes=method.upper() != "GET", key=key)
        answer: tuple[str, int, Mapping[str, str]] = self._calls.through(
            call, lambda: self._answer(method, url, headers, post_data), (url, post_data)
        )
        return answer

    def _answer(
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: str | bytes | None
    ) -> tuple[str, int, Mapping[str, str]]:
        there = urlsplit(url)
        query = there.query.replace("limit=100", f"limit={_PAGE}") if there.path == "/v1/events" else there.query
        answer = self._client.open(
            there.path, method=method.upper(), query_string=query, headers=dict(headers or {}), data=post_data
        )
        return answer.get_data(as_text=True), answer.status_code, {k.lower(): v for k, v in answer.headers.items()}
