"""Auto-reload: its settings, and the sweep that carries it out."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aerostack_billing.assembly.runtime import Runtime
    from aerostack_billing.reload.confirmations import Confirmations
    from aerostack_billing.reload.service import Reloads
    from aerostack_billing.reload.settings import ReloadSettings


class ReloadParts:
    """Makes each part of the room when it is first used."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    @cached_property
    def service(self) -> Reloads:
        from aerostack_billing.reload.service import Reloads  # noqa: PLC0415

        runtime = self._runtime
        return Reloads(
            runtime.wallet.store,
            runtime.accounts.store,
            runtime.payments.cards,
            runtime.wallet.settlement,
            self.confirmations,
            runtime.telemetry,
            runtime.settings.dashboard_url,
            runtime.settings.reloads_per_day,
        )

    @cached_property
    def settings(self) -> ReloadSettings:
        from aerostack_billing.reload.settings import ReloadSettings  # noqa: PLC0415

        runtime = self._runtime
        return ReloadSettings(runtime.wallet.store, runtime.accounts.store, runtime.payments.cards, self.confirmations)

    @cached_property
    def confirmations(self) -> Confirmations:
        from aerostack_billing.reload.confirmations import Confirmations  # noqa: PLC0415

        runtime = self._runtime
        return Confirmations(runtime.wallet.store, runtime.payments.cards, runtime.wallet.settlement)
