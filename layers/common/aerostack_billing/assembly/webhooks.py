"""Stripe's events: taken in when they come, and fetched by the reconciler when they do not."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient

    from aerostack_billing.accounts.customers import Customers
    from aerostack_billing.accounts.store import AccountStore
    from aerostack_billing.accounts.sync import PlanSync
    from aerostack_billing.assembly.runtime import Runtime
    from aerostack_billing.creators.onboarding import CreatorAccounts
    from aerostack_billing.creators.payouts import Payouts
    from aerostack_billing.payments.undoing import Undoing
    from aerostack_billing.reconcile.service import Reconciler
    from aerostack_billing.reconcile.store import ProgressStore
    from aerostack_billing.reload.service import Reloads
    from aerostack_billing.wallet.settlement import Settlement
    from aerostack_billing.webhooks.deliveries import EventQueue
    from aerostack_billing.webhooks.models import Outcome
    from aerostack_billing.webhooks.service import Webhooks
    from aerostack_billing.webhooks.store import EventStore


class WebhookParts:
    """Makes each part of the rooms `webhooks` and `reconcile` when it is first used."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    @cached_property
    def events(self) -> EventStore:
        from aerostack_billing.webhooks.store import EventStore  # noqa: PLC0415

        return EventStore(self._runtime.dynamo, self._runtime.settings.events_table)

    @cached_property
    def queue(self) -> EventQueue | None:
        """Where events wait to be taken in; None where they are taken in at once."""
        url = self._runtime.settings.stripe_events_queue_url
        if url is None:
            return None
        from aerostack_billing.platform.queue import Queue  # noqa: PLC0415
        from aerostack_billing.webhooks.deliveries import EventQueue  # noqa: PLC0415

        return EventQueue(Queue(lambda: cast("SQSClient", self._runtime.patient_client("sqs")), url))

    def take_message(self, body: str) -> Outcome:
        """Take in the event of a message, as a delivery that is answered after its effect is taken in.

        Raises as `Webhooks.take`, and InvalidJson for what is no such message: then it is to be delivered again.
        """
        from aerostack_billing.webhooks.deliveries import event_of  # noqa: PLC0415

        return self.service.take(event_of(body, self._runtime.payments.history.event))

    @cached_property
    def service(self) -> Webhooks:
        from aerostack_billing.webhooks.handlers import Handlers  # noqa: PLC0415
        from aerostack_billing.webhooks.service import Webhooks  # noqa: PLC0415

        handlers = Handlers(RoomsOfEvents(self._runtime, self.events))
        return Webhooks(self.events, handlers.by_type(), self._runtime.telemetry, handlers.is_foreign)

    @cached_property
    def progress(self) -> ProgressStore:
        """How far the reconciler has come."""
        from aerostack_billing.reconcile.store import ProgressStore  # noqa: PLC0415

        return ProgressStore(self._runtime.dynamo, self._runtime.settings.events_table)

    @cached_property
    def reconciler(self) -> Reconciler:
        from aerostack_billing.reconcile.connected import ConnectedAccounts  # noqa: PLC0415
        from aerostack_billing.reconcile.service import Reconciler  # noqa: PLC0415

        runtime = self._runtime
        wallet = runtime.wallet
        return Reconciler(
            self.progress,
            runtime.payments.history,
            self.service,
            wallet.settlement,
            wallet.store,
            runtime.accounts.store,
            runtime.accounts.sync,
            runtime.telemetry,
            connected=ConnectedAccounts(runtime.creators.store, runtime.creators.accounts, runtime.payments.history),
        )


class RoomsOfEvents:
    """The parts that events lead to, as `webhooks.handlers.Rooms`: each is loaded when its first event comes."""

    def __init__(self, runtime: Runtime, events: EventStore) -> None:
        self._runtime = runtime
        self.events = events

    @property
    def accounts(self) -> AccountStore:
        return self._runtime.accounts.store

    @property
    def sync(self) -> PlanSync:
        return self._runtime.accounts.sync

    @property
    def undoing(self) -> Undoing:
        return self._runtime.payments.undoing

    @property
    def customers(self) -> Customers:
        return self._runtime.accounts.customers

    @property
    def settlement(self) -> Settlement:
        return self._runtime.wallet.settlement

    @property
    def reloads(self) -> Reloads:
        return self._runtime.reload.service

    @property
    def creator_accounts(self) -> CreatorAccounts:
        return self._runtime.creators.accounts

    @property
    def payouts(self) -> Payouts:
        return self._runtime.creators.payouts
