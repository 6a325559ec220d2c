"""The Stripe SDK, set up once a process, and its failures in this project's words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import stripe

from aerostack_billing.payments.transport import Urllib3Client
from aerostack_billing.values.errors import PaymentsFailed, PaymentsRefused, PaymentsUnavailable, RequestInProgress

API_VERSION: Final = "2026-05-27.dahlia"
"""The version that every request asks for and the webhook endpoint is made with; read shapes by this one only."""

_NETWORK_RETRIES = 2


class ObjectMissing(PaymentsRefused):
    """Stripe has no such object."""


class AlreadyDone(PaymentsRefused):
    """Stripe refuses because what was asked has been done before."""


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
def told() -> Iterator[None]:
    """Turn the SDK's exceptions into ours, and never let a message of Stripe's carry a secret to a caller.

    PaymentsUnavailable: no answer, the outcome is unknown. PaymentsFailed: Stripe failed, likewise. PaymentsRefused:
    Stripe will not do it, and nothing happened.
    RequestInProgress: the same idempotency key is being used at this moment.
    """
    try:
        yield
    except (stripe.APIConnectionError, stripe.RateLimitError) as error:
        raise PaymentsUnavailable("The payment provider did not answer. Nothing was lost: ask again.") from error
    except stripe.InvalidRequestError as error:
        if error.code == "resource_missing":
            raise ObjectMissing("The payment provider has no such object.", {"param": error.param}) from error
        if error.code in _DONE_CODES:
            raise AlreadyDone("This was done before.", {"provider_code": error.code}) from error
        raise PaymentsRefused("The payment provider refused the request.", {"provider_code": error.code}) from error
    except stripe.PermissionError as error:
        raise PaymentsRefused("The payment provider does not allow this.", {"provider_code": error.code}) from error
    except stripe.IdempotencyError as error:
        raise RequestInProgress("The same request is being worked on. Ask again in a moment.") from error
    except stripe.StripeError as error:
        if error.http_status == 409:
            raise RequestInProgress("The same request is being worked on. Ask again in a moment.") from error
        raise PaymentsFailed("The payment provider failed. Nothing was lost: ask again.") from error
