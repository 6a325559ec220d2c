"""What the account will have spent at the month's end, if it goes on as it went: see `values.pace`."""

from __future__ import annotations

from aerostack_billing.platform import clock
from aerostack_billing.values.money import cents, parse_cents
from aerostack_billing.values.pace import Month
from aerostack_billing.wallet.spending_view import Question, Spending, SpendingBehind


class SpendingForecast:
    """Forecasts this month's spending; writes nothing."""

    def __init__(self, spending: Spending) -> None:
        self._spending = spending

    def view(self, account_id: str) -> dict[str, object] | None:
        """What was spent of the balance this month, refunds taken off, and what it comes to; cents.

        None while the account's spending is being added up.
        """
        period = clock.period()
        month = Month(clock.start_of(period), clock.start_of(clock.next_period(period)), clock.seconds())
        try:
            told = self._spending.show(account_id, Question.asked(f"{period}-01", clock.day(), "total", None))
        except SpendingBehind:
            return None
        spent = told["total_cents"]
        exact = parse_cents(str(spent)) if not str(spent).startswith("-") else 0
        projected = month.projected(exact)
        return {"spent_cents": cents(exact), "projected_cents": None if projected is None else cents(projected)}
