"""Prices: the book of tokens, and the most that a charge may take."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aerostack_billing.assembly.runtime import Runtime
    from aerostack_billing.prices.book import PriceBook
    from aerostack_billing.prices.models import Terms


class PriceParts:
    """Makes each part of the room when it is first used."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    @cached_property
    def book(self) -> PriceBook:
        from aerostack_billing.prices import book  # noqa: PLC0415

        return book.load(self._runtime.settings.price_markup_bps)

    @property
    def terms(self) -> Terms:
        """By what a price of this moment is worked out."""
        from aerostack_billing.prices.versions import terms_of_today  # noqa: PLC0415

        return terms_of_today(self.starts, self._runtime.settings.price_markup_bps)

    @cached_property
    def starts(self) -> list[str]:
        from aerostack_billing.prices.versions import days  # noqa: PLC0415

        return days()

    @cached_property
    def max_charge_cents(self) -> Mapping[str, int]:
        from aerostack_billing.plans.charge_limits import max_charge_cents  # noqa: PLC0415

        return max_charge_cents()
