"""The audit: every balance and counter, recomputed."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aerostack_billing.assembly.runtime import Runtime
    from aerostack_billing.audit.money import MoneyAudit
    from aerostack_billing.audit.places import Places
    from aerostack_billing.audit.rounds import Rounds
    from aerostack_billing.audit.service import Audit
    from aerostack_billing.audit.usage import UsageAudit


class AuditParts:
    """Makes each part of the room when it is first used."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    @cached_property
    def money(self) -> MoneyAudit:
        from aerostack_billing.audit.money import MoneyAudit  # noqa: PLC0415
        from aerostack_billing.audit.wallets import WalletAudit  # noqa: PLC0415

        runtime = self._runtime
        wallets = WalletAudit(runtime.wallet.store, lambda: runtime.prices.book, runtime.wallet.spending_store)
        return MoneyAudit(wallets, runtime.creators.store)

    @cached_property
    def usage(self) -> UsageAudit:
        from aerostack_billing.audit.usage import UsageAudit  # noqa: PLC0415

        runtime = self._runtime
        usage = runtime.usage
        return UsageAudit(
            runtime.dynamo,
            runtime.settings.usage_table,
            usage.store,
            usage.places,
            runtime.accounts.store,
            runtime.catalog,
        )

    @cached_property
    def service(self) -> Audit:
        from aerostack_billing.audit.service import Audit  # noqa: PLC0415

        return Audit(self.money, self.usage)

    @cached_property
    def places(self) -> Places:
        from aerostack_billing.audit.places import Places  # noqa: PLC0415

        return Places(self._runtime.dynamo, self._runtime.settings.events_table)

    @cached_property
    def rounds(self) -> Rounds:
        from aerostack_billing.audit.rounds import Rounds  # noqa: PLC0415

        runtime = self._runtime
        stores = runtime.wallet.store, runtime.creators.store
        return Rounds(self.service, self.money, self.usage, *stores, self.places, runtime.telemetry.violated)
