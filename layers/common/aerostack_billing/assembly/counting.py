"""What counts usage, put together: accounts, counters, leases, places. None of it asks Stripe."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, cast

from aerostack_billing.assembly.base import Ground

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient

    from aerostack_billing.accounts.store import AccountStore
    from aerostack_billing.plans.catalog import Catalog
    from aerostack_billing.usage.batch import Batch
    from aerostack_billing.usage.dead_letters import DeadLetters
    from aerostack_billing.usage.ingest import Ingest
    from aerostack_billing.usage.leases import Leases
    from aerostack_billing.usage.overview import UsageOverview
    from aerostack_billing.usage.places import PlaceStore
    from aerostack_billing.usage.resets import Resets
    from aerostack_billing.usage.resources import Resources
    from aerostack_billing.usage.service import Metering
    from aerostack_billing.usage.store import UsageStore
    from aerostack_billing.usage.thresholds import Thresholds


class Counting(Ground):
    """Makes each part when it is first asked for, as `Runtime`, which builds upon it, does with the other rooms."""

    @cached_property
    def catalog(self) -> Catalog:
        from aerostack_billing.plans import catalog  # noqa: PLC0415

        return catalog.load()

    @cached_property
    def accounts(self) -> AccountStore:
        from aerostack_billing.accounts.store import AccountStore  # noqa: PLC0415

        return AccountStore(self.dynamo, self.settings.accounts_table, self.outbox)

    @cached_property
    def usage(self) -> UsageStore:
        from aerostack_billing.usage.store import UsageStore  # noqa: PLC0415

        return UsageStore(self.dynamo, self.settings.usage_table, self.accounts, self.catalog)

    @cached_property
    def thresholds(self) -> Thresholds:
        from aerostack_billing.usage.thresholds import Thresholds  # noqa: PLC0415

        return Thresholds(self.dynamo, self.settings.usage_table, self.outbox)

    @cached_property
    def metering(self) -> Metering:
        from aerostack_billing.usage.service import Metering  # noqa: PLC0415

        return Metering(self.usage, self.accounts, self.idempotency, self.catalog, self.thresholds, self.telemetry)

    @cached_property
    def batch(self) -> Batch:
        from aerostack_billing.usage.batch import Batch  # noqa: PLC0415

        return Batch(self.metering, self.usage, self.idempotency)

    @cached_property
    def leases(self) -> Leases:
        from aerostack_billing.usage.lease_store import LeaseStore  # noqa: PLC0415
        from aerostack_billing.usage.leases import Leases  # noqa: PLC0415

        return Leases(self.metering, LeaseStore(self.dynamo, self.settings.usage_table, self.usage))

    @cached_property
    def dead_letters(self) -> DeadLetters:
        from aerostack_billing.usage.dead_letters import DeadLetters  # noqa: PLC0415

        return DeadLetters(
            lambda: cast("SQSClient", self._make_client("sqs")), self.settings.ingest_dead_letter_queue_url
        )

    @cached_property
    def ingest(self) -> Ingest:
        from aerostack_billing.usage.batch import Batch  # noqa: PLC0415
        from aerostack_billing.usage.ingest import KEPT_SECONDS, Ingest  # noqa: PLC0415

        batch = Batch(self.metering, self.usage, self.idempotency, KEPT_SECONDS)
        return Ingest(batch, self.metering, self.usage, self.idempotency, self.dead_letters, self.telemetry)

    @cached_property
    def resets(self) -> Resets:
        from aerostack_billing.usage.resets import Resets  # noqa: PLC0415

        return Resets(self.dynamo, self.settings.usage_table, self.catalog)

    @cached_property
    def usage_overview(self) -> UsageOverview:
        from aerostack_billing.usage.overview import UsageOverview  # noqa: PLC0415

        return UsageOverview(self.usage, self.catalog)

    @cached_property
    def places(self) -> PlaceStore:
        from aerostack_billing.usage.places import PlaceStore  # noqa: PLC0415

        return PlaceStore(self.dynamo, self.settings.usage_table, self.usage)

    @cached_property
    def resources(self) -> Resources:
        from aerostack_billing.usage.resources import Resources  # noqa: PLC0415

        return Resources(self.places, self.usage, self.accounts, self.metering, self.catalog)
