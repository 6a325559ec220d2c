"""The plan's AI tokens, for whoever takes them in a transaction of its own."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from aerostack_billing.platform import clock
from aerostack_billing.platform.dynamo import Write
from aerostack_billing.usage.models import ConsumeRequest
from aerostack_billing.usage.service import Metering
from aerostack_billing.usage.store import NotOpen, UsageStore
from aerostack_billing.values.checks import required_as
from aerostack_billing.values.errors import PlanLimitExceeded, StoreUnavailable

AI_TOKENS: Final = "ai_tokens"


class AiTokens:
    """Takes AI tokens from a plan, and gives them back."""

    def __init__(self, metering: Metering, usage: UsageStore) -> None:
        self._metering = metering
        self._usage = usage

    def taking(self, account_id: str, tokens: int) -> Write:
        """The write that takes tokens, if this month's counter is there and has room for them."""
        return self._usage.addition(account_id, clock.period(), AI_TOKENS, tokens)

    def refusal(self, account_id: str, tokens: int) -> PlanLimitExceeded | None:
        """Why `taking` did not hold: the refusal if the room does not suffice; None where it may hold now."""
        item = clock.period()
        counters_item = self._metering.opened(account_id, item, lambda: self._usage.counters_item(account_id, item))
        if AI_TOKENS not in counters_item.counters or counters_item.counters[AI_TOKENS].room >= tokens:
            return None
        self._metering.tell(account_id, item, AI_TOKENS, counters_item)
        request = ConsumeRequest(account_id=account_id, metric=AI_TOKENS, quantity=tokens)
        refused = self._metering.refused(request, item, counters_item)
        return required_as(PlanLimitExceeded, refused, "the refusal of tokens")

    def tell(self, account_id: str) -> None:
        """Tell of the thresholds that the counter passed. Never fails: what is taken is taken."""
        item = clock.period()
        with suppress(StoreUnavailable, NotOpen):
            self._metering.tell(account_id, item, AI_TOKENS, self._usage.counters_item(account_id, item))

    def returning(self, account_id: str, tokens: int, period: str) -> Write | None:
        """The write that gives tokens of a month back, if they are still counted; None where the month is over."""
        if period != clock.period() or tokens == 0:
            return None
        try:
            counter = self._usage.counters_item(account_id, period).counters[AI_TOKENS]
        except NotOpen:
            return None
        return self._usage.addition(account_id, period, AI_TOKENS, -tokens) if counter.used >= tokens else None
