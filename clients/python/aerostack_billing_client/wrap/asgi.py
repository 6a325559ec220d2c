"""ASGI middleware, for Starlette, FastAPI and others: each request is metered before it is served."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol

from aerostack_billing_client.errors import BillingError
from aerostack_billing_client.wrap.answers import REFUSALS, answer_of

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class CountsLater(Protocol):
    """An `AsyncLeasedMeter`."""

    async def consume(self, account_id: str, metric: str, quantity: int = 1) -> None:
        """Count so many units."""


class MeteredRequests:
    """Counts a request by leases before the application serves it; one that the plan has no room for is not served.

    Add it by `app.add_middleware(MeteredRequests, meter=…, account=…)`; the meter may be a function, where it is made
    when the application starts. `account` names whose request it is, from the scope; None is not metered. What billing
    refuses is answered as the service answers it: 403, 402, 429; so is a refusal that the application lets through,
    such as a charge's. Where billing itself cannot be reached, the request is answered 503, or served uncounted with
    `serve_uncounted`.
    """

    def __init__(
        self,
        app: App,
        *,
        meter: CountsLater | Callable[[], CountsLater],
        account: Callable[[Scope], str | None],
        metric: str = "api_requests",
        serve_uncounted: bool = False,
    ) -> None:
        self._app = app
        self._meter = meter
        self._account = account
        self._metric = metric
        self._serve_uncounted = serve_uncounted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        account_id = self._account(scope) if scope["type"] == "http" else None
        if account_id is not None and (refused := await self._refused(account_id)) is not None:
            await _answer(refused, send)
            return
        started = False

        async def sending(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except REFUSALS as refusal:
            if started or scope["type"] != "http":
                raise
            await _answer(refusal, send)

    async def _refused(self, account_id: str) -> BillingError | None:
        meter = self._meter() if callable(self._meter) else self._meter
        try:
            await meter.consume(account_id, self._metric)
        except REFUSALS as refusal:
            return refusal
        except BillingError as failure:
            return None if self._serve_uncounted else failure
        return None


async def _answer(error: BillingError, send: Send) -> None:
    status, headers, body = answer_of(error)
    sent = {"content-type": "application/json", **headers}
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
        }
    )
    await send({"type": "http.response.body", "body": body.encode()})
