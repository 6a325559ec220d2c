from __future__ import annotations

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.payments.history import History
from aerostack_billing.reconcile.connected import ConnectedAccounts
from aerostack_billing.reconcile.service import Reconciler
from aerostack_billing.reconcile.store import ProgressStore
from tests.rooms.worlds.stripe import StripeWorld


@pytest.fixture
def reconciler(parts: Runtime, world: StripeWorld, account: str) -> Reconciler:
    """A reconciler that begins with this test."""
    parts.dynamo._client.delete_item(
        TableName=parts.settings.events_table, Key={"event_id": {"S": "reconcile#progress"}}
    )
    progress = ProgressStore(parts.dynamo, parts.settings.events_table)
    history = History(parts.payments.gateway._connect)
    return Reconciler(
        progress,
        history,
        parts.webhooks.service,
        parts.wallet.settlement,
        parts.wallet.store,
        parts.accounts.store,
        parts.accounts.sync,
        parts.telemetry,
        connected=ConnectedAccounts(parts.creators.store, parts.creators.accounts, history),
    )
