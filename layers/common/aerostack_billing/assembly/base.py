"""What all rooms stand on: the log, the tables, the outbox and the way out of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, cast

from aerostack_billing.assembly.telemetry import Telemetry
from aerostack_billing.platform.config import Settings

if TYPE_CHECKING:
    import boto3
    from aws_lambda_powertools import Logger
    from botocore.config import Config
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_events.client import EventBridgeClient

    from aerostack_billing.idempotency.store import IdempotencyStore
    from aerostack_billing.outbox.bus import EventBus
    from aerostack_billing.outbox.publisher import Publisher
    from aerostack_billing.outbox.store import Outbox
    from aerostack_billing.platform.dynamo import Dynamo

_CONNECT_SECONDS = 1
_READ_SECONDS = 3
_making_a_logger = threading.Lock()
"""Powertools keeps loggers by name: one that is half made by another thread would be taken for whole."""


class Ground:
    """Makes each part when it is first asked for, as `Runtime`, which builds upon it, does with the rooms."""

    def __init__(self, settings: Settings, session: boto3.Session | None = None) -> None:
        self.settings = settings
        self.request_id: str | None = None
        self._make_client: Callable[..., object] = session.client if session else _made_alone

    @cached_property
    def logger(self) -> Logger:
        from aws_lambda_powertools import Logger  # noqa: PLC0415

        with _making_a_logger:
            return Logger(service=self.settings.service_name, level=self.settings.log_level)

    @property
    def log(self) -> Logger:
        """The logger, telling of the request under way. The first that has something to say loads it: few have."""
        self.logger.set_correlation_id(self.request_id)
        return self.logger

    @cached_property
    def telemetry(self) -> Telemetry:
        return Telemetry(lambda: self.log, self.settings.metrics_namespace)

    @cached_property
    def dynamo(self) -> Dynamo:
        from botocore.config import Config  # noqa: PLC0415

        from aerostack_billing.platform.dynamo import Dynamo  # noqa: PLC0415

        # The client's own retries are off: dynamo.py knows which calls may be made again.
        config = Config(
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=_READ_SECONDS,
            retries={"total_max_attempts": 1},
            max_pool_connections=64,
        )
        return Dynamo(cast("DynamoDBClient", self._make_client("dynamodb", config=config)))

    @cached_property
    def outbox(self) -> Outbox:
        from aerostack_billing.outbox.store import Outbox  # noqa: PLC0415

        return Outbox(self.dynamo, self.settings.outbox_table)

    @cached_property
    def bus(self) -> EventBus:
        from aerostack_billing.outbox.bus import EventBus  # noqa: PLC0415

        return EventBus(cast("EventBridgeClient", self._make_client("events")), self.settings.event_bus)

    @cached_property
    def publisher(self) -> Publisher:
        from aerostack_billing.outbox.publisher import Publisher  # noqa: PLC0415

        return Publisher(self.outbox, self.bus, self.telemetry)

    @cached_property
    def idempotency(self) -> IdempotencyStore:
        from aerostack_billing.idempotency.store import IdempotencyStore  # noqa: PLC0415

        return IdempotencyStore(self.dynamo, self.settings.events_table)


def _made_alone(service: str, config: Config | None = None) -> object:
    """A client of AWS as the environment says, in a session of its own: boto3 adds nothing to it but its import."""
    from botocore.session import get_session  # noqa: PLC0415

    return get_session().create_client(service, config=config)
