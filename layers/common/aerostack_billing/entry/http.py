"""The edge: an HTTP API event in, an answer out, and the one place where an error becomes a status."""

from __future__ import annotations

import base64
import binascii
import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import ValidationError

from aerostack_billing.assembly import runtime
from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.platform import correlation, deadline
from aerostack_billing.values import authority
from aerostack_billing.values.authority import Authority
from aerostack_billing.values.errors import (
    BillingError,
    Contended,
    InvalidJson,
    InvalidRequest,
    PayloadTooLarge,
    RateLimitExceeded,
    RoleForbidden,
    Unauthorized,
)
from aerostack_billing.values.fields import AccountId, RequestModel, adapter, validated
from aerostack_billing.values.json_object import parse_object

_CALLER_CLAIMS = ("client_id", "azp", "sub")
_LONGEST_CALLER = 128
Model = TypeVar("Model", bound=RequestModel)
Answer = dict[str, object]


@dataclass(frozen=True)
class Response:
    """An answer: a JSON body, a status, headers."""

    body: Mapping[str, object]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    def answer(self) -> Answer:
        """As Lambda returns it to the HTTP API. Nothing is cached unless the response says so."""
        return {
            "statusCode": self.status,
            "headers": {"content-type": "application/json", "cache-control": "no-store", **self.headers},
            "body": json.dumps(self.body),
        }


@dataclass(frozen=True)
class TextResponse(Response):
    """An answer that is no JSON object: its text, of a media type."""

    text: str = ""
    media_type: str = "text/plain"

    def answer(self) -> Answer:
        """As Lambda returns it to the HTTP API."""
        headers = {"content-type": self.media_type, "cache-control": "no-store", **self.headers}
        return {"statusCode": self.status, "headers": headers, "body": self.text}


class Request:
    """What a handler may ask of the event."""

    def __init__(self, event: Mapping[str, object], parts: Runtime) -> None:
        self.event = event
        self.runtime = parts

    @property
    def correlation_id(self) -> str | None:
        """The id that API Gateway, or the function's URL, gave the request and hands to its caller too."""
        found = _found(self.event, "requestContext", "requestId")
        return found if isinstance(found, str) else None

    @property
    def caller(self) -> str | None:
        """Who asks: the client id that the token was made out for, or its subject."""
        present = self._claims
        found = next(
            (present[name] for name in _CALLER_CLAIMS if isinstance(present.get(name), str) and present[name]), None
        )
        return None if found is None else str(found)[:_LONGEST_CALLER]

    @property
    def _claims(self) -> Mapping[str, object]:
        claims = _found(self.event, "requestContext", "authorizer", "jwt", "claims")
        return claims if isinstance(claims, Mapping) else {}

    @property
    def is_of_a_service(self) -> bool:
        """Whether the route asks for a scope, which services' tokens alone have."""
        return bool(_found(self.event, "requestContext", "authorizer", "jwt", "scopes"))

    @property
    def authority(self) -> Authority:
        """What a service's token is narrowed to; a user's acts for its own account by another rule."""
        return Authority.of(self._claims) if self.is_of_a_service else Authority()

    def admit(self) -> None:
        """Return unless the request comes from a service that operators stopped: CallerBlocked (403)."""
        if self.is_of_a_service:
            self.runtime.callers.check(self.caller)

    @property
    def account_id(self) -> str:
        """The caller's own account, by the claim that the deployment names. Unauthorized (401) if the token names none.

        A request that is no GET changes something: RoleForbidden (403) as `acting_account_id` says.
        """
        return self._own_account_id() if self.is_get else self.acting_account_id

    @property
    def acting_account_id(self) -> str:
        """Likewise, for a request that changes something or leads to Stripe.

        RoleForbidden (403) where the deployment names a claim for the role and the token's is none that may.
        """
        account_id, settings = self._own_account_id(), self.runtime.settings
        if settings.role_claim is not None and not _roles(self._claim(settings.role_claim)) & settings.role_names:
            needed = sorted(settings.role_names)
            raise RoleForbidden(
                f"Your role lets you look, not change. Ask a member whose role is one of: {', '.join(needed)}.",
                {"roles": needed},
            )
        return account_id

    def throttled(self, account_id: str) -> str:
        """The account, once its request is counted: for requests that ask Stripe. RateLimitExceeded (429)."""
        self.runtime.stripe_requests.count(account_id)
        return account_id

    def _own_account_id(self) -> str:
        claim = self.runtime.settings.account_claim
        return _account_id(
            self._claim(claim),
            lambda: Unauthorized(f"The token names no account: its {claim} is missing or malformed."),
        )

    def _claim(self, name: str) -> object:
        return _found(self.event, "requestContext", "authorizer", "jwt", "claims", name)

    @property
    def is_get(self) -> bool:
        """Whether it is a GET, which has no body."""
        return _found(self.event, "requestContext", "http", "method") == "GET"

    @property
    def named_account_id(self) -> str:
        """The account that a service names in the query. InvalidRequest (422); TokenRestricted (403)."""
        details = {"account_id": "missing or malformed"}
        named = _account_id(
            self.query("account_id"), lambda: InvalidRequest("account_id is needed in the query.", details)
        )
        authority.current().check_account(named)
        return named

    def query(self, name: str) -> str | None:
        """A query parameter."""
        value = _found(self.event, "queryStringParameters", name)
        return value if isinstance(value, str) else None

    def flag(self, name: str) -> bool:
        """Whether a query parameter is `true`; false where there is none. InvalidRequest (422) for anything else."""
        value = self.query(name)
        if value not in (None, "true", "false"):
            raise InvalidRequest(f"{name} must be true or false.", {name: "must be true or false"})
        return value == "true"

    def in_path(self, model: type[Model]) -> Model:
        """The path's parameters as `model`; InvalidRequest (422)."""
        parameters = _found(self.event, "pathParameters")
        return validated(model, parameters if isinstance(parameters, Mapping) else {})

    def header(self, name: str) -> str | None:
        """A header by its name in lower case, whatever its case in the event."""
        headers = _found(self.event, "headers")
        sent = headers.items() if isinstance(headers, Mapping) else ()
        return next((str(value) for given, value in sent if str(given).lower() == name), None)

    def raw_body(self) -> bytes:
        """The body's bytes as they were sent. InvalidJson (400) if the event's base64 is broken."""
        body = str(_found(self.event, "body") or "")
        if not _found(self.event, "isBase64Encoded"):
            return body.encode("utf-8", "surrogatepass")
        try:
            return base64.b64decode(body, validate=True)
        except binascii.Error as error:
            raise InvalidJson("The body cannot be read. Send JSON in UTF-8.") from error

    def json(self, model: type[Model]) -> Model:
        """The body as `model`, with the header `Idempotency-Key` as its `idempotency_key` where it has such a field.

        No body is `{}` where the model needs no field.
        PayloadTooLarge (413), InvalidJson (400), InvalidRequest (422) with one detail a field.
        """
        raw = self.raw_body()
        if len(raw) > model.most_bytes:
            raise PayloadTooLarge(f"The body is over {model.most_bytes // 1024} KB. Send less per request.")
        data = {} if not raw and model.needs_nothing() else parse_object(raw)
        key = self.header("idempotency-key")
        if key is not None and "idempotency_key" in model.model_fields:
            # A null in the body is no key.
            if data.get("idempotency_key") is None:
                data["idempotency_key"] = key
            elif data["idempotency_key"] != key:
                details = {"idempotency_key": "differs from the header Idempotency-Key"}
                raise InvalidRequest(
                    "The idempotency keys in the body and in the header differ. Send one of them, or send both alike.",
                    details,
                )
        return validated(model, data)


Handler = Callable[[Mapping[str, object], object], Answer]


def endpoint(function: Callable[[Request], Response]) -> Handler:
    """The Lambda handler for `function`: refusals become their answers, what is unforeseen fails the invocation.

    An unforeseen exception is Lambda's to report: the caller sees API Gateway's own 500, never a trace of ours.
    """

    @functools.wraps(function)
    def handler(event: Mapping[str, object], context: object) -> Answer:
        parts = runtime.current()
        request = Request(event, parts)
        correlation_id = request.correlation_id or getattr(context, "aws_request_id", None)
        parts.request_id = correlation_id
        try:
            with (
                correlation.using(correlation_id, request.caller),
                authority.using(request.authority),
                deadline.within(context),
            ):
                request.admit()
                response = function(request)
        except BillingError as found:
            error = _as_asked(request, found)
            response = refusal(error, request.correlation_id)
            level = parts.log.error if error.status >= 500 else parts.log.info
            level("refused", extra={"code": error.code, "status": error.status}, exc_info=error.status >= 500)
        return response.answer()

    return handler


def refusal(error: BillingError, request_id: str | None = None) -> Response:
    """The answer that an error is, with the id by which logs and the header `apigw-requestid` name the request."""
    return Response(error.view(request_id), error.status, error.headers)


def _as_asked(request: Request, error: BillingError) -> BillingError:
    """An error as whoever asked is told it: nobody has to look at what one user's many requests at once come to."""
    if not isinstance(error, Contended) or request.is_of_a_service:
        return error
    return RateLimitExceeded(
        "Too many requests changed this at once. Try again in 1 s.", {"retry_after_seconds": 1}, {"retry-after": "1"}
    )


def replayable(
    body: Mapping[str, object], *, replayed: bool, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """An answer that says by `Idempotency-Replayed` whether it is the first one to its key given again."""
    return Response(body, status, {**(headers or {}), **({"idempotency-replayed": "true"} if replayed else {})})


def _found(event: object, *names: str) -> object:
    """What stands in the event under these names, one within the other; None where one is missing."""
    for name in names:
        event = event.get(name) if isinstance(event, Mapping) else None
    return event


def _roles(claim: object) -> frozenset[str]:
    """The roles of a claim, as API Gateway hands it on: one as it is, a list as `[admin billing]`."""
    if not isinstance(claim, str):
        return frozenset()
    return frozenset(claim[1:-1].split()) if claim[:1] == "[" and claim[-1:] == "]" else frozenset({claim})


def _account_id(value: object, otherwise: Callable[[], BillingError]) -> str:
    try:
        named: str = adapter(AccountId).validate_python(value, strict=True)
    except ValidationError as error:
        raise otherwise() from error
    return named
