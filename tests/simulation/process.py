"""The process that the layer runs in: one Lambda instance, whose ways out are the world's."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import stripe
from aws_lambda_powertools import Logger

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.assembly.telemetry import Telemetry
from aerostack_billing.ledger.ledger import Ledger
from aerostack_billing.ledger.models import Transfer
from aerostack_billing.notifications.dispatch import Dispatch, Queues
from aerostack_billing.notifications.hooks import WebhookSender
from aerostack_billing.notifications.ses import Ses
from aerostack_billing.outbox.bus import EventBus
from aerostack_billing.platform.config import Settings
from aerostack_billing.platform.dead_letters import DeadLetters
from aerostack_billing.platform.dynamo import Dynamo
from aerostack_billing.platform.queue import Queue
from aerostack_billing.webhooks.deliveries import EventQueue
from tests.rooms.worlds.notices import PUBLIC
from tests.simulation.post import CONFIGURATION_SET, MAIL_FROM, Post
from tests.simulation.stripe_queue import StripeQueue
from tests.simulation.wires import BusWire, DynamoWire, LetterWire

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_events.client import EventBridgeClient
    from mypy_boto3_sqs.client import SQSClient

Refused = tuple[str, str, int, str]
"""Account, metric, quantity and message."""

_LOGGER = Logger(service="simulation", level="CRITICAL", stream=io.StringIO())  # type: ignore[arg-type]


def _no_time(_seconds: float) -> None:
    return


class _Silent(Telemetry):
    """Tells nobody, but notes what the log alone is told: which events of the queue were refused."""

    def __init__(self, refused: set[Refused]) -> None:
        super().__init__(lambda: _LOGGER, "Simulation")
        self._refused = refused

    def usage_refused(self, account_id: str, metric: str, quantity: int, message_id: str) -> None:
        self._refused.add((account_id, metric, quantity, message_id))

    def _emit(self, name: str, unit: str, value: int) -> None:
        pass

    def moved(self, transfers: Sequence[Transfer]) -> None:
        pass


@dataclass(frozen=True)
class Ways:
    """The ways out of a process."""

    dynamo: DynamoDBClient | DynamoWire
    stripe: stripe.StripeClient
    bus: BusWire
    letters: LetterWire
    charge_letters: LetterWire
    events: StripeQueue
    post: Post


class Process(Runtime):
    """A set of rooms as one Lambda instance has them; its ways out are the world's."""

    def __init__(self, settings: Settings, ways: Ways, refused: set[Refused]) -> None:
        super().__init__(settings)
        self.dynamo = Dynamo(cast("DynamoDBClient", ways.dynamo), sleep=_no_time)
        self.outbox.bus = EventBus(cast("EventBridgeClient", ways.bus), "simulated")
        self.usage.dead_letters = DeadLetters(lambda: cast("SQSClient", ways.letters), "simulated")
        self.usage.refused_usage = DeadLetters(lambda: cast("SQSClient", ways.letters), "simulated refusals")
        self.wallet.dead_letters = DeadLetters(lambda: cast("SQSClient", ways.charge_letters), "simulated charges")
        self.wallet.refused_charges = DeadLetters(lambda: cast("SQSClient", ways.charge_letters), "simulated refusals")
        self.webhooks.queue = EventQueue(Queue(lambda: cast("SQSClient", ways.events), "simulated"))
        self.telemetry = _Silent(refused)
        self.ledger = Ledger(self.dynamo, settings.ledger_table, self.telemetry, sleep=_no_time)
        self.payments.client = lambda: ways.stripe  # type: ignore[method-assign]
        told = self.notifications
        told.targets, told.carrier = PUBLIC, Ses(lambda: ways.post, MAIL_FROM, CONFIGURATION_SET)
        queues = Queues(lambda: cast("SQSClient", ways.post), lambda channel: channel)
        told.dispatch = Dispatch(told.notices, queues)
        told.webhook_sender = WebhookSender(told.notices, PUBLIC, self.telemetry, ways.post.deliver)
