"""Stripe's HTTP API: who asks, whether the request is well formed, once only, and the answer as JSON."""

from __future__ import annotations

import base64
import binascii
import json
import secrets
from dataclasses import replace

from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request, Response

from local.stripe.checks import checked
from local.stripe.errors import StripeError, invalid
from local.stripe.faults import Faults
from local.stripe.forms import decode
from local.stripe.idempotency import IdempotencyKeys
from local.stripe.objects import Json
from local.stripe.rendering import expanded
from local.stripe.resources import served_routes
from local.stripe.routing import Call, Route, url_map
from local.stripe.spec import operation_for
from local.stripe.world import World


class Api:
    """Everything under /v1."""

    def __init__(self, world: World, faults: Faults) -> None:
        self._world = world
        self._faults = faults
        self._keys = IdempotencyKeys(world.store)
        self._routes = served_routes()
        self._map = url_map()

    def answer(self, request: Request) -> Response:
        """Serve one call. Every refusal is Stripe's error object; a spoiled call may have no answer at all."""
        request_id = "req_" + secrets.token_hex(7)
        headers = Headers({"Request-Id": request_id, "Content-Type": "application/json"})
        key = request.headers.get("Idempotency-Key")
        if key is not None:
            headers["Idempotency-Key"] = key
        try:
            _authenticate(request)
            known, asked = self._matched(request)
            answer = self._served(request, known, asked, request_id, headers)
        except StripeError as refused:
            answer = {"status": refused.status, "body": refused.body()}
        return Response(json.dumps(answer["body"], indent=2), status=answer["status"], headers=headers)

    def _matched(self, request: Request) -> tuple[Route, Call]:
        operation = operation_for(request.method, request.path)
        try:
            name, ids = self._map.bind("").match(request.path, request.method)
        except HTTPException:
            described = f"{request.method}: {request.path}"
            if operation is None:
                raise invalid(f"Unrecognized request URL ({described}).", status=404) from None
            raise StripeError(501, "api_error", f"The local Stripe does not serve this call ({described}).") from None
        known, account = self._routes[name], request.headers.get("Stripe-Account")
        if account is not None and not known.for_accounts:
            raise StripeError(501, "api_error", f"The local Stripe does not serve {name} for a connected account.")
        return known, Call({}, next(iter(ids.values()), ""), account)

    def _served(self, request: Request, known: Route, asked: Call, request_id: str, headers: Headers) -> Json:
        pairs = [*request.args.items(multi=True), *request.form.items(multi=True)]
        params = decode(pairs)
        key = request.headers.get("Idempotency-Key") if request.method == "POST" else None
        if key is None:
            return self._carried_out(request.path, known, asked, params, (request_id, None))
        call = f"{request.method} {request.path}"
        first = self._keys.begin(key, call, params, self._world.now())
        if first is not None:
            headers["Idempotent-Replayed"] = "true"
            return first
        try:
            return self._carried_out(request.path, known, asked, params, (request_id, key))
        finally:
            self._keys.end(key)

    def _carried_out(self, path: str, known: Route, asked: Call, params: Json, cause: tuple[str, str | None]) -> Json:
        operation = operation_for(known.method, path)
        if operation is None:
            raise invalid(f"Unrecognized request URL ({known.method}: {path}).", status=404)
        typed = checked(operation, params)
        expand = typed.pop("expand", [])
        _refuse_unserved(known, typed)
        fault = self._faults.take(known.name)
        if fault is not None and not fault.after and not fault.kept:
            return fault.answer()
        store = self._world.store
        with store.lock if known.method == "GET" else store.changing(), self._world.during(*cause):
            happens = fault is None or fault.after
            answer = self._executed(known, replace(asked, params=typed), expand) if happens else {}
            if cause[1] is not None:
                kept = fault.answer() if fault is not None and fault.kept else answer
                self._keys.keep(cause[1], f"{known.method} {path}", params, self._world.now(), kept)
        return answer if fault is None else fault.answer()

    def _executed(self, known: Route, asked: Call, expand: list[str]) -> Json:
        try:
            body = expanded(self._world, known.handler(self._world, asked), expand)
        except StripeError as refused:
            return {"status": refused.status, "body": refused.body()}
        return {"status": 200, "body": body}


def _refuse_unserved(known: Route, params: Json) -> None:
    """A parameter that Stripe has and this program does not act on is refused: never silently ignored."""
    unserved = sorted(set(params) - known.accepts)
    if unserved:
        raise StripeError(
            501,
            "api_error",
            f"The local Stripe does not act on {', '.join(unserved)} in {known.name}.",
            None,
            unserved[0],
        )


def _authenticate(request: Request) -> None:
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            given = base64.b64decode(given).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            given = ""
    if not given:
        raise invalid(
            "You did not provide an API key. You need to provide your API key in the Authorization header, using "
            "Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
            status=401,
        )
    if not given.startswith("sk_test_"):
        raise invalid(f"Invalid API Key provided: {given[:7]}****", status=401)
