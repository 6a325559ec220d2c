"""The process that the layer runs in: one Lambda instance, whose ways out are the world's."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import stripe
from aws_lambda_powertools import Logger

from aerostack_billing.config import Settings
from aerostack_billing.dynamo import Dynamo
from aerostack_billing.outbox.bus import EventBus
from aerostack_billing.runtime import Runtime
from aerostack_billing.telemetry import Telemetry
from aerostack_billing.wallet.ledger import Ledger
from aerostack_billing.wallet.models import Transfer
from tests.simulation.wires import BusWire, DynamoWire

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_events.client import EventBridgeClient

_LOGGER = Logger(service="simulation", level="CRITICAL", stream=io.StringIO())  # type: ignore[arg-type]


def _no_time(_seconds: float) -> None:
    return


class _Silent(Telemetry):
    def _emit(self, name: str, unit: str, value: int) -> None:
        pass

    def moved(self, transfers: Sequence[Transfer]) -> None:
        pass


class Process(Runtime):
    """A set of rooms as one Lambda instance has them; its ways out are the world's."""

    def __init__(
        self, settings: Settings, dynamo: DynamoDBClient | DynamoWire, stripe_client: stripe.StripeClient, bus: BusWire
    ) -> None:
        super().__init__(settings)
        self.dynamo = Dynamo(cast("DynamoDBClient", dynamo), sleep=_no_time)
        self.bus = EventBus(cast("EventBridgeClient", bus), "simulated")
        self.telemetry = _Silent(lambda: _LOGGER, "Simulation")
        self.ledger = Ledger(self.dynamo, settings.ledger_table, self.telemetry, sleep=_no_time)
        self._connected = stripe_client

    def _stripe_client(self) -> stripe.StripeClient:
        return self._connected
