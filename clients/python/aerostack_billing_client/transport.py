"""One request, and its whole answer or the reason why there is none."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, SSLError

from aerostack_billing_client import forking
from aerostack_billing_client.errors import Unanswered

_CONNECTIONS = 16
"""Kept open at most; more are opened where more threads call at once."""
_CONNECT_SECONDS = 3.0
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

Pool = urllib3.PoolManager
MakePool = Callable[[], Pool]


class Untrusted(Unanswered):
    """The server's certificate is not to be trusted: nothing was sent, and asking again does not help."""


@dataclass(frozen=True)
class Answer:
    """An answer as it came; headers by lower-cased name."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def default_pool() -> Pool:
    """Connections without a proxy, by the certificates that the system trusts."""
    return urllib3.PoolManager(maxsize=_CONNECTIONS, retries=False)


class Transport:
    """Sends requests to one service over kept connections; for any number of threads."""

    def __init__(self, base_url: str, make_pool: MakePool = default_pool) -> None:
        address = urlsplit(base_url)
        if address.scheme != "https" and not (address.scheme == "http" and address.hostname in _LOOPBACK):
            raise ValueError(f"{base_url!r} is not https: a token must not travel in the clear (loopback may be http)")
        self._base_url = base_url.rstrip("/")
        self._make_pool = make_pool
        self._pool = make_pool()
        forking.tend(self)

    def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None, seconds: float) -> Answer:
        """One request, once; no redirect is followed. Unanswered if no whole answer comes in time."""
        try:
            answer = self._pool.request(
                method,
                self._base_url + path,
                body=body,
                headers=headers,
                timeout=urllib3.Timeout(connect=min(_CONNECT_SECONDS, seconds), read=seconds),
                retries=False,
                redirect=False,
            )
        except HTTPError as error:
            raise _unanswered(error) from error
        return Answer(answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.data)

    def start_anew(self) -> None:
        """In a child process: connections of its own."""
        self._pool = self._make_pool()

    def close(self) -> None:
        """Drop the kept connections."""
        self._pool.clear()


def _unanswered(error: HTTPError) -> Unanswered:
    if isinstance(error, SSLError) and any(isinstance(cause, ssl.SSLCertVerificationError) for cause in error.args):
        return Untrusted("The service's certificate is not to be trusted.", sent=False)
    if isinstance(error, NewConnectionError | ConnectTimeoutError):
        return Unanswered("The service could not be reached.", sent=False)
    return Unanswered("The service gave no whole answer.")
