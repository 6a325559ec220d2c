"""The rooms on Amazon's DynamoDB Local, with its requests and capacity units counted."""

from __future__ import annotations

import functools
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest
from botocore.config import Config
from botocore.model import OperationModel

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.payments.cards import CardPayments
from aerostack_billing.payments.client import connect
from aerostack_billing.payments.connect import Connect
from aerostack_billing.payments.gateway import Payments
from aerostack_billing.payments.papers import Papers
from aerostack_billing.payments.previews import Previews
from aerostack_billing.payments.undoing import Undoing
from aerostack_billing.platform import clock
from aerostack_billing.platform.config import Settings
from aerostack_billing.platform.dynamo import Dynamo
from local.aws.dynamodb_local import dynamodb_local
from local.aws.seed import create_tables
from local.paths import STATE
from local.template import Table, load_app
from tests.rooms.worlds.creators import call
from tests.rooms.worlds.deposits import deposit
from tests.rooms.worlds.reload import configure
from tests.rooms.worlds.stripe import StripeWorld, serving
from tests.rooms.worlds.terms import TERMS
from tests.rooms.worlds.wallet import fund
from tests.simulation.memory import MemoryDynamo

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

ROOT = Path(__file__).parents[2]
MARCH = datetime(2026, 3, 10, 12, tzinfo=UTC).timestamp()


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """DynamoDB Local, in memory: the one that runs at DYNAMODB_LOCAL_URL already, or one for the session."""
    running = os.environ.get("DYNAMODB_LOCAL_URL")
    with nullcontext(running) if running else dynamodb_local(STATE / "dynamodb", None) as url:
        yield url


def connected(endpoint: str) -> DynamoDBClient:
    """A client of the DynamoDB at that address, for many threads."""
    config = Config(max_pool_connections=80, retries={"total_max_attempts": 1})
    credentials = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing", "region_name": "us-east-1"}
    return boto3.client("dynamodb", endpoint_url=endpoint, config=config, **credentials)


@pytest.fixture(scope="session")
def client(endpoint: str) -> DynamoDBClient:
    return connected(endpoint)


_READS = frozenset({"GetItem", "BatchGetItem", "Query", "TransactGetItems", "Scan"})


@dataclass
class Meter:
    """Requests and capacity units since `reset`, as DynamoDB counts them.

    A refused write costs what it would have cost, but does not say so: of items under 1 KB, as all of ours are, one
    unit, and in a transaction two for each action.
    """

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

    def ask(self, params: dict[str, object], context: dict[str, object], **_: object) -> None:
        """Have a request tell its cost."""
        params["ReturnConsumedCapacity"] = "TOTAL"
        actions = params.get("TransactItems")
        context["refused_units"] = 2 * len(actions) if isinstance(actions, list) else 1

    def count(self, parsed: dict[str, Any], model: OperationModel, context: dict[str, float], **_: object) -> None:
        """Note what a request cost."""
        self.requests += 1
        self.operations.append(model.name)
        answer = parsed.get("ConsumedCapacity") or []
        units = sum(float(c["CapacityUnits"]) for c in (answer if isinstance(answer, list) else [answer]))
        if model.name in _READS:
            self.read_units += units
        else:
            self.write_units += context["refused_units"] if "Error" in parsed else units


@contextmanager
def metered(client: DynamoDBClient) -> Iterator[Meter]:
    """What the client costs inside the block."""
    meter = Meter()
    client.meta.events.register("provide-client-params.dynamodb.*", meter.ask, unique_id="meter-ask")
    client.meta.events.register("after-call.dynamodb.*", meter.count, unique_id="meter-count")
    try:
        yield meter
    finally:
        client.meta.events.unregister("provide-client-params.dynamodb.*", unique_id="meter-ask")
        client.meta.events.unregister("after-call.dynamodb.*", unique_id="meter-count")


@pytest.fixture
def meter(client: DynamoDBClient) -> Iterator[Meter]:
    with metered(client) as meter:
        yield meter


@functools.cache
def _template_tables() -> dict[str, Table]:
    return load_app(ROOT / "template.yaml").tables


def _suffixed(suffix: str) -> dict[str, Table]:
    # Without TTL: the tests' clock stands in the past, and DynamoDB Local deletes by the real one.
    return {
        name: replace(table, name=f"{table.name}{suffix}", ttl_attribute=None)
        for name, table in _template_tables().items()
    }


def made_tables(client: DynamoDBClient, suffix: str = "") -> dict[str, str]:
    """The template's tables, made, with the suffix to their names; the settings that name them."""
    tables = _suffixed(suffix)
    create_tables(client, tables.values())
    return _settings(tables)


def _settings(tables: dict[str, Table]) -> dict[str, str]:
    names = {f"{name.removesuffix('Table').upper()}_TABLE": table.name for name, table in tables.items()}
    return {
        **names,
        "ALLOWED_REDIRECT_HOSTS": "app.aerostack.dev",
        "DASHBOARD_URL": "https://app.aerostack.dev/settings/billing",
        "PAST_DUE_GRACE_DAYS": "7",
        **TERMS,
        "MAIL_FROM": "billing@aerostack.example",
        "MAIL_CONFIGURATION_SET": "aerostack-test",
        "STRIPE_REQUESTS_PER_MINUTE": "60",
    }


@pytest.fixture(scope="session")
def environment(client: DynamoDBClient) -> dict[str, str]:
    """The template's tables, made once; the settings that name them."""
    return made_tables(client)


def put_together(client: DynamoDBClient, environment: dict[str, str]) -> Runtime:
    """The rooms as in a function, on that DynamoDB."""
    parts = Runtime(Settings(environment))
    parts.dynamo = Dynamo(client)
    return parts


@pytest.fixture
def parts(client: DynamoDBClient, environment: dict[str, str]) -> Runtime:
    """The rooms, put together as in a function, on DynamoDB Local."""
    return put_together(client, environment)


@pytest.fixture
def parts_alone(client: DynamoDBClient) -> Runtime:
    """The same on tables that no other test fills, for what reads whole tables."""
    return put_together(client, made_tables(client, f"-{uuid.uuid4().hex}"))


@pytest.fixture
def parts_in_memory() -> Runtime:
    """The same on tables in this process, for property tests of thousands of steps by one thread."""
    tables = _suffixed("-in-memory")
    return put_together(cast("DynamoDBClient", MemoryDynamo(tables.values())), _settings(tables))


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
    parts.payments.gateway = Payments(lambda: stripe, None)
    parts.payments.undoing = Undoing(lambda: stripe)
    parts.payments.cards = CardPayments(lambda: stripe)
    parts.payments.connect = Connect(lambda: stripe)
    parts.payments.papers = Papers(lambda: stripe)
    parts.payments.previews = Previews(lambda: stripe)


@pytest.fixture
def world(time_stands: Time, parts: Runtime) -> Iterator[StripeWorld]:
    """A local Stripe that the rooms talk to; an answer that is lost is not asked for again by the SDK."""
    with serving(time_stands) as world:
        use_stripe(parts, world.base, network_retries=0)
        yield world


@pytest.fixture
def creator(account: str) -> str:
    return f"{account}_creator"


@pytest.fixture
def earned(parts: Runtime, account: str, creator: str) -> Callable[[int], None]:
    """Lets the creator earn the creator's part of an amount of cents."""

    def earn(cents: int) -> None:
        payment = f"pi_{parts.wallet.store.get(account).seq}"
        fund(parts, account, cents, payment)
        call(parts, account, creator, cents, f"{payment}:call")

    return earn


@pytest.fixture
def filled(parts: Runtime, world: StripeWorld, account: str) -> str:
    """An account with $25.00, a saved card, and a reload of $20.00 below $5.00."""
    deposit(parts, world, account, 2_500)
    configure(parts, account)
    return account
