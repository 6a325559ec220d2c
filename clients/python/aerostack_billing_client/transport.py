"""One request over urllib3, and its whole answer or the reason why there is none."""

from __future__ import annotations

import ssl
from collections.abc import Callable

import urllib3
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NameResolutionError, NewConnectionError, SSLError

from aerostack_billing_client import forking
from aerostack_billing_client.addresses import checked_url, host_of
from aerostack_billing_client.calling import Answer, Request, Untrusted
from aerostack_billing_client.errors import Unanswered

CONNECTIONS = 16
"""Kept open at most; more are opened where more threads call at once."""
CONNECT_SECONDS = 3.0

Pool = urllib3.PoolManager
MakePool = Callable[[], Pool]


def default_pool() -> Pool:
    """Connections without a proxy, by the certificates that the system trusts."""
    return urllib3.PoolManager(maxsize=CONNECTIONS, retries=False)


class Transport:
    """Sends requests to one service over kept connections; for any number of threads."""

    def __init__(self, base_url: str, make_pool: MakePool = default_pool) -> None:
        self._base_url = checked_url(base_url)
        self._make_pool = make_pool
        self._pool = make_pool()
        forking.tend(self)

    def send(self, request: Request) -> Answer:
        """One request, once; no redirect is followed. Unanswered if no whole answer comes in time."""
        try:
            answer = self._pool.request(
                request.method,
                self._base_url + request.target,
                body=request.body,
                headers=request.headers,
                timeout=urllib3.Timeout(connect=min(CONNECT_SECONDS, request.seconds), read=request.seconds),
                retries=False,
                redirect=False,
            )
        except HTTPError as error:
            raise _unanswered(error, host_of(self._base_url)) from error
        return Answer(answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.data)

    def start_anew(self) -> None:
        """In a child process: connections of its own."""
        self._pool = self._make_pool()

    def close(self) -> None:
        """Drop the kept connections."""
        self._pool.clear()


def _unanswered(error: HTTPError, host: str) -> Unanswered:
    if isinstance(error, SSLError) and any(isinstance(cause, ssl.SSLCertVerificationError) for cause in error.args):
        return Untrusted(f"The certificate of {host} is not to be trusted.", sent=False)
    if isinstance(error, NameResolutionError):
        return Unanswered(f"The host {host} is not known. Check base_url.", sent=False)
    if isinstance(error, NewConnectionError | ConnectTimeoutError):
        return Unanswered(f"The service could not be reached at {host}.", sent=False)
    return Unanswered(f"The service at {host} gave no whole answer.")
