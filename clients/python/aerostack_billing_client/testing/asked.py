"""A request of a fake service, as its routes read it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from aerostack_billing_client.calling import Answer
from aerostack_billing_client.testing.prices import Book, ModelRate
from aerostack_billing_client.testing.state import FakeAccount, Json, Refused, iso


@dataclass(frozen=True)
class FakeTool:
    """A tool of a creator's, with its price."""

    tool_id: str
    creator_id: str
    name: str
    price_micros: int
    version: int


@dataclass
class FakeService:
    """What is the same for every account."""

    markup_bps: int = 0
    rates: dict[str, ModelRate] = field(default_factory=dict)
    tools: dict[str, FakeTool] = field(default_factory=dict)


class Once(Protocol):
    """Answers a key's first request, and the same request again with the first answer."""

    def __call__(self, path: str, body: Json, serve: Callable[[], Json], status: int) -> Answer:
        """The answer; Refused is not kept."""


@dataclass(frozen=True)
class Asked:
    """A request: what it names in body and query, and in its path; `now` are Unix seconds."""

    find: Callable[[str], FakeAccount]
    now: float
    body: Mapping[str, object]
    path: Mapping[str, str]
    service: FakeService
    once: Once
    """Serves a part of the request under the part's own key."""

    @property
    def account(self) -> FakeAccount:
        """Whose it is, with what lapsed given back."""
        account = self.find(str(self.body["account_id"]))
        account.lapse(self.now)
        return account

    @property
    def period(self) -> str:
        """This month."""
        return f"{datetime.fromtimestamp(self.now, UTC):%Y-%m}"

    def iso(self, ahead: object = 0) -> str:
        """Now, or so many seconds later."""
        return iso(self.now + self.whole(ahead))

    @property
    def book(self) -> Book:
        """The price book of today."""
        return Book(self.iso()[:10], self.service.markup_bps, tuple(self.service.rates.values()))

    def new_id(self, kind: str, place: int = 0) -> str:
        """The id that the service makes of the account and the key; `place` is that of an item among others."""
        parts = [f"{kind}_", self.body["account_id"], self.body["idempotency_key"], *([place] if place else [])]
        digest = hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()
        return f"{kind}_{digest[:40]}"

    @staticmethod
    def whole(value: object) -> int:
        """A whole number of the request's."""
        if isinstance(value, bool) or not isinstance(value, int):
            raise Refused(422, "INVALID_REQUEST", "A field is wrong.", quantity="not a whole number")
        return value
