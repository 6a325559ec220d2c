"""How a call goes on until it has its answer: again under the same key, with longer and longer waits, to a deadline.

Nothing here sends, sleeps or locks: `Tries` says what to do next, and the drivers (`client`, `aio.client`) do it.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from aerostack_billing_client.errors import ApiError, BillingError, NoToken, Unanswered, error_of
from aerostack_billing_client.refusals import RateLimited


class Untrusted(Unanswered):
    """The server's certificate is not to be trusted: nothing was sent, and asking again does not help."""


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


def encoded(body: Mapping[str, object]) -> bytes:
    """A body as it is sent."""
    return json.dumps(body, separators=(",", ":")).encode()


@dataclass(frozen=True, kw_only=True)
class Request:
    """One try of a call, as it is sent; no longer than `seconds`."""

    method: str
    target: str
    headers: Mapping[str, str] = field(repr=False)
    """With the token: they are not shown, where a log or a traceback shows requests."""
    body: bytes | None = field(repr=False)
    seconds: float


@dataclass(frozen=True)
class Answer:
    """An answer as it came; headers by lower-cased name."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Wait:
    """Wait so many seconds, then try again."""

    seconds: float


@dataclass(frozen=True)
class FetchToken:
    """The service refuses the token: fetch another one and try again; where there is none, the error stands."""


class Tries:
    """The tries of one call, from the first to the one that ends it."""

    def __init__(self, call: Call, retries: Retries, agent: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._call = call
        self._retries = retries
        self._clock = clock
        self._deadline = clock() + retries.deadline_seconds
        self._headers = {"accept": "application/json", "user-agent": agent}
        self._body: bytes | None = None
        if call.body is not None:
            self._headers["content-type"] = "application/json"
            self._body = encoded(call.body)
        self._attempts = 0
        self._refreshed = False
        self._unknown = False

    def request(self, token: str | None) -> Request:
        """The next try."""
        self._attempts += 1
        left = max(0.001, self._deadline - self._clock())
        return Request(
            method=self._call.method,
            target=self._call.target,
            headers=self._headers if token is None else {**self._headers, "authorization": f"Bearer {token}"},
            body=self._body,
            seconds=min(left, self._retries.try_seconds),
        )

    def checked(self, answer: Answer) -> Answer:
        """The answer to a call that succeeded; ApiError where it did not."""
        if 200 <= answer.status < 300:
            return answer
        raise error_of(answer.status, answer.headers, answer.body)

    def after(self, error: BillingError) -> Wait | FetchToken:
        """What to do after a try that met `error`. Raises it, with what the tries tell of it, where it is the end."""
        error.idempotency_key, error.attempts = self._call.key, self._attempts
        error.earlier_unknown = self._unknown
        self._unknown = self._unknown or error.outcome_unknown
        if isinstance(error, ApiError) and error.status == 401 and not self._call.public and not self._refreshed:
            self._refreshed = True
            return FetchToken()
        if self._attempts == self._retries.most_tries or not _may_repeat(self._call, error):
            raise error
        wait = self._retries.wait_seconds(self._attempts)
        if isinstance(error, ApiError):
            wait = max(wait, error.retry_after_seconds or 0)
        if self._clock() + wait >= self._deadline:
            raise error
        return Wait(wait)


def _may_repeat(call: Call, error: BillingError) -> bool:
    """Whether the same call may succeed a moment later and surely does no harm."""
    if isinstance(error, Untrusted):
        return False
    if isinstance(error, Unanswered):
        return call.repeatable or not error.sent
    return isinstance(error, ApiError) and error.again and (call.repeatable or isinstance(error, RateLimited))


def checked_token(token: str) -> str:
    """A token without the white space around it; NoToken if it cannot stand in a header."""
    token = token.strip()
    if not (token.isascii() and token.isprintable()):
        # What refuses such a header would tell it, and so the token, to whoever reads the log.
        raise NoToken("The token is not one line of printable characters.")
    return token
