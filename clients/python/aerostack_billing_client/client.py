"""What the clients for users and for services share."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from types import TracebackType
from typing import Literal, Self, TypeVar
from urllib.parse import quote

from aerostack_billing_client.calling import Call, Caller, Retries, Token
from aerostack_billing_client.errors import BillingError, UnexpectedAnswer
from aerostack_billing_client.plan_answers import Plans
from aerostack_billing_client.reading import parsed, read
from aerostack_billing_client.transport import MakePool, Transport, default_pool

T = TypeVar("T")
Method = Literal["GET", "POST", "PUT", "DELETE"]
AGENT = "aerostack-billing-client/0.1.0"


def new_key() -> str:
    """An idempotency key that nobody else has."""
    return str(uuid.uuid4())


def given(**fields: object) -> dict[str, object]:
    """The fields that have a value."""
    return {name: value for name, value in fields.items() if value is not None}


def segment(name: str) -> str:
    """A name as one segment of a path; ValueError for one that would make the path another."""
    if name in {"", ".", ".."}:
        raise ValueError(f"{name!r} is no name")
    return quote(name, safe="")


class Client:
    """Calls the service. One is enough for a process: any number of threads may use it at once.

    `base_url` is https, or http on loopback. `token` is a bearer token, or a function that fetches one. A call is
    repeated by itself, always under the same idempotency key, for as long as `retries` says. `make_pool` makes the
    connections, where they are to go through a proxy or trust other certificates.
    """

    def __init__(
        self,
        base_url: str,
        token: Token = "",
        *,
        retries: Retries | None = None,
        make_pool: MakePool = default_pool,
    ) -> None:
        self._transport = Transport(base_url, make_pool)
        self._caller = Caller(self._transport, token, retries or Retries(), AGENT)

    @property
    def retries(self) -> Retries:
        """How long a call goes on."""
        return self._caller.retries

    def plans(self) -> Plans:
        """The catalog of plans: prices, limits, grace. Needs no token."""
        return self._ask(Plans, "GET", "/api/billing/plans", public=True)

    def openapi(self) -> Mapping[str, object]:
        """The service's own description. Needs no token."""
        found = self._tell(Call(method="GET", path="/api/billing/openapi.json", public=True))
        if not isinstance(found, dict):
            raise UnexpectedAnswer("The description is no object.")
        return found

    def close(self) -> None:
        """Drop the kept connections."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(
        self,
        kind: type[T],
        method: Method,
        path: str,
        body: Mapping[str, object] | None = None,
        *,
        query: Mapping[str, str | int | None] | None = None,
        repeatable: bool = True,
        public: bool = False,
    ) -> T:
        call = Call(method=method, path=path, body=body, query=query, repeatable=repeatable, public=public)
        answer = self._tell(call)
        try:
            return read(kind, answer)
        except BillingError as error:
            error.idempotency_key = call.key
            raise

    def _tell(self, call: Call) -> object:
        """The answer's JSON, with `replayed` where it was the first one to the key, given again."""
        answer = self._caller.call(call)
        try:
            told = parsed(answer.body)
        except UnexpectedAnswer as error:
            error.idempotency_key = call.key
            raise
        replayed = answer.headers.get("idempotency-replayed") == "true"
        return {**told, "replayed": True} if replayed and isinstance(told, dict) else told
