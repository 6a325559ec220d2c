"""A decorator for Lambda handlers that answer HTTP, and a middleware for the resolvers of Powertools."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from aerostack_billing_client.errors import BillingError
from aerostack_billing_client.wrap.answers import REFUSALS, answer_of

Event = Mapping[str, Any]
Handler = Callable[[Any, Any], Any]
AccountOf = Callable[[Event], str | None]


class Counts(Protocol):
    """A `LeasedMeter`."""

    def consume(self, account_id: str, metric: str, quantity: int = 1) -> None:
        """Count so many units."""


def of_subject(event: Event) -> str | None:
    """The account of a request of API Gateway's: the `sub` of its token, which the JWT authorizer checked."""
    claims = event.get("requestContext", {}).get("authorizer", {}).get("jwt", {}).get("claims", {})
    subject = claims.get("sub")
    return subject if isinstance(subject, str) else None


def metered(
    meter: Counts, *, account: AccountOf = of_subject, metric: str = "api_requests", serve_uncounted: bool = False
) -> Callable[[Handler], Handler]:
    """Count each request before the handler serves it; one that the plan has no room for is not served.

    `account` names whose request it is; None is not metered. What billing refuses, also inside the handler, is answered
    as the service answers it: 403, 402, 429. Where billing cannot be reached: 503, or with `serve_uncounted` the
    handler's own answer. A function that is frozen settles nothing: keep the meter's `LeaseTerms.most` small.
    """

    def decorate(handler: Handler) -> Handler:
        @functools.wraps(handler)
        def served(event: Event, context: object) -> object:
            failure = _failure(meter, account(event), metric, serve_uncounted=serve_uncounted)
            if failure is not None:
                return _answer(failure)
            try:
                return handler(event, context)
            except REFUSALS as refusal:
                return _answer(refusal)

        return served

    return decorate


def metered_routes(
    meter: Counts, *, account: AccountOf = of_subject, metric: str = "api_requests", serve_uncounted: bool = False
) -> Callable[[Any, Callable[[Any], Any]], Any]:
    """The same as a middleware: `app.use([metered_routes(meter)])`, or `middlewares=[…]` of one route."""

    def middleware(app: Any, next_middleware: Callable[[Any], Any]) -> Any:  # noqa: ANN401 - Powertools' own
        from aws_lambda_powertools.event_handler import Response  # noqa: PLC0415 - the caller has it

        failure = _failure(meter, account(app.current_event.raw_event), metric, serve_uncounted=serve_uncounted)
        try:
            if failure is None:
                return next_middleware(app)
        except REFUSALS as refusal:
            failure = refusal
        status, headers, body = answer_of(failure)
        return Response(status, content_type="application/json", body=body, headers=headers)

    return middleware


def _failure(meter: Counts, account_id: str | None, metric: str, *, serve_uncounted: bool) -> BillingError | None:
    if account_id is None:
        return None
    try:
        meter.consume(account_id, metric)
    except REFUSALS as refusal:
        return refusal
    except BillingError as failure:
        return None if serve_uncounted else failure
    return None


def _answer(error: BillingError) -> dict[str, object]:
    status, headers, body = answer_of(error)
    return {"statusCode": status, "headers": {"content-type": "application/json", **headers}, "body": body}
