"""Where operations are measured: the functions' own handlers, on DynamoDB Local and a local Stripe."""

from __future__ import annotations

import copy
import functools
import importlib
import itertools
import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from aerostack_billing.assembly import runtime
from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.outbox.bus import EventBus
from local.stripe.webhooks import signature
from tests.rooms.conftest import MARCH, Time, made_tables, put_together
from tests.rooms.worlds.outbox import TakingBus
from tests.rooms.worlds.stripe import StripeWorld
from tests.rooms.worlds.wallet import fund

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

EVENTS = Path(__file__).parents[2] / "events"
_SECRET = "whsec_local"


class _Secrets:
    """The secret as it was read before: functions keep it for minutes."""

    def api_key(self) -> str:
        """The key of the local Stripe."""
        return "sk_test_local"

    def webhook_secrets(self) -> list[str]:
        """What the local Stripe signs with."""
        return [_SECRET]


class _Context:
    """As much of Lambda's context as is used."""

    aws_request_id = "00000000-0000-0000-0000-000000000000"
    function_name = "measured"

    def get_remaining_time_in_millis(self) -> int:
        """Time enough."""
        return 900_000


Invoke = Callable[[str, object], Any]
"""Runs a function, by its folder's name, with an event; what it answers."""


def in_process(function: str, event: object, context: object | None = None) -> Any:
    """Run the function's handler in this process."""
    return _handler(function)(event, context or _Context())


@dataclass
class Hands:
    """How functions are run: here, or as a benchmark puts it."""

    invoke: Invoke = in_process


@dataclass
class Place:
    """One account's requests, through the handlers, at a time that is moved manually."""

    client: DynamoDBClient
    parts: Runtime
    stripe: StripeWorld
    time: Time
    hands: Hands = field(default_factory=Hands)
    account: str = "acct_measured"

    def ask(
        self,
        function: str,
        body: dict[str, Any] | None = None,
        *,
        path: dict[str, str] | None = None,
        query: dict[str, str] | None = None,
        expect: int = 200,
    ) -> dict[str, Any]:
        """What the function answers to its sample event with this body and these parameters, for this account.

        AssertionError for another status than the expected one.
        """
        answer = self.hands.invoke(function, self.event(function, body, path=path, query=query))
        assert answer["statusCode"] == expect, answer
        text, is_json = answer["body"], answer["headers"]["content-type"] == "application/json"
        said: dict[str, Any] = json.loads(text) if is_json else {"text": text}
        return said

    def event(
        self,
        function: str,
        body: dict[str, Any] | None = None,
        *,
        path: dict[str, str] | None = None,
        query: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        """The function's sample event with this body and these parameters, for this account."""
        event = copy.deepcopy(_sample(function))
        authorizer = event["requestContext"].get("authorizer")
        if authorizer:
            authorizer["jwt"]["claims"]["sub"] = self.account
        event |= {"pathParameters": path} if path else {}
        event |= {"queryStringParameters": query}
        event |= {"body": json.dumps(body)} if body is not None else {}
        return event

    def service(
        self, function: str, body: dict[str, Any], *, path: dict[str, str] | None = None, expect: int = 200
    ) -> dict[str, Any]:
        """What the function answers to a service that names this account in the body."""
        return self.ask(function, {"account_id": self.account, **body}, path=path, expect=expect)

    def run(self, function: str, payload: dict[str, object] | None = None) -> dict[str, Any]:
        """One run of a scheduled function."""
        done: dict[str, Any] = self.hands.invoke(function, payload or {})
        return done

    def deliver(self, event: dict[str, Any]) -> None:
        """Let the webhook's function take an event of Stripe's."""
        payload = json.dumps(event)
        signed = signature(_SECRET, int(self.time.at), payload)
        sent = {**copy.deepcopy(_sample("stripe_webhook")), "body": payload}
        sent["headers"] = {**sent["headers"], "stripe-signature": signed}
        answer = self.hands.invoke("stripe_webhook", sent)
        assert answer["statusCode"] == 200, answer

    def multiply(self, table: str, key: dict[str, Any], items: int) -> None:
        """Write so many items like the one of that key, each for an account of its own."""
        model = self.client.get_item(TableName=table, Key={name: {"S": value} for name, value in key.items()})["Item"]
        named = ({**model, "account_id": {"S": f"acct_{number:09d}"}} for number in range(items))
        while batch := list(itertools.islice(named, 25)):
            asked: Any = {table: [{"PutRequest": {"Item": item}} for item in batch]}
            while asked:
                asked = self.client.batch_write_item(RequestItems=asked)["UnprocessedItems"]

    def fund(self, cents: int) -> None:
        """Credit so much, as a deposit that was paid."""
        fund(self.parts, self.account, cents)

    def of(self, account: str) -> Place:
        """The same place for another account."""
        return replace(self, account=account)


@functools.cache
def _sample(function: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((EVENTS / f"{function.replace('_', '-')}.json").read_text())
    return event


@functools.cache
def _handler(function: str) -> Callable[[object, object], dict[str, Any]]:
    handler: Callable[[object, object], dict[str, Any]] = importlib.import_module(f"functions.{function}.app").handler
    return handler


@contextmanager
def opened(client: DynamoDBClient, stripe: StripeWorld, time: Time, *, at: float = MARCH) -> Iterator[Place]:
    """A place with tables of its own, at that moment; inside the block the handlers work with its parts."""
    settings = made_tables(client, uuid.uuid4().hex) | {
        "STRIPE_API_BASE": stripe.base,
        "INGEST_DEAD_LETTER_QUEUE_URL": "http://127.0.0.1/never-asked",
        "REFUSED_USAGE_QUEUE_URL": "http://127.0.0.1/never-asked",
        "CHARGE_DEAD_LETTER_QUEUE_URL": "http://127.0.0.1/never-asked",
        "REFUSED_CHARGES_QUEUE_URL": "http://127.0.0.1/never-asked",
        "EVENT_BUS": "billing",
    }
    parts = put_together(client, settings)
    parts.payments.secrets = parts.payments.signing = _Secrets()  # type: ignore[assignment]
    parts.outbox.bus = EventBus(TakingBus(), parts.settings.event_bus)  # type: ignore[arg-type]
    time.at = at
    # As in a process that has run for a while: who is blocked is read once in half a minute.
    parts.callers.check("svc")
    with mock.patch.object(runtime, "current", return_value=parts):
        yield Place(client, parts, stripe, time)
