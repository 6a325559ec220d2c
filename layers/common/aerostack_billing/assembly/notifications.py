"""Notifications: whom to tell of what, and how it is told."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aerostack_billing.assembly.runtime import Runtime
    from aerostack_billing.notifications.preferences import Preferences
    from aerostack_billing.notifications.store import SettingsStore
    from aerostack_billing.notifications.targets import Targets


class NotificationParts:
    """Makes each part of the room when it is first used."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    @cached_property
    def settings(self) -> SettingsStore:
        from aerostack_billing.notifications.store import SettingsStore  # noqa: PLC0415

        runtime = self._runtime
        return SettingsStore(runtime.dynamo, runtime.settings.notifications_table)

    @cached_property
    def targets(self) -> Targets:
        from aerostack_billing.notifications.targets import Targets  # noqa: PLC0415

        return Targets(loopback=self._runtime.settings.loopback_webhooks)

    @cached_property
    def preferences(self) -> Preferences:
        from aerostack_billing.notifications.preferences import Preferences  # noqa: PLC0415

        return Preferences(self.settings, self._runtime.wallet.store, self.targets)
