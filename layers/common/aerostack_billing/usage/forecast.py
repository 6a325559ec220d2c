"""What the account will have used at the month's end, if it goes on as it went: see `values.pace`."""

from __future__ import annotations

from aerostack_billing.plans.catalog import Catalog
from aerostack_billing.plans.models import Tier
from aerostack_billing.platform import clock
from aerostack_billing.usage.models import Counter, Figures, Outlook
from aerostack_billing.usage.store import UsageStore, limits_of
from aerostack_billing.values.pace import NEEDED_SECONDS, Month


class UsageForecast:
    """Forecasts this month's quotas; writes nothing."""

    def __init__(self, usage: UsageStore, catalog: Catalog) -> None:
        self._usage = usage
        self._catalog = catalog

    def view(self, account_id: str) -> dict[str, object]:
        """Each monthly quota with its forecast; nulls where less than a day of the month is over. Two requests."""
        month = this_month()
        tier, outlooks = self.of(account_id)
        return {
            "period": clock.period(),
            "tier": tier,
            "as_of": clock.iso(month.now),
            "elapsed_hours": month.elapsed // 3600,
            "needed_hours": NEEDED_SECONDS // 3600,
            "usage": {
                outlook.figures.name: {
                    **outlook.figures.amounts(),
                    "projected": outlook.projected,
                    "limit_reached_at": clock.iso(outlook.limit_reached_at),
                    "hard_limit_reached_at": clock.iso(outlook.hard_limit_reached_at),
                }
                for outlook in outlooks
            },
        }

    def of(self, account_id: str) -> tuple[Tier, list[Outlook]]:
        """The tier whose limits hold, and this month's quotas by what they come to.

        What was carried into the month from the ones before counts as used, and not for the pace.
        The gauge and the places have no month and are not here.
        """
        period, month = clock.period(), this_month()
        account, found = self._usage.overview(account_id, [period])
        began = self._usage.standing(account_id, period).began
        carried = began.from_before(period) if began is not None else {}
        tier = found[period].tier if period in found else account.plan.quotas_tier
        counters = found[period].counters if period in found else {}
        outlooks: list[Outlook] = []
        for name, limit in limits_of(self._catalog.plan(tier), period).items():
            figures = Figures.of(name, period, counters.get(name, Counter(0, limit.ceiling)), limit)
            own = max(0, figures.used - carried.get(name, 0))
            outlooks.append(
                Outlook(
                    figures,
                    month.projected(figures.used, own),
                    month.reached_at(figures.limit, figures.used, own),
                    month.reached_at(figures.hard_limit, figures.used, own),
                )
            )
        return tier, outlooks


def this_month() -> Month:
    """The calendar month that is under way."""
    period = clock.period()
    return Month(clock.start_of(period), clock.start_of(clock.next_period(period)), clock.seconds())
