"""Usage: counters with a ceiling, leases, places, the usage queue. No part of it calls Stripe."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aerostack_billing.assembly.runtime import Runtime
    from aerostack_billing.platform.dead_letters import DeadLetters
    from aerostack_billing.usage.batch import Batch
    from aerostack_billing.usage.ceilings import Ceilings
    from aerostack_billing.usage.forecast import UsageForecast
    from aerostack_billing.usage.held import HeldByCaller
    from aerostack_billing.usage.ingest import Ingest
    from aerostack_billing.usage.large import LargeCounts
    from aerostack_billing.usage.lease_store import LeaseStore
    from aerostack_billing.usage.leases import Leases
    from aerostack_billing.usage.outgrown import Outgrown
    from aerostack_billing.usage.overview import UsageOverview
    from aerostack_billing.usage.places import PlaceStore
    from aerostack_billing.usage.quota import AiTokens
    from aerostack_billing.usage.resets import Resets
    from aerostack_billing.usage.resources import Resources
    from aerostack_billing.usage.service import Metering
    from aerostack_billing.usage.store import UsageStore
    from aerostack_billing.usage.thresholds import Thresholds


class UsageParts:
    """Makes each part of the room when it is first used."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    @cached_property
    def store(self) -> UsageStore:
        from aerostack_billing.usage.store import UsageStore  # noqa: PLC0415

        runtime = self._runtime
        return UsageStore(runtime.dynamo, runtime.settings.usage_table, runtime.accounts.store, runtime.catalog)

    @cached_property
    def ai_tokens(self) -> AiTokens:
        from aerostack_billing.usage.quota import AiTokens  # noqa: PLC0415

        return AiTokens(self.metering, self.store)

    @cached_property
    def ceilings(self) -> Ceilings:
        from aerostack_billing.usage.ceilings import Ceilings  # noqa: PLC0415

        runtime = self._runtime
        return Ceilings(runtime.settings.usage_table, self.store, runtime.catalog)

    @cached_property
    def thresholds(self) -> Thresholds:
        from aerostack_billing.usage.thresholds import Thresholds  # noqa: PLC0415

        runtime = self._runtime
        return Thresholds(runtime.dynamo, runtime.settings.usage_table, runtime.outbox.store)

    @cached_property
    def metering(self) -> Metering:
        from aerostack_billing.usage.service import Metering  # noqa: PLC0415

        runtime = self._runtime
        return Metering(
            self.store,
            runtime.accounts.store,
            runtime.idempotency,
            runtime.catalog,
            self.thresholds,
            runtime.telemetry,
            self.large_counts,
        )

    @cached_property
    def large_counts(self) -> LargeCounts:
        from aerostack_billing.usage.large import LargeCounts  # noqa: PLC0415

        runtime = self._runtime
        settings = runtime.settings
        return LargeCounts(runtime.dynamo, settings.usage_table, runtime.catalog, settings.lease_share_percent)

    @cached_property
    def batch(self) -> Batch:
        from aerostack_billing.usage.batch import Batch  # noqa: PLC0415

        runtime = self._runtime
        return Batch(self.metering, self.store, runtime.idempotency)

    @cached_property
    def lease_store(self) -> LeaseStore:
        from aerostack_billing.usage.lease_store import LeaseStore  # noqa: PLC0415

        return LeaseStore(self._runtime.dynamo, self._runtime.settings.usage_table, self.store)

    @cached_property
    def held(self) -> HeldByCaller:
        from aerostack_billing.usage.held import HeldByCaller  # noqa: PLC0415

        runtime = self._runtime
        return HeldByCaller(
            runtime.dynamo,
            runtime.settings.usage_table,
            self.lease_store,
            self.places,
            self.large_counts,
            runtime.catalog,
        )

    @cached_property
    def leases(self) -> Leases:
        from aerostack_billing.usage.leases import Leases  # noqa: PLC0415

        runtime = self._runtime
        return Leases(
            self.metering,
            self.lease_store,
            runtime.accounts.store,
            runtime.catalog,
            runtime.settings.lease_share_percent,
        )

    @cached_property
    def dead_letters(self) -> DeadLetters:
        """Where usage is put that somebody has to mend something for: it pages."""
        return self._runtime.letters(self._runtime.settings.ingest_dead_letter_queue_url)

    @cached_property
    def refused_usage(self) -> DeadLetters:
        """Where usage is kept whose sender was stopped."""
        return self._runtime.letters(self._runtime.settings.refused_usage_queue_url)

    @cached_property
    def ingest(self) -> Ingest:
        from aerostack_billing.usage.batch import Batch  # noqa: PLC0415
        from aerostack_billing.usage.ingest import KEPT_SECONDS, Ingest  # noqa: PLC0415

        runtime = self._runtime
        batch = Batch(self.metering, self.store, runtime.idempotency, KEPT_SECONDS)
        return Ingest(
            batch,
            self.metering,
            self.store,
            runtime.idempotency,
            self.dead_letters,
            self.refused_usage,
            runtime.telemetry,
            runtime.callers.check,
        )

    @cached_property
    def resets(self) -> Resets:
        from aerostack_billing.usage.resets import Resets  # noqa: PLC0415

        runtime = self._runtime
        return Resets(runtime.dynamo, runtime.settings.usage_table, runtime.catalog, self.lease_store)

    @cached_property
    def overview(self) -> UsageOverview:
        from aerostack_billing.usage.overview import UsageOverview  # noqa: PLC0415

        runtime = self._runtime
        return UsageOverview(self.store, runtime.catalog)

    @cached_property
    def forecast(self) -> UsageForecast:
        from aerostack_billing.usage.forecast import UsageForecast  # noqa: PLC0415

        return UsageForecast(self.store, self._runtime.catalog)

    @cached_property
    def outgrown(self) -> Outgrown:
        from aerostack_billing.usage.outgrown import Outgrown  # noqa: PLC0415

        return Outgrown(self.store, self._runtime.catalog)

    @cached_property
    def places(self) -> PlaceStore:
        from aerostack_billing.usage.places import PlaceStore  # noqa: PLC0415

        runtime = self._runtime
        return PlaceStore(runtime.dynamo, runtime.settings.usage_table, self.store)

    @cached_property
    def resources(self) -> Resources:
        from aerostack_billing.usage.resources import Resources  # noqa: PLC0415

        runtime = self._runtime
        return Resources(self.places, self.store, runtime.accounts.store, self.metering, runtime.catalog)
