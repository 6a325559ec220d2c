"""The Stripe SDK, set up once a process, and its failures in this project's words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import stripe

from aerostack_billing.payments.transport import Urllib3Client
from aerostack_billing.values.errors import (
    AlreadyDone,
    KeyMismatch,
    NotAllowed,
    ObjectMissing,
    PaymentsFailed,
    PaymentsRefused,
    PaymentsUnavailable,
    RequestInProgress,
)

API_VERSION: Final = "2026-05-27.dahlia"
"""The version that every request asks for and the webhook endpoint is made with; read shapes by this one only."""

_NETWORK_RETRIES = 2


_MISSING_CODES = frozenset({"resource_missing", "account_invalid"})
_DONE_CODES = frozenset({"charge_already_refunded"})


def connect(api_key: str, api_base: str | None, network_retries: int = _NETWORK_RETRIES) -> stripe.StripeClient:
    """A client with the pinned version. Retries are safe: every creating call carries an idempotency key of ours."""
    return stripe.StripeClient(
        api_key,
        stripe_version=API_VERSION,
        base_addresses={"api": api_base} if api_base else {},
        max_network_retries=network_retries,
        http_client=Urllib3Client(),
    )


@contextmanager
def translated() -> Iterator[None]:
    """Turn the SDK's exceptions into ours. No message of Stripe's, which may hold a secret, reaches a caller.

    PaymentsUnavailable: no answer, the outcome is unknown. PaymentsFailed: Stripe failed, likewise. KeyMismatch: the
    key was used with other parameters. PaymentsRefused, with ObjectMissing, AlreadyDone and NotAllowed: Stripe does not
    do it, and nothing happened. RequestInProgress: a concurrent call uses the same idempotency key.
    """
    try:
        yield
    except (stripe.APIConnectionError, stripe.RateLimitError) as error:
        raise PaymentsUnavailable("The payment provider did not answer. Nothing was lost. Try again.") from error
    except (stripe.InvalidRequestError, stripe.PermissionError) as error:
        raise _refusal(error) from error
    except stripe.IdempotencyError as error:
        raise KeyMismatch("An earlier, different request used the same key. Try again.") from error
    except stripe.StripeError as error:
        if error.http_status == 409:
            raise RequestInProgress("The same request is still being processed. Try again in a moment.") from error
        raise PaymentsFailed("The payment provider failed. Nothing was lost. Try again.") from error


def _refusal(error: stripe.InvalidRequestError | stripe.PermissionError) -> PaymentsRefused:
    code = _code(error)
    details = {"provider_code": code}
    if isinstance(error, stripe.InvalidRequestError) and error.param is not None:
        details["param"] = error.param
    if code in _MISSING_CODES:
        return ObjectMissing("The payment provider has no such object.", details)
    if code in _DONE_CODES:
        return AlreadyDone("This was already done.", details)
    if isinstance(error, stripe.PermissionError):
        return NotAllowed("The payment provider does not allow this.", details)
    return PaymentsRefused("The payment provider refused the request.", details)


def _code(error: stripe.StripeError) -> str | None:
    """Stripe's code of an error. The SDK hands it over of some classes only: of a 403 it stays in the answer."""
    if error.code is not None or error.error is None:
        return error.code
    code = error.error.code
    return code if isinstance(code, str) else None
