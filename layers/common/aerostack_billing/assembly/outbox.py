"""The outbox: domain events stored with their effect, and published from there."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from mypy_boto3_events.client import EventBridgeClient

    from aerostack_billing.assembly.runtime import Runtime
    from aerostack_billing.outbox.bus import EventBus
    from aerostack_billing.outbox.publisher import Publisher
    from aerostack_billing.outbox.store import Outbox


class OutboxParts:
    """Makes each part of the room when it is first used."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    @cached_property
    def store(self) -> Outbox:
        from aerostack_billing.outbox.store import Outbox  # noqa: PLC0415

        runtime = self._runtime
        return Outbox(runtime.dynamo, runtime.settings.outbox_table)

    @cached_property
    def bus(self) -> EventBus:
        from aerostack_billing.outbox.bus import EventBus  # noqa: PLC0415

        runtime = self._runtime
        return EventBus(cast("EventBridgeClient", runtime.patient_client("events")), runtime.settings.event_bus)

    @cached_property
    def publisher(self) -> Publisher:
        from aerostack_billing.outbox.publisher import Publisher  # noqa: PLC0415

        runtime = self._runtime
        return Publisher(self.store, self.bus, runtime.telemetry)
