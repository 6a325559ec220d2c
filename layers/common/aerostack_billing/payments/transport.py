"""How the Stripe SDK reaches Stripe: urllib3, which boto3 brings along, with kept connections and time limits.

The SDK's own urllib client has no time limit, and lets a connection that breaks in the middle of an answer escape as
something else than its APIConnectionError, so that it is not retried and looks like a mistake of ours.
"""

from __future__ import annotations

from collections.abc import Mapping

import stripe
import urllib3

from aerostack_billing.platform import deadline
from aerostack_billing.platform.whole_answers import bound

_CONNECT_SECONDS = 2
_READ_SECONDS = 8
_KEPT_FOR_THE_STORE_SECONDS = 4
"""What Stripe did has to be stored, or told, after its answer."""
_LEAST_SECONDS = 0.5
"""In less than that no request is begun."""
_CONNECTIONS = 16
"""Kept open to Stripe: at least as many as a sweep has workers."""


class Urllib3Client(stripe.HTTPClient):
    """A client of the SDK. Every failure to get a whole answer is an APIConnectionError that may be retried.

    Retrying is safe: each creating call carries an idempotency key.
    """

    name = "urllib3"

    def __init__(self) -> None:
        super().__init__()
        self._pool = urllib3.PoolManager(
            retries=False,
            maxsize=_CONNECTIONS,
            ca_certs=stripe.ca_bundle_path,
        )
        bound(self._pool)

    def request(  # type: ignore[override]  # the base declares a private argument that its callers never pass
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: str | bytes | None = None
    ) -> tuple[str, int, Mapping[str, str]]:
        """One request, and the whole answer, in what is left of the invocation's time."""
        left = deadline.left() - _KEPT_FOR_THE_STORE_SECONDS
        if left < _LEAST_SECONDS:
            raise _lost(may_ask_again=False)
        connect = min(_CONNECT_SECONDS, left / 2)
        timeout = urllib3.Timeout(connect=connect, read=min(_READ_SECONDS, left - connect))
        try:
            answer = self._pool.request(
                method.upper(), url, body=post_data, headers=dict(headers or {}), timeout=timeout
            )
        except urllib3.exceptions.HTTPError as error:
            raise _lost(may_ask_again=deadline.allows(_KEPT_FOR_THE_STORE_SECONDS + 1)) from error
        return answer.data.decode("utf-8"), answer.status, {k.lower(): v for k, v in answer.headers.items()}

    def close(self) -> None:
        """Drop the kept connections."""
        self._pool.clear()


def _lost(*, may_ask_again: bool) -> stripe.APIConnectionError:
    return stripe.APIConnectionError("Stripe gave no whole answer.", should_retry=may_ask_again)  # type: ignore[no-untyped-call]
