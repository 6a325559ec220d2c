"""The wallet: deposits, charges, holds, refunds, the statement."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aerostack_billing.assembly.runtime import Runtime
    from aerostack_billing.platform.dead_letters import DeadLetters
    from aerostack_billing.wallet.allowances import Allowances
    from aerostack_billing.wallet.batches import ChargeBatch
    from aerostack_billing.wallet.bill import Bills
    from aerostack_billing.wallet.budget_settings import Budgets
    from aerostack_billing.wallet.chaining import Chaining
    from aerostack_billing.wallet.charges import Charges
    from aerostack_billing.wallet.checkout_return import CheckoutReturn
    from aerostack_billing.wallet.deposits import Deposits
    from aerostack_billing.wallet.doings import Doings
    from aerostack_billing.wallet.grants import Grants
    from aerostack_billing.wallet.holds import Holds
    from aerostack_billing.wallet.hours import Hours
    from aerostack_billing.wallet.lapsing import Lapsing
    from aerostack_billing.wallet.pricing import Pricing
    from aerostack_billing.wallet.queued_charges import QueuedCharges
    from aerostack_billing.wallet.refunds import Refunds
    from aerostack_billing.wallet.settlement import Settlement
    from aerostack_billing.wallet.spending_fold import SpendingFold
    from aerostack_billing.wallet.spending_forecast import SpendingForecast
    from aerostack_billing.wallet.spending_store import SpendingStore
    from aerostack_billing.wallet.spending_view import Spending
    from aerostack_billing.wallet.statement import Statement
    from aerostack_billing.wallet.store import WalletStore


class WalletParts:
    """Makes each part of the room when it is first used."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    @cached_property
    def store(self) -> WalletStore:
        from aerostack_billing.wallet.store import WalletStore  # noqa: PLC0415

        runtime = self._runtime
        return WalletStore(
            runtime.dynamo,
            runtime.settings.wallets_table,
            runtime.ledger,
            runtime.outbox.store,
            runtime.settings.low_balance,
        )

    @cached_property
    def grants(self) -> Grants:
        from aerostack_billing.wallet.grants import Grants  # noqa: PLC0415

        return Grants(self.store)

    @cached_property
    def lapsing(self) -> Lapsing:
        from aerostack_billing.wallet.lapsing import Lapsing  # noqa: PLC0415

        return Lapsing(self.store)

    @cached_property
    def pricing(self) -> Pricing:
        from aerostack_billing.wallet.pricing import Pricing  # noqa: PLC0415

        runtime = self._runtime
        prices = runtime.prices
        return Pricing(
            lambda: prices.book, lambda: prices.terms, lambda: prices.max_charge_cents, lambda: runtime.creators.tools
        )

    @cached_property
    def charges(self) -> Charges:
        from aerostack_billing.wallet.charges import Charges  # noqa: PLC0415

        runtime = self._runtime
        return Charges(self.lapsing, runtime.creators.earnings, self.pricing, lambda: runtime.usage.ai_tokens)

    @cached_property
    def batch(self) -> ChargeBatch:
        from aerostack_billing.wallet.batches import ChargeBatch  # noqa: PLC0415

        runtime = self._runtime
        earnings = runtime.creators.earnings
        return ChargeBatch(self.store, self.charges, self.lapsing, earnings, lambda: runtime.usage.ai_tokens)

    @cached_property
    def dead_letters(self) -> DeadLetters:
        """Where queued charges are put that somebody has to mend something for: it pages."""
        return self._runtime.letters(self._runtime.settings.charge_dead_letter_queue_url)

    @cached_property
    def refused_charges(self) -> DeadLetters:
        """Where queued charges are kept that were not paid, or whose sender was stopped."""
        return self._runtime.letters(self._runtime.settings.refused_charges_queue_url)

    @cached_property
    def queued(self) -> QueuedCharges:
        from aerostack_billing.wallet.queued_charges import QueuedCharges  # noqa: PLC0415

        runtime = self._runtime
        return QueuedCharges(
            self.batch,
            runtime.outbox.store,
            self.dead_letters,
            self.refused_charges,
            runtime.telemetry,
            runtime.callers.check,
        )

    @cached_property
    def holds(self) -> Holds:
        from aerostack_billing.wallet.holds import Holds  # noqa: PLC0415

        runtime = self._runtime
        return Holds(self.store, self.lapsing, runtime.creators.earnings, self.pricing)

    @cached_property
    def allowances(self) -> Allowances:
        from aerostack_billing.wallet.allowances import Allowances  # noqa: PLC0415

        return Allowances(self.store, self.lapsing, self._runtime.creators.earnings, self.pricing)

    @cached_property
    def bills(self) -> Bills:
        from aerostack_billing.wallet.bill import Bills  # noqa: PLC0415

        return Bills(self._runtime.ledger)

    @cached_property
    def spending_store(self) -> SpendingStore:
        from aerostack_billing.wallet.spending_store import SpendingStore  # noqa: PLC0415

        return SpendingStore(self._runtime.dynamo, self._runtime.settings.wallets_table)

    @cached_property
    def spending(self) -> Spending:
        from aerostack_billing.wallet.spending_view import Spending  # noqa: PLC0415

        return Spending(self.spending_store, self._runtime.ledger)

    @cached_property
    def spending_forecast(self) -> SpendingForecast:
        from aerostack_billing.wallet.spending_forecast import SpendingForecast  # noqa: PLC0415

        return SpendingForecast(self.spending)

    @cached_property
    def spending_fold(self) -> SpendingFold:
        from aerostack_billing.wallet.spending_fold import SpendingFold  # noqa: PLC0415

        return SpendingFold(self.spending_store, self.store, self._runtime.ledger, self.hours)

    @cached_property
    def hours(self) -> Hours:
        from aerostack_billing.wallet.hour_store import HourStore  # noqa: PLC0415
        from aerostack_billing.wallet.hours import Hours  # noqa: PLC0415

        runtime = self._runtime
        days = HourStore(runtime.dynamo, runtime.settings.events_table, runtime.outbox.store)
        return Hours(days, lambda: runtime.settings.unusual_hour, runtime.telemetry)

    @cached_property
    def budgets(self) -> Budgets:
        from aerostack_billing.wallet.budget_settings import Budgets  # noqa: PLC0415

        return Budgets(self.store)

    @cached_property
    def refunds(self) -> Refunds:
        from aerostack_billing.wallet.refunds import Refunds  # noqa: PLC0415

        runtime = self._runtime
        return Refunds(self.store, runtime.creators.earnings, lambda: runtime.usage.ai_tokens)

    @cached_property
    def chaining(self) -> Chaining:
        from aerostack_billing.wallet.chaining import Chaining  # noqa: PLC0415

        return Chaining(self.store)

    @cached_property
    def doings(self) -> Doings:
        from aerostack_billing.wallet.doings import Doings  # noqa: PLC0415

        return Doings(self._runtime.ledger, self.store, self.refunds, self.holds)

    @cached_property
    def statement(self) -> Statement:
        from aerostack_billing.wallet.statement import Statement  # noqa: PLC0415

        return Statement(self.store)

    @cached_property
    def deposits(self) -> Deposits:
        from aerostack_billing.wallet.deposits import Deposits  # noqa: PLC0415

        runtime = self._runtime
        return Deposits(runtime.accounts.customers, runtime.payments.cards, runtime.pages, runtime.redirects)

    @cached_property
    def settlement(self) -> Settlement:
        from aerostack_billing.wallet.settlement import Settlement  # noqa: PLC0415

        runtime = self._runtime
        return Settlement(self.store, runtime.accounts.customers, runtime.payments.cards)

    @cached_property
    def checkout_return(self) -> CheckoutReturn:
        from aerostack_billing.wallet.checkout_return import CheckoutReturn  # noqa: PLC0415

        runtime = self._runtime
        return CheckoutReturn(runtime.payments.gateway, runtime.accounts.sync, self.settlement, self.store)
