"""The fake service: it stands where the connections would, so that all else is the client as it is."""

from __future__ import annotations

import json
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

from aerostack_billing_client.calling import Answer, Request, Retries
from aerostack_billing_client.errors import REQUEST_ID, Unanswered
from aerostack_billing_client.money import Cents
from aerostack_billing_client.service import ServiceClient
from aerostack_billing_client.testing.asked import Asked, FakeService, FakeTool
from aerostack_billing_client.testing.prices import ModelRate
from aerostack_billing_client.testing.routes import ROUTES
from aerostack_billing_client.testing.state import Counter, FakeAccount, Json, Refused, iso, micros_of
from aerostack_billing_client.user import UserClient

if TYPE_CHECKING:
    from aerostack_billing_client.aio.service import AsyncServiceClient
    from aerostack_billing_client.aio.user import AsyncUserClient

_URL = "https://fake.invalid"
_INSTANT = Retries(first_wait_seconds=0.0, longest_wait_seconds=0.0, most_tries=3)


@dataclass(frozen=True)
class Made:
    """A request that was made of the fake."""

    method: str
    path: str
    body: Mapping[str, object]

    @property
    def idempotency_key(self) -> str | None:
        """The key it was made under."""
        key = self.body.get("idempotency_key")
        return key if isinstance(key, str) else None


class NotServed(Exception):
    """A request that the fake has no answer to. It is no error of the service's, and no code under test expects it."""


class FakeBilling:
    """Billing without a service. Accounts exist when they are first named; what has no limit is unlimited.

    It serves what `ServiceClient` calls, with idempotency keys, and of `UserClient` the account, usage, resources,
    wallet, transactions, budgets, prices and tools. It raises NotServed for the rest, for which the local
    stack is there. `clock` are Unix seconds, by which holds and leases lapse and budgets start over. Any number of
    threads may use it.
    """

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self.requests: list[Made] = []
        self.clock = clock
        self._service = FakeService()
        self._accounts: dict[str, FakeAccount] = {}
        self._answered: dict[tuple[str, str, str], tuple[Json, Answer]] = {}
        self._failures: deque[int | None] = deque()
        self._lock = threading.RLock()

    def service(self, *, retries: Retries = _INSTANT) -> ServiceClient:
        """A client of it."""
        return ServiceClient(_URL, "fake", retries=retries, transport=_Threads(self))

    def async_service(self, *, retries: Retries = _INSTANT) -> AsyncServiceClient:
        """An async client of it."""
        from aerostack_billing_client.aio.service import AsyncServiceClient  # noqa: PLC0415 - needs anyio

        return AsyncServiceClient(_URL, "fake", retries=retries, transport=_Tasks(self))

    def user(self, account_id: str, *, retries: Retries = _INSTANT) -> UserClient:
        """A client of it for the account's user."""
        return UserClient(_URL, account_id, retries=retries, transport=_Threads(self))

    def async_user(self, account_id: str, *, retries: Retries = _INSTANT) -> AsyncUserClient:
        """An async client of it for the account's user."""
        from aerostack_billing_client.aio.user import AsyncUserClient  # noqa: PLC0415 - needs anyio

        return AsyncUserClient(_URL, account_id, retries=retries, transport=_Tasks(self))

    def price(
        self,
        model: str,
        input: str,  # noqa: A002 - the price book's own word
        output: str,
        *,
        cache_read: str | None = None,
        cache_write: str | None = None,
        aliases: Sequence[str] = (),
    ) -> None:
        """Put a model in the price book: dollars a million tokens, as text. The book is empty at first."""
        with self._lock:
            rate = ModelRate(model, input, output, cache_read, cache_write, aliases=tuple(aliases))
            self._service.rates[model] = rate

    def markup(self, markup_bps: int) -> None:
        """Put so many basis points on the prices of tokens."""
        with self._lock:
            self._service.markup_bps = markup_bps

    def tool(self, tool_id: str, creator_id: str, price_cents: Cents, name: str = "A tool") -> None:
        """Let a creator offer a tool, or change its price."""
        with self._lock:
            before = self._service.tools.get(tool_id)
            version = 1 if before is None else before.version + 1
            self._service.tools[tool_id] = FakeTool(tool_id, creator_id, name, micros_of(price_cents), version)

    def account(self, account_id: str) -> FakeAccount:
        """What an account has."""
        return self._accounts.setdefault(account_id, FakeAccount(account_id))

    def deposit(self, account_id: str, amount_cents: int) -> None:
        """Put money in."""
        with self._lock:
            account, micros = self.account(account_id), amount_cents * 10_000
            account.micros += micros
            account.post(f"deposit_{len(account.lines)}", "deposit", micros, iso(self.clock()), {})

    def plan(self, account_id: str, tier: str) -> None:
        """Name the plan that an account is on. It sets no limit: `limit` does."""
        with self._lock:
            self.account(account_id).tier = tier

    def limit(self, account_id: str, metric: str, limit: int | None) -> None:
        """Limit a metric, without grace; None is unlimited."""
        with self._lock:
            self.account(account_id).counters.setdefault(metric, Counter()).limit = limit

    def fail(self, status: int | None = 503, *, times: int = 1) -> None:
        """Let the next requests fail with a status before they have an effect; None loses the answer after it."""
        with self._lock:
            self._failures.extend([status] * times)

    def answer(self, request: Request) -> Answer:
        """What the service would answer."""
        with self._lock:
            failure = self._failures.popleft() if self._failures else 0
            if failure:
                return _reply(failure, {"message": "Service Unavailable"}, len(self.requests))
            answer = self._served(request)
        if failure is None:
            raise Unanswered("The fake lost the answer, as it was told to.")
        return answer

    def _served(self, request: Request) -> Answer:
        split = urlsplit(request.target)
        body = json.loads(request.body) if request.body else {}
        query = {name: values[0] for name, values in parse_qs(split.query).items()}
        self.requests.append(Made(request.method, split.path, body))
        for method, pattern, status, serve in ROUTES:
            found = re.fullmatch(pattern, split.path)
            if method == request.method and found:
                names = {name: unquote(value) for name, value in found.groupdict().items()}
                owner = request.headers.get("authorization", "").removeprefix("Bearer ")
                named = {"account_id": owner, **query, **body}
                asked = Asked(self.account, self.clock(), named, names, self._service, self._once)
                try:
                    if "dry_run" in query:
                        return _reply(200, serve(asked), len(self.requests))
                    return self._once(split.path, body, partial(serve, asked), status)
                except Refused as refused:
                    return _reply(refused.status, refused.body, len(self.requests))
        raise NotServed(f"FakeBilling does not serve {request.method} {split.path}: use the local stack")

    def _once(self, path: str, body: Json, serve: Callable[[], Json], status: int) -> Answer:
        """The answer to a key's first request, again to the same request; a refusal is not kept."""
        key = body.get("idempotency_key")
        if key is None:
            return _reply(status, serve(), len(self.requests))
        kept = str(body.get("account_id")), path, str(key)
        if kept not in self._answered:
            self._answered[kept] = body, _reply(status, serve(), len(self.requests))
            return self._answered[kept][1]
        asked, first = self._answered[kept]
        if asked != body:
            raise Refused(409, "IDEMPOTENCY_KEY_REUSED", "The key stands for another request.")
        return Answer(first.status, {**first.headers, "idempotency-replayed": "true"}, first.body)


@dataclass(frozen=True)
class _Threads:
    fake: FakeBilling

    def send(self, request: Request) -> Answer:
        """One request."""
        return self.fake.answer(request)

    def close(self) -> None:
        """Nothing is kept open."""


@dataclass(frozen=True)
class _Tasks:
    fake: FakeBilling

    async def send(self, request: Request) -> Answer:
        """One request."""
        return self.fake.answer(request)

    async def aclose(self) -> None:
        """Nothing is kept open."""


def _reply(status: int, body: Json, number: int) -> Answer:
    return Answer(status, {REQUEST_ID: f"fake-{number}"}, json.dumps(body).encode())
