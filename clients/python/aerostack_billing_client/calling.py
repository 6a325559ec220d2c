"""How a call goes on until it has its answer: again under the same key, with longer and longer waits, to a deadline."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlencode

from aerostack_billing_client import forking
from aerostack_billing_client.errors import ApiError, BillingError, NoToken, Unanswered, error_of
from aerostack_billing_client.refusals import RateLimited
from aerostack_billing_client.transport import Answer, Untrusted

Token = str | Callable[[], str]
"""A bearer token, or what fetches one: asked at the first call, and once more when the service refuses the token."""


@dataclass(frozen=True, kw_only=True)
class Retries:
    """How long a call is repeated, and how patiently. Seconds throughout.

    `deadline_seconds` bounds the whole call, `try_seconds` one try of it. Between tries it waits, at first about
    `first_wait_seconds`, then twice as long each time up to `longest_wait_seconds`, or as long as the service says.
    `most_tries` bounds their number: with 1, nothing is repeated.
    """

    deadline_seconds: float = 30.0
    try_seconds: float = 12.0
    first_wait_seconds: float = 0.1
    longest_wait_seconds: float = 5.0
    most_tries: int | None = None

    def wait_seconds(self, attempts: int) -> float:
        """How long to wait after so many tries; chance spreads those that failed together."""
        longest = min(self.longest_wait_seconds, self.first_wait_seconds * 2.0 ** min(attempts - 1, 30))
        return random.uniform(longest / 2, longest)  # noqa: S311 - spreads retries, guards nothing


@dataclass(frozen=True, kw_only=True)
class Call:
    """What is asked. `repeatable`: doing it twice is doing it once, by its key or by its nature."""

    method: str
    path: str
    body: Mapping[str, object] | None = None
    query: Mapping[str, str | int | None] | None = None
    repeatable: bool = True
    public: bool = False

    @property
    def target(self) -> str:
        """Path and query."""
        given = {name: value for name, value in (self.query or {}).items() if value is not None}
        return f"{self.path}?{urlencode(given)}" if given else self.path

    @property
    def key(self) -> str | None:
        """The idempotency key it is made under."""
        key = (self.body or {}).get("idempotency_key")
        return key if isinstance(key, str) else None


class Sends(Protocol):
    """What brings one request to the service."""

    def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None, seconds: float) -> Answer:
        """One request, once; Unanswered."""


class Tokens:
    """The token of the moment; for any number of threads. NoToken where it cannot be fetched."""

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
            token = self._fetch().strip()
        except Exception as error:
            raise NoToken("The token could not be fetched.") from error
        if not (token.isascii() and token.isprintable()):
            # What refuses such a header would tell it, and so the token, to whoever reads the log.
            raise NoToken("The token is not one line of printable characters.")
        return token


class Caller:
    """Makes calls."""

    def __init__(
        self,
        transport: Sends,
        token: Token,
        retries: Retries,
        agent: str,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.retries = retries
        self._transport = transport
        self._tokens = Tokens(token)
        self._agent = agent
        self._sleep = sleep
        self._clock = clock

    def call(self, call: Call) -> Answer:
        """The answer to a call that succeeded, after as many tries as it takes until the deadline.

        ApiError, or Unanswered: what the last try met.
        """
        body = None if call.body is None else json.dumps(call.body, separators=(",", ":")).encode()
        token = None if call.public else self._tokens.current()
        deadline = self._clock() + self.retries.deadline_seconds
        attempts, refreshed, unknown = 0, False, False
        while True:
            attempts += 1
            left = max(0.001, deadline - self._clock())
            try:
                return self._once(call, body, token, min(left, self.retries.try_seconds))
            except BillingError as error:
                error.idempotency_key, error.attempts, error.earlier_unknown = call.key, attempts, unknown
                unknown = unknown or error.outcome_unknown
                if isinstance(error, ApiError) and error.status == 401 and token is not None and not refreshed:
                    token, refreshed = self._tokens.another(token), True
                    if token is not None:
                        continue
                if attempts == self.retries.most_tries or not _may_repeat(call, error):
                    raise
                wait = self.retries.wait_seconds(attempts)
                if isinstance(error, ApiError):
                    wait = max(wait, error.retry_after_seconds or 0)
                if self._clock() + wait >= deadline:
                    raise
            self._sleep(wait)

    def _once(self, call: Call, body: bytes | None, token: str | None, seconds: float) -> Answer:
        headers = {"accept": "application/json", "user-agent": self._agent}
        if body is not None:
            headers["content-type"] = "application/json"
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        answer = self._transport.send(call.method, call.target, headers, body, seconds)
        if 200 <= answer.status < 300:
            return answer
        raise error_of(answer.status, answer.headers, answer.body)


def _may_repeat(call: Call, error: BillingError) -> bool:
    """Whether the same call may succeed a moment later and surely does no harm."""
    if isinstance(error, Untrusted):
        return False
    if isinstance(error, Unanswered):
        return call.repeatable or not error.sent
    return isinstance(error, ApiError) and error.again and (call.repeatable or isinstance(error, RateLimited))
