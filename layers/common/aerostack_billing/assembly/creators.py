"""Creators: what they earn, their connected accounts, their payouts."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aerostack_billing.assembly.runtime import Runtime
    from aerostack_billing.creators.claims import Claims
    from aerostack_billing.creators.earnings import Earnings
    from aerostack_billing.creators.onboarding import CreatorAccounts
    from aerostack_billing.creators.payouts import Payouts
    from aerostack_billing.creators.reviews import PayoutReviews
    from aerostack_billing.creators.statement import CreatorStatement
    from aerostack_billing.creators.store import CreatorStore
    from aerostack_billing.creators.tools import CreatorTools


class CreatorParts:
    """Makes each part of the room when it is first used."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    @cached_property
    def store(self) -> CreatorStore:
        from aerostack_billing.creators.store import CreatorStore  # noqa: PLC0415

        runtime = self._runtime
        return CreatorStore(runtime.dynamo, runtime.settings.creators_table, runtime.ledger, runtime.outbox.store)

    @cached_property
    def tools(self) -> CreatorTools:
        from aerostack_billing.creators.tool_store import ToolStore  # noqa: PLC0415
        from aerostack_billing.creators.tools import CreatorTools  # noqa: PLC0415

        runtime = self._runtime
        return CreatorTools(ToolStore(runtime.dynamo, runtime.settings.creators_table, runtime.outbox.store))

    @cached_property
    def earnings(self) -> Earnings:
        from aerostack_billing.creators.earnings import Earnings  # noqa: PLC0415

        settings = self._runtime.settings
        return Earnings(
            self.store,
            settings.platform_fee_bps,
            settings.earnings_hold_days,
            settings.refunds_owed_per_day,
            self._runtime.telemetry,
            pays_granted=settings.pay_granted_earnings,
        )

    @cached_property
    def accounts(self) -> CreatorAccounts:
        from aerostack_billing.creators.onboarding import CreatorAccounts  # noqa: PLC0415

        runtime = self._runtime
        return CreatorAccounts(self.store, runtime.payments.connect, runtime.redirects)

    @cached_property
    def statement(self) -> CreatorStatement:
        from aerostack_billing.creators.statement import CreatorStatement  # noqa: PLC0415

        return CreatorStatement(self.store)

    @cached_property
    def claims(self) -> Claims:
        from aerostack_billing.creators.claim_store import ClaimStore  # noqa: PLC0415
        from aerostack_billing.creators.claims import Claims  # noqa: PLC0415

        runtime = self._runtime
        claims = ClaimStore(runtime.dynamo, runtime.settings.wallets_table)
        return Claims(self.store, runtime.wallet.store, claims, runtime.telemetry)

    @cached_property
    def payouts(self) -> Payouts:
        from aerostack_billing.creators.payouts import Payouts, PayoutTerms  # noqa: PLC0415

        runtime, settings = self._runtime, self._runtime.settings
        return Payouts(
            self.store,
            self.accounts,
            runtime.payments.connect,
            runtime.telemetry,
            runtime.wallet.store,
            self.claims,
            PayoutTerms(
                settings.payout_minimum,
                settings.new_creator_days,
                settings.new_creator_payouts,
                settings.unreviewed_payouts,
            ),
        )

    @cached_property
    def reviews(self) -> PayoutReviews:
        from aerostack_billing.creators.reviews import PayoutReviews  # noqa: PLC0415

        return PayoutReviews(self.store)
