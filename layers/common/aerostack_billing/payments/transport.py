"""How the Stripe SDK reaches Stripe: urllib3, which boto3 brings along, with kept connections and time limits.

The SDK's own urllib client has no time limit, and lets a connection that breaks in the middle of an answer escape as
something else than its APIConnectionError, so that it is not retried and looks like a mistake of ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn

import stripe
import urllib3

_CONNECT_SECONDS = 2
_READ_SECONDS = 8
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
            timeout=urllib3.Timeout(connect=_CONNECT_SECONDS, read=_READ_SECONDS),
            retries=False,
            maxsize=_CONNECTIONS,
            ca_certs=stripe.ca_bundle_path,
        )

    def request(  # type: ignore[override]  # the base declares a private argument that its callers never pass
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: str | bytes | None = None
    ) -> tuple[str, int, Mapping[str, str]]:
        """One request, and the whole answer."""
        try:
            answer = self._pool.request(method.upper(), url, body=post_data, headers=dict(headers or {}))
        except urllib3.exceptions.HTTPError as error:
            _unanswered(error)
        return answer.data.decode("utf-8"), answer.status, {k.lower(): v for k, v in answer.headers.items()}

    def close(self) -> None:
        """Drop the kept connections."""
        self._pool.clear()


def _unanswered(error: urllib3.exceptions.HTTPError) -> NoReturn:
    lost = stripe.APIConnectionError("Stripe gave no whole answer.", should_retry=True)  # type: ignore[no-untyped-call]
    raise lost from error
