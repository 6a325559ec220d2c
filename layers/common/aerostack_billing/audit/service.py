"""The whole audit: the money of wallets and creators, and the counters of usage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from aerostack_billing.audit.money import MoneyAudit
from aerostack_billing.audit.usage import See, UsageAudit, look_on
from aerostack_billing.audit.wallets import Report


class Audit:
    """Holds all that is stored against the invariants; writes nothing itself."""

    def __init__(self, money: MoneyAudit, usage: UsageAudit) -> None:
        self._money = money
        self._usage = usage

    def run(
        self, account_id: str | None, step: Callable[[int, int], None] = lambda _done, _of: None, see: See = look_on
    ) -> Report:
        """Audit one account, or all; `step` is called for each wallet, as `MoneyAudit.run` calls it.

        `see` is shown each item of counters: who must look at all of them need not read them a second time.
        """
        report = self._money.run(account_id, step)
        counters, wrong = self._usage.run(account_id, see)
        return replace(report, counters=counters, violations=(*report.violations, *wrong))
