"""Every refusal a caller can meet: a type, an HTTP status, a code, and a sentence that says what to do."""

from __future__ import annotations

from collections.abc import Mapping


class BillingError(Exception):
    """A refusal or failure with an answer of its own. Nothing was changed unless the subclass says so."""

    status = 500
    code = "INTERNAL_ERROR"

    def __init__(
        self,
        message: str,
        details: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.details = dict(details or {})
        self.headers = dict(headers or {})

    def view(self, request_id: str | None = None) -> dict[str, object]:
        """As every answer shows it; with the id of the request where it is the whole answer to one."""
        error: dict[str, object] = {"code": self.code, "message": self.message, "details": self.details}
        return {"error": error if request_id is None else {**error, "request_id": request_id}}


class InvalidJson(BillingError):
    status, code = 400, "INVALID_JSON"


class InvalidSignature(BillingError):
    status, code = 400, "INVALID_SIGNATURE"


class Unauthorized(BillingError):
    status, code = 401, "UNAUTHORIZED"


class RoleForbidden(BillingError):
    """The caller may look at the account and not change it."""

    status, code = 403, "ROLE_FORBIDDEN"


class TokenRestricted(BillingError):
    """The service's token is narrowed to other kinds, other accounts or smaller charges."""

    status, code = 403, "TOKEN_RESTRICTED"


class CallerBlocked(BillingError):
    """An operator stopped the service that calls."""

    status, code = 403, "CALLER_BLOCKED"


class PlanLimitExceeded(BillingError):
    status, code = 403, "PLAN_LIMIT_EXCEEDED"


class NotFound(BillingError):
    status, code = 404, "NOT_FOUND"


class SessionNotFound(NotFound):
    code = "SESSION_NOT_FOUND"


class Conflict(BillingError):
    """The account's state forbids the act; subclasses name which."""

    status, code = 409, "CONFLICT"


class AlreadyOnPlan(Conflict):
    code = "ALREADY_ON_PLAN"


class InvoiceOpen(Conflict):
    """An invoice of a plan is overdue: it is paid, or voided by an operator, before a plan is bought or changed."""

    code = "INVOICE_OPEN"


class PlanAgreed(Conflict):
    """The plan was agreed with sales and set by an operator: buying another one would have no effect."""

    code = "PLAN_AGREED"


class NoActiveSubscription(Conflict):
    code = "NO_ACTIVE_SUBSCRIPTION"


class NothingToResume(Conflict):
    code = "NOTHING_TO_RESUME"


class NoStripeCustomer(Conflict):
    code = "NO_STRIPE_CUSTOMER"


class CurrencyConflict(Conflict):
    """The account's customer at Stripe is billed in another currency: Stripe sells it nothing in US dollars."""

    code = "CURRENCY_CONFLICT"


class SessionNotPaid(Conflict):
    code = "SESSION_NOT_PAID"


class IdempotencyKeyReused(Conflict):
    code = "IDEMPOTENCY_KEY_REUSED"


class RequestInProgress(Conflict):
    code = "REQUEST_IN_PROGRESS"


class PayloadTooLarge(BillingError):
    status, code = 413, "PAYLOAD_TOO_LARGE"


class InvalidRequest(BillingError):
    """One or more fields are wrong; `details` maps each field to what is wrong with it."""

    status, code = 422, "INVALID_REQUEST"


class InvalidRedirectUrl(InvalidRequest):
    code = "INVALID_REDIRECT_URL"


class UnknownMetric(InvalidRequest):
    code = "UNKNOWN_METRIC"


class UnknownResourceKind(InvalidRequest):
    code = "UNKNOWN_RESOURCE_KIND"


class GaugeBelowZero(InvalidRequest):
    code = "QUANTITY_EXCEEDS_USED"


class ContactSales(InvalidRequest):
    code = "CONTACT_SALES"


class CancelInstead(InvalidRequest):
    code = "CANCEL_INSTEAD"


class RateLimitExceeded(BillingError):
    """The burst limit: too many calls in this clock minute; nothing was counted."""

    status, code = 429, "RATE_LIMIT_EXCEEDED"


class PaymentsFailed(BillingError):
    """Stripe answered with an error of its own, or refused what we asked: nothing was lost, ask again."""

    status, code = 502, "PAYMENT_PROVIDER_ERROR"


class PaymentsRefused(PaymentsFailed):
    """Stripe will not do what we asked, however often it is asked: nothing happened."""

    code = "PAYMENT_PROVIDER_REFUSED"


class ObjectMissing(PaymentsRefused):
    """Stripe has no such object, has it no more, or no longer lets this account reach it."""


class AlreadyDone(PaymentsRefused):
    """Stripe refuses because what was asked has been done before."""


class NotAllowed(PaymentsRefused):
    """Stripe does not let our API key do this: a fault of the deployment's, never of the payer or the card."""


class KeyMismatch(PaymentsFailed):
    """Stripe knows the idempotency key from a call with other parameters: this key can never succeed.

    The earlier call may have succeeded: look for its object before another key is used.
    """


class PaymentsUnavailable(BillingError):
    """Stripe did not answer: the outcome is unknown until the same call is made again with its key."""

    status, code = 503, "PAYMENT_PROVIDER_UNAVAILABLE"


class StoreUnavailable(BillingError):
    """DynamoDB throttled, conflicted or did not answer, also after retries."""

    status, code = 503, "STORE_UNAVAILABLE"


class Contended(StoreUnavailable):
    """Others were changing the same thing all the time; nothing is wrong with the store.

    A service sends it again as after any 503. A user's own requests are many at once then, which is no fault of ours:
    the edge answers them with 429.
    """


class OperatorRefused(Conflict):
    """What an operator's act meets; no route answers it."""

    code = "OPERATOR_REFUSED"


class Misconfigured(Exception):
    """The deployment lacks a setting or holds a wrong one: fails loudly, is never an answer to a caller."""


class Inconsistent(Exception):
    """What is stored or computed contradicts itself: nothing may be written on it. Never an answer to a caller."""
