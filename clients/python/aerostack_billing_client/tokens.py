"""The token of the moment, for any number of threads."""

from __future__ import annotations

import threading
from collections.abc import Callable

from aerostack_billing_client import forking
from aerostack_billing_client.calling import checked_token
from aerostack_billing_client.errors import NoToken

Token = str | Callable[[], str]
"""A bearer token, or what fetches one: asked at the first call, and once more when the service refuses the token."""


class Tokens:
    """Fetches the token when it is needed, once for all threads. NoToken where it cannot be fetched."""

    def __init__(self, token: Token) -> None:
        self._fetch = token if callable(token) else lambda: token
        self._token: str | None = None
        self.start_anew()
        forking.tend(self)

    def current(self) -> str:
        """The token; fetched if there is none yet."""
        with self._lock:
            if self._token is None:
                self._token = self._fetched()
            return self._token

    def another(self, refused: str) -> str | None:
        """A token instead of one that was refused, fetched once for all threads; None if there is no other."""
        with self._lock:
            if self._token == refused:
                self._token = self._fetched()
            return None if self._token == refused else self._token

    def start_anew(self) -> None:
        """In a child process: a lock that no thread of the parent's holds."""
        self._lock = threading.Lock()

    def _fetched(self) -> str:
        try:
            token = self._fetch()
        except Exception as error:
            raise NoToken("The token could not be fetched.") from error
        return checked_token(token)
