"""The audit: every balance and counter, recomputed."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aerostack_billing.assembly.runtime import Runtime
    from aerostack_billing.audit.service import Audit


class AuditParts:
    """Makes each part of the room when it is first used."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    @cached_property
    def service(self) -> Audit:
        from aerostack_billing.audit.money import MoneyAudit  # noqa: PLC0415
        from aerostack_billing.audit.service import Audit  # noqa: PLC0415
        from aerostack_billing.audit.usage import UsageAudit  # noqa: PLC0415
        from aerostack_billing.audit.wallets import WalletAudit  # noqa: PLC0415

        runtime = self._runtime
        usage = runtime.usage
        counters = UsageAudit(
            runtime.dynamo,
            runtime.settings.usage_table,
            usage.store,
            usage.places,
            runtime.accounts.store,
            runtime.catalog,
        )
        wallets = WalletAudit(runtime.wallet.store, lambda: runtime.prices.book, runtime.wallet.spending_store)
        return Audit(MoneyAudit(wallets, runtime.creators.store), counters)
