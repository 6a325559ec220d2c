"""What can keep a call from its answer, each by its type."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import ClassVar

_BY_CODE: dict[str, type[ApiError]] = {}
_BY_STATUS: dict[int, type[ApiError]] = {}


class BillingError(Exception):
    """The call has no good answer.

    `idempotency_key` is the key under which it was made, if it had one: the same call under the same key is always
    safe. `attempts` counts how often it was tried, and `earlier_unknown` tells whether one of the tries before the
    last may have had its effect.
    """

    idempotency_key: str | None = None
    attempts: int = 0
    earlier_unknown: bool = False

    @property
    def outcome_unknown(self) -> bool:
        """Whether the call may have had its effect all the same."""
        return self._unknown or (self.earlier_unknown and not self._decides)

    @property
    def _unknown(self) -> bool:
        """Whether the last try may have had it."""
        return False

    @property
    def _decides(self) -> bool:
        """Whether the last try's answer also tells that no earlier one had it."""
        return False


class Unanswered(BillingError):
    """No whole answer came: no connection, or it broke, or it took too long."""

    def __init__(self, message: str, *, sent: bool = True) -> None:
        super().__init__(message)
        self.sent = sent

    @property
    def _unknown(self) -> bool:
        return self.sent


class NoToken(BillingError):
    """The function that fetches tokens failed; its own error is the cause."""


class UnexpectedAnswer(BillingError):
    """The service answered with something that is not in its description."""

    @property
    def _unknown(self) -> bool:
        return True


class ApiError(BillingError):
    """A refusal or failure that the service answered with. `details` are its figures, `message` says what to do."""

    again: ClassVar[bool] = False
    """Whether the same call may succeed a moment later."""

    def __init_subclass__(cls, *, code: str | None = None, status: int | None = None) -> None:
        super().__init_subclass__()
        if code is not None:
            _BY_CODE[code] = cls
        if status is not None:
            _BY_STATUS[status] = cls

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        code: str = "",
        details: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}" if code else message)
        self.message = message
        self.status = status
        self.code = code
        self.details: Mapping[str, object] = dict(details or {})
        self._headers: Mapping[str, str] = dict(headers or {})

    @property
    def _unknown(self) -> bool:
        return self.status >= 500

    @property
    def _decides(self) -> bool:
        # The service looked at the key and refused: had an earlier try been carried out, it would have said so.
        return self.status < 500 and self.status not in {401, 429} and not self._unknown

    @property
    def retry_after_seconds(self) -> int | None:
        """How long the service asks to wait."""
        return _whole(self._headers.get("retry-after"))

    def _count(self, name: str) -> int | None:
        return _whole(self.details.get(name))

    def _money(self, name: str) -> Decimal | None:
        value = self.details.get(name)
        return Decimal(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else None


def _whole(value: object) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


# 4xx: asking the same again brings the same, until something else changes.


class BadRequest(ApiError, status=400, code="INVALID_JSON"):
    """The request could not be read."""


class Unauthorized(ApiError, status=401, code="UNAUTHORIZED"):
    """The token is missing, over, or names no account."""


class PaymentRequired(ApiError, status=402):
    """Money is short; nothing was taken."""


class InsufficientBalance(PaymentRequired, code="INSUFFICIENT_BALANCE"):
    """The wallet is short: `missing_cents` of `required_cents`."""

    @property
    def balance_cents(self) -> int | None:
        """What can be spent, in whole cents."""
        return self._count("balance_cents")

    @property
    def balance_micros(self) -> int | None:
        """The same, exactly: a cent is 10,000 micros."""
        return self._count("balance_micros")

    @property
    def required_cents(self) -> Decimal | None:
        """What the call asked for."""
        return self._money("required_cents")

    @property
    def missing_cents(self) -> Decimal | None:
        """What has to be deposited at least."""
        return self._money("missing_cents")

    @property
    def debt_cents(self) -> Decimal | None:
        """What the next deposit pays first."""
        return self._money("debt_cents")


class SpendCapReached(PaymentRequired, code="SPEND_CAP_REACHED"):
    """The account's own cap on a month's spending forbids it."""


class Forbidden(ApiError, status=403):
    """The token lacks the scope, or the plan forbids it."""


class PlanLimitExceeded(Forbidden, code="PLAN_LIMIT_EXCEEDED"):
    """The plan has no room for it; nothing was counted."""

    @property
    def metric(self) -> str | None:
        """What is counted: the metric, or the kind of resource."""
        name = self.details.get("metric", self.details.get("kind"))
        return name if isinstance(name, str) else None

    @property
    def period(self) -> str | None:
        """The month, `2026-03`; None for resources."""
        period = self.details.get("period")
        return period if isinstance(period, str) else None

    @property
    def used(self) -> int | None:
        """What is counted so far."""
        return self._count("used")

    @property
    def limit(self) -> int | None:
        """The plan's limit."""
        return self._count("limit")

    @property
    def hard_limit(self) -> int | None:
        """The limit with its grace, up to which requests pass."""
        return self._count("hard_limit")

    @property
    def remaining(self) -> int | None:
        """What would still pass: less than was asked for."""
        return self._count("remaining")

    @property
    def state(self) -> str | None:
        """`ok`, `grace` or `blocked`."""
        state = self.details.get("state")
        return state if isinstance(state, str) else None


class NotFound(ApiError, status=404):
    """There is no such thing, or it is another account's."""


class ChargeNotFound(NotFound, code="CHARGE_NOT_FOUND"):
    """The account has no such charge."""


class HoldNotFound(NotFound, code="HOLD_NOT_FOUND"):
    """The account has no such hold."""


class LeaseNotFound(NotFound, code="LEASE_NOT_FOUND"):
    """There is no such lease."""


class SessionNotFound(NotFound, code="SESSION_NOT_FOUND"):
    """The account has no such checkout session."""


class Conflict(ApiError, status=409):
    """The account's state forbids it."""


class AlreadyOnboarded(Conflict, code="ALREADY_ONBOARDED"):
    """The creator's account is complete."""


class AlreadyOnPlan(Conflict, code="ALREADY_ON_PLAN"):
    """The account is on that plan."""


class AlreadyRefunded(Conflict, code="ALREADY_REFUNDED"):
    """The charge was refunded under another key."""


class HoldEnded(Conflict, code="HOLD_ENDED"):
    """The hold was captured or released under another key."""


class IdempotencyKeyReused(Conflict, code="IDEMPOTENCY_KEY_REUSED"):
    """The key stands for another request: a new request needs a new key."""


class NoActiveSubscription(Conflict, code="NO_ACTIVE_SUBSCRIPTION"):
    """There is nothing to cancel."""


class NoPaymentMethod(Conflict, code="NO_PAYMENT_METHOD"):
    """No card is kept: a deposit keeps one."""


class NoStripeCustomer(Conflict, code="NO_STRIPE_CUSTOMER"):
    """The account never bought anything, so that it has no portal."""


class NothingToResume(Conflict, code="NOTHING_TO_RESUME"):
    """No cancellation and no change is pending."""


class PlanAgreed(Conflict, code="PLAN_AGREED"):
    """The plan was agreed with sales: buying another one would have no effect."""


class RequestInProgress(Conflict, code="REQUEST_IN_PROGRESS"):
    """A twin under the same key is being answered at this moment."""

    again = True

    @property
    def _unknown(self) -> bool:
        return True


class SessionNotPaid(Conflict, code="SESSION_NOT_PAID"):
    """The checkout was not paid, or not yet."""


class PayloadTooLarge(ApiError, status=413, code="PAYLOAD_TOO_LARGE"):
    """The body is too large."""


class InvalidRequest(ApiError, status=422, code="INVALID_REQUEST"):
    """A field is wrong: `details` say of each what is wrong with it."""


class CancelInstead(InvalidRequest, code="CANCEL_INSTEAD"):
    """Free is not bought: cancel the subscription."""


class ContactSales(InvalidRequest, code="CONTACT_SALES"):
    """Enterprise is negotiated."""


class InvalidRedirectUrl(InvalidRequest, code="INVALID_REDIRECT_URL"):
    """A URL to come back to is not https on an allowed host."""


class QuantityExceedsUsed(InvalidRequest, code="QUANTITY_EXCEEDS_USED"):
    """More storage would be given back than is held."""


class UnknownMetric(InvalidRequest, code="UNKNOWN_METRIC"):
    """No plan counts that metric."""


class UnknownResourceKind(InvalidRequest, code="UNKNOWN_RESOURCE_KIND"):
    """No plan counts that kind of resource."""


class RateLimited(ApiError, status=429, code="RATE_LIMIT_EXCEEDED"):
    """Too many requests at once; `retry_after_seconds` says when to come again. Nothing was done."""

    again = True

    @property
    def limit(self) -> int | None:
        """How many pass in a minute."""
        return _whole(self._headers.get("x-ratelimit-limit"))

    @property
    def remaining(self) -> int | None:
        """How many still pass in this minute."""
        return _whole(self._headers.get("x-ratelimit-remaining"))

    @property
    def reset(self) -> int | None:
        """Unix seconds at which all of them pass again."""
        return _whole(self._headers.get("x-ratelimit-reset"))


# 5xx: the same call under the same key may succeed.


class ServerError(ApiError, status=500, code="INTERNAL_ERROR"):
    """The service failed."""

    again = True


class PaymentProviderError(ServerError, status=502, code="PAYMENT_PROVIDER_ERROR"):
    """Stripe failed."""


class PaymentProviderRefused(PaymentProviderError, code="PAYMENT_PROVIDER_REFUSED"):
    """Stripe will not do it, however often it is asked."""

    again = False

    @property
    def _unknown(self) -> bool:
        return False


class UnknownPrice(PaymentProviderError, code="UNKNOWN_PRICE"):
    """The account's subscription at Stripe is to a price that is no plan: an operator has to look."""

    again = False


class Unavailable(ServerError, status=503):
    """Stripe or the database did not answer."""


class PaymentProviderUnavailable(Unavailable, code="PAYMENT_PROVIDER_UNAVAILABLE"):
    """Stripe did not answer."""


class StoreUnavailable(Unavailable, code="STORE_UNAVAILABLE"):
    """The database did not answer."""


class GatewayTimeout(ServerError, status=504):
    """The service took too long."""


def codes() -> Mapping[str, type[ApiError]]:
    """The type of each code that has one of its own."""
    return dict(_BY_CODE)


def error_of(status: int, headers: Mapping[str, str], body: bytes) -> ApiError:
    """The error that an answer is. `headers` are by lower-cased name."""
    try:
        answer = json.loads(body, parse_float=Decimal)
    except ValueError:
        answer = None
    return error_in(status, answer, headers)


def error_in(status: int, answer: object, headers: Mapping[str, str] | None = None) -> ApiError:
    """The error that a parsed answer is. What the gateway says by itself is a `message` only, without a code."""
    told = _fields(answer)
    error = _fields(told.get("error")) or told
    code, message, details = error.get("code"), error.get("message"), _fields(error.get("details"))
    code = code if isinstance(code, str) else ""
    kind = _BY_CODE.get(code) or _BY_STATUS.get(status, ServerError if status >= 500 else ApiError)
    return kind(
        message if isinstance(message, str) else f"The service answered {status}.",
        status=status,
        code=code,
        details=details,
        headers=headers,
    )


def _fields(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}
