"""Accounts: which plan one is on, and what changes it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aerostack_billing.accounts.checkout import Checkout
    from aerostack_billing.accounts.customers import Customers
    from aerostack_billing.accounts.mending import Mending
    from aerostack_billing.accounts.paperwork import Paperwork
    from aerostack_billing.accounts.preview import PlanPreview
    from aerostack_billing.accounts.service import Subscriptions
    from aerostack_billing.accounts.store import AccountStore
    from aerostack_billing.accounts.sync import PlanSync
    from aerostack_billing.assembly.runtime import Runtime


class AccountParts:
    """Makes each part of the room when it is first used."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    @cached_property
    def store(self) -> AccountStore:
        from aerostack_billing.accounts.store import AccountStore  # noqa: PLC0415

        runtime = self._runtime
        return AccountStore(runtime.dynamo, runtime.settings.accounts_table, runtime.outbox.store)

    @cached_property
    def customers(self) -> Customers:
        from aerostack_billing.accounts.customers import Customers  # noqa: PLC0415

        runtime = self._runtime
        return Customers(self.store, runtime.payments.gateway)

    @cached_property
    def sync(self) -> PlanSync:
        from aerostack_billing.accounts.sync import PlanSync  # noqa: PLC0415

        runtime = self._runtime
        return PlanSync(
            self.store,
            self.customers,
            runtime.payments.gateway,
            self.mending,
            runtime.usage.ceilings,
            runtime.telemetry,
            grace_days=runtime.settings.past_due_grace_days,
        )

    @cached_property
    def mending(self) -> Mending:
        from aerostack_billing.accounts.mending import Mending  # noqa: PLC0415

        payments = self._runtime.payments
        return Mending(self.store, payments.gateway, payments.undoing, self._runtime.telemetry)

    @cached_property
    def subscriptions(self) -> Subscriptions:
        from aerostack_billing.accounts.service import Subscriptions  # noqa: PLC0415

        runtime = self._runtime
        return Subscriptions(self.store, runtime.payments.gateway, self.sync, runtime.redirects)

    @cached_property
    def checkout(self) -> Checkout:
        from aerostack_billing.accounts.checkout import Checkout  # noqa: PLC0415

        runtime = self._runtime
        return Checkout(self.customers, runtime.payments.gateway, self.sync, runtime.pages, runtime.redirects)

    @cached_property
    def preview(self) -> PlanPreview:
        from aerostack_billing.accounts.preview import PlanPreview  # noqa: PLC0415

        payments, usage = self._runtime.payments, self._runtime.usage
        return PlanPreview(
            self.customers,
            payments.gateway,
            payments.previews,
            self.sync,
            usage.outgrown,
            trial_days=self._runtime.settings.trial_days,
        )

    @cached_property
    def paperwork(self) -> Paperwork:
        from aerostack_billing.accounts.paperwork import Paperwork  # noqa: PLC0415

        return Paperwork(self.store, self._runtime.payments.papers)
