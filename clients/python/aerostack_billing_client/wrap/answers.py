"""The answers that a metered service gives its own callers for what billing refused: 402, 403, 429, or 503."""

from __future__ import annotations

import json
from decimal import Decimal

from aerostack_billing_client.errors import ApiError, BillingError
from aerostack_billing_client.refusals import PaymentRequired, PlanLimitExceeded, RateLimited

Refusal = PaymentRequired | PlanLimitExceeded | RateLimited
REFUSALS = (PaymentRequired, PlanLimitExceeded, RateLimited)
"""What a caller can do something about: pay, wait, or change the plan."""
_RATE_HEADERS = ("retry-after", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")


def answer_of(error: BillingError) -> tuple[int, dict[str, str], str]:
    """Status, headers and body, in the form that the service itself answers.

    Anything but a refusal is the platform's own failure, such as a token without the scope: 503, and no more is said.
    """
    if not isinstance(error, REFUSALS):
        answer = {"code": "BILLING_UNAVAILABLE", "message": "Usage cannot be counted at the moment. Try again."}
        return 503, {"retry-after": "1"}, _body({**answer, "details": {}})
    body = _body({"code": error.code or _code(error), "message": error.message, "details": dict(error.details)})
    return error.status, {name: error.headers[name] for name in _RATE_HEADERS if name in error.headers}, body


def _code(error: ApiError) -> str:
    return "RATE_LIMIT_EXCEEDED" if isinstance(error, RateLimited) else "REFUSED"


def _body(error: dict[str, object]) -> str:
    return json.dumps({"error": error}, default=_number)


def _number(value: object) -> float:
    # Amounts have four decimals at most, which a float holds.
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"{type(value).__name__} is no JSON")
