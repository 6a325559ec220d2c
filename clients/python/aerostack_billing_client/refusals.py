"""What the service refuses or fails with, each by its code; without one of its own, by its status."""

from __future__ import annotations

from decimal import Decimal

from aerostack_billing_client.errors import ApiError, whole

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


class BudgetReached(PaymentRequired, code="BUDGET_REACHED"):
    """A budget that the labels meet has no room for it: nothing was taken. The details have its figures."""


class SpendCapReached(PaymentRequired, code="SPEND_CAP_REACHED"):
    """The account's own cap on a month's spending forbids it: what is spent and held counts towards it."""

    @property
    def cap_cents(self) -> Decimal | None:
        """The cap."""
        return self._money("cap_cents")

    @property
    def spent_cents(self) -> Decimal | None:
        """What was spent this month."""
        return self._money("spent_cents")

    @property
    def held_cents(self) -> Decimal | None:
        """What is held for work that is under way."""
        return self._money("held_cents")

    @property
    def required_cents(self) -> Decimal | None:
        """What the call asked for."""
        return self._money("required_cents")


class Forbidden(ApiError, status=403):
    """The token lacks the scope, or the plan forbids it."""


class CallerBlocked(Forbidden, code="CALLER_BLOCKED"):
    """An operator stopped this service."""


class TokenRestricted(Forbidden, code="TOKEN_RESTRICTED"):
    """The token is narrowed to other kinds, accounts or amounts."""


class RoleForbidden(Forbidden, code="ROLE_FORBIDDEN"):
    """The token's role may read, and not change: an owner, an admin or a member for billing may."""


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


class BudgetNotFound(NotFound, code="BUDGET_NOT_FOUND"):
    """There is no such budget."""


class ChargeNotFound(NotFound, code="CHARGE_NOT_FOUND"):
    """The account has no such charge."""


class HoldNotFound(NotFound, code="HOLD_NOT_FOUND"):
    """The account has no such hold."""


class LeaseNotFound(NotFound, code="LEASE_NOT_FOUND"):
    """There is no such lease."""


class SessionNotFound(NotFound, code="SESSION_NOT_FOUND"):
    """The account has no such checkout session."""


class ToolNotFound(NotFound, code="TOOL_NOT_FOUND"):
    """There is no such tool, or it is another creator's."""


class Conflict(ApiError, status=409):
    """The account's state forbids it."""


class AlreadyOnboarded(Conflict, code="ALREADY_ONBOARDED"):
    """The creator's account is complete."""


class InvoiceOpen(Conflict, code="INVOICE_OPEN"):
    """An invoice of a plan is overdue: `details` holds the `url` at which it is paid."""


class AlreadyOnPlan(Conflict, code="ALREADY_ON_PLAN"):
    """The account is on that plan."""


class AlreadyRefunded(Conflict, code="ALREADY_REFUNDED"):
    """The charge was refunded under another key."""


class RefundNeedsReview(Conflict, code="REFUND_NEEDS_REVIEW"):
    """The creator was paid for the charge, and today's refunds are above what is allowed: an operator has to look."""


class CurrencyConflict(Conflict, code="CURRENCY_CONFLICT"):
    """Stripe bills the account's customer in another currency than US dollars."""


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


class DeliveryNotFound(NotFound, code="DELIVERY_NOT_FOUND"):
    """The account has no such delivery; one is kept for 30 days."""


class DeliveryUnderWay(Conflict, code="DELIVERY_UNDER_WAY"):
    """The delivery waits for its next attempt, or one is being made."""


class NoEmail(Conflict, code="NO_EMAIL"):
    """The account names no address that is sent mail."""


class EmailOff(Conflict, code="EMAIL_OFF"):
    """The service sends no mail."""


class NoWebhook(Conflict, code="NO_WEBHOOK"):
    """The account names no webhook_url."""


class NothingToResume(Conflict, code="NOTHING_TO_RESUME"):
    """No cancellation and no change is pending."""


class PlanAgreed(Conflict, code="PLAN_AGREED"):
    """The plan was agreed with sales: buying another one would have no effect."""


class PriceChanged(Conflict, code="PRICE_CHANGED"):
    """The tool costs more than `max_price_cents`: nothing was taken."""

    @property
    def price_cents(self) -> Decimal | None:
        """What it costs now."""
        return self._money("price_cents")


class RequestInProgress(Conflict, code="REQUEST_IN_PROGRESS"):
    """A concurrent request under the same key is being answered."""

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


class TooManyBudgets(InvalidRequest, code="TOO_MANY_BUDGETS"):
    """The account has as many budgets as one may have."""


class LeaseTooLarge(InvalidRequest, code="LEASE_TOO_LARGE"):
    """One lease takes a share of the limit at most: take several, or count at once by `consume`."""


class TooManyTools(InvalidRequest, code="TOO_MANY_TOOLS"):
    """The creator has as many tools as one may have."""


class UnknownMetric(InvalidRequest, code="UNKNOWN_METRIC"):
    """No plan counts that metric."""


class TooManyComplaints(InvalidRequest, code="TOO_MANY_COMPLAINTS"):
    """Too many readers of the account marked its mail as spam: it can name no further address."""


class UnknownModel(InvalidRequest, code="UNKNOWN_MODEL"):
    """The price book does not price that model."""


class UnknownResourceKind(InvalidRequest, code="UNKNOWN_RESOURCE_KIND"):
    """No plan counts that kind of resource."""


class RateLimited(ApiError, status=429, code="RATE_LIMIT_EXCEEDED"):
    """Too many requests at once; `retry_after_seconds` says when to come again. Nothing was done."""

    again = True

    @property
    def limit(self) -> int | None:
        """How many pass in a minute."""
        return whole(self._headers.get("x-ratelimit-limit"))

    @property
    def remaining(self) -> int | None:
        """How many still pass in this minute."""
        return whole(self._headers.get("x-ratelimit-remaining"))

    @property
    def reset(self) -> int | None:
        """Unix seconds at which all of them pass again."""
        return whole(self._headers.get("x-ratelimit-reset"))


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


class Unavailable(ServerError, status=503):
    """Stripe or the database did not answer."""


class PaymentProviderUnavailable(Unavailable, code="PAYMENT_PROVIDER_UNAVAILABLE"):
    """Stripe did not answer."""


class SpendingBehind(Unavailable, code="SPENDING_BEHIND"):
    """Spending is not added up yet; it is within minutes."""


class StoreUnavailable(Unavailable, code="STORE_UNAVAILABLE"):
    """The database did not answer."""


class GatewayTimeout(ServerError, status=504):
    """The service took too long."""
