"""The rooms on Amazon's DynamoDB Local, with its requests and capacity units counted."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.config import Config

from aerostack_billing import clock
from aerostack_billing.config import Settings
from aerostack_billing.dynamo import Dynamo
from aerostack_billing.payments.cards import CardPayments
from aerostack_billing.payments.client import connect
from aerostack_billing.payments.connect import Connect
from aerostack_billing.payments.gateway import Payments
from aerostack_billing.runtime import Runtime
from local.aws.dynamodb_local import dynamodb_local
from local.aws.seed import create_tables
from local.paths import STATE
from local.template import load_app
from tests.store.stripe_world import StripeWorld, serving

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

ROOT = Path(__file__).parents[2]
MARCH = datetime(2026, 3, 10, 12, tzinfo=UTC).timestamp()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.dynamodb_local)


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """DynamoDB Local, in memory, for the session."""
    with dynamodb_local(STATE / "dynamodb", None) as url:
        yield url


@pytest.fixture(scope="session")
def client(endpoint: str) -> DynamoDBClient:
    config = Config(max_pool_connections=80, retries={"total_max_attempts": 1})
    credentials = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing", "region_name": "us-east-1"}
    return boto3.client("dynamodb", endpoint_url=endpoint, config=config, **credentials)


@dataclass
class Meter:
    """Requests and capacity units since `reset`, as DynamoDB counts them."""

    requests: int = 0
    write_units: float = 0
    read_units: float = 0
    operations: list[str] = field(default_factory=list)

    def reset(self) -> None:
        self.requests, self.write_units, self.read_units = 0, 0.0, 0.0
        self.operations.clear()

    def spent(self) -> tuple[int, float, float]:
        """Requests, write units, read units."""
        return self.requests, self.write_units, self.read_units


@pytest.fixture
def meter(client: DynamoDBClient) -> Iterator[Meter]:
    meter = Meter()

    def ask(params: dict[str, object], **_: object) -> None:
        params["ReturnConsumedCapacity"] = "TOTAL"

    def count(parsed: dict[str, object], model: object, **_: object) -> None:
        name = getattr(model, "name", "")
        meter.requests += 1
        meter.operations.append(name)
        told = parsed.get("ConsumedCapacity") or []
        units = sum(float(c["CapacityUnits"]) for c in (told if isinstance(told, list) else [told]))
        if name in {"GetItem", "BatchGetItem", "Query", "TransactGetItems", "Scan"}:
            meter.read_units += units
        else:
            meter.write_units += units

    client.meta.events.register("provide-client-params.dynamodb.*", ask, unique_id="meter-ask")
    client.meta.events.register("after-call.dynamodb.*", count, unique_id="meter-count")
    yield meter
    client.meta.events.unregister("provide-client-params.dynamodb.*", unique_id="meter-ask")
    client.meta.events.unregister("after-call.dynamodb.*", unique_id="meter-count")


@pytest.fixture(scope="session")
def environment(client: DynamoDBClient) -> dict[str, str]:
    """The template's tables, made once; the settings that name them."""
    # Without TTL: the tests' clock stands in the past, and DynamoDB Local deletes by the real one.
    found = load_app(ROOT / "template.yaml").tables
    tables = {name: replace(table, ttl_attribute=None) for name, table in found.items()}
    create_tables(client, tables.values())
    names = {f"{name.removesuffix('Table').upper()}_TABLE": table.name for name, table in tables.items()}
    return {
        **names,
        "ALLOWED_REDIRECT_HOSTS": "app.aerostack.dev",
        "DASHBOARD_URL": "https://app.aerostack.dev/settings/billing",
        "PLATFORM_FEE_BPS": "2000",
        "EARNINGS_HOLD_DAYS": "7",
        "PAYOUT_MINIMUM_CENTS": "1000",
    }


@pytest.fixture
def parts(client: DynamoDBClient, environment: dict[str, str]) -> Runtime:
    """The rooms, put together as in a function, on DynamoDB Local."""
    parts = Runtime(Settings(environment))
    parts.dynamo = Dynamo(client)
    return parts


@pytest.fixture
def processes(client: DynamoDBClient, environment: dict[str, str]) -> list[Runtime]:
    """Eight sets of rooms that share nothing but the tables, as eight Lambda instances would."""
    made = [Runtime(Settings(environment)) for _ in range(8)]
    for parts in made:
        parts.dynamo = Dynamo(client)
    return made


@pytest.fixture
def account() -> str:
    """An account that no other test has."""
    return f"acct_{uuid.uuid4().hex}"


@dataclass
class Time:
    """The clock of a test: it stands still until it is moved."""

    at: float = MARCH

    def unix(self) -> float:
        """Seconds since the epoch."""
        return self.at

    def to(self, *when: int) -> None:
        """Make it the moment that `datetime` makes of these numbers, in UTC."""
        self.at = datetime(*when, tzinfo=UTC).timestamp()  # type: ignore[misc, arg-type]

    def forward(self, seconds: float) -> None:
        """Let time pass."""
        self.at += seconds


@pytest.fixture(autouse=True)
def time_stands() -> Iterator[Time]:
    moment = Time()
    with clock.using(moment.unix):
        yield moment


def use_stripe(parts: Runtime, base: str, *, network_retries: int) -> None:
    """Let the rooms talk to the local Stripe at `base`; deployed, the SDK makes two retries."""
    stripe = connect("sk_test_local", base, network_retries=network_retries)
    parts.payments = Payments(lambda: stripe, None)
    parts.cards = CardPayments(lambda: stripe)
    parts.connect = Connect(lambda: stripe)


@pytest.fixture
def world(time_stands: Time, parts: Runtime) -> Iterator[StripeWorld]:
    """A local Stripe that the rooms talk to; an answer that is lost is not asked for again by the SDK."""
    with serving(time_stands) as world:
        use_stripe(parts, world.base, network_retries=0)
        yield world
