"""The HTTP API: from a request to the function of its route and back."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from local.gateway.answers import InvalidAnswer, to_response
from local.gateway.authorizer import Authorizer, Grant
from local.gateway.cors import is_preflight, preflight, with_cors
from local.gateway.events import Event, api_event, request_id, url_event
from local.gateway.messages import HttpRequest, HttpResponse, message
from local.gateway.pages import Site
from local.gateway.routing import Match, Router
from local.lambdas.host import FunctionError, Invoke
from local.template import ServerlessApp

_log = logging.getLogger("local.gateway")

MAX_URL_BODY_BYTES = 6 * 1024 * 1024
"""Lambda's limit for an event, and so for the body that a function URL takes."""


class HttpApi:
    """All HTTP APIs of the template, on one host, which serves the billing page where no route is."""

    def __init__(
        self, app: ServerlessApp, invoke: Invoke, authorizer: Authorizer, unix: Callable[[], float], pages: Site
    ) -> None:
        self._router = Router(app.routes)
        self._cors = next((route.cors for route in app.routes if route.cors is not None), None)
        self._invoke = invoke
        self._authorizer = authorizer
        self._unix = unix
        self._pages = pages

    def answer(self, request: HttpRequest) -> HttpResponse:
        """The API's response to a request."""
        if self._cors is not None and is_preflight(request):
            return preflight(self._cors, request)
        match = self._router.match(request.method, request.path)
        if match is None:
            return self._pages.answer(request) or with_cors(self._cors, request, message(404, "Not Found"))
        return with_cors(match.route.cors, request, self._answer_route(request, match))

    def _answer_route(self, request: HttpRequest, match: Match) -> HttpResponse:
        grant: Grant | None = None
        route = match.route
        if route.authorizer is not None:
            found = self._authorizer.authorize(request.header("authorization"), route.authorizer, route.scopes)
            if isinstance(found, HttpResponse):
                return found
            grant = found
        event = api_event(request, match, grant, self._unix())
        answer = self._answer_function(route.function, event)
        return replace(answer, headers=(*answer.headers, ("apigw-requestid", request_id(event))))

    def _answer_function(self, function: str, event: Event) -> HttpResponse:
        try:
            return to_response(self._invoke(function, event))
        except FunctionError:
            return message(500, "Internal Server Error")
        except InvalidAnswer as error:
            _log.error("%s answered what API Gateway cannot hand on: %s", function, error)
            return message(500, "Internal Server Error")


class FunctionUrls:
    """The functions' own URLs."""

    def __init__(self, app: ServerlessApp, invoke: Invoke, unix: Callable[[], float]) -> None:
        self._functions = app.function_urls
        self._invoke = invoke
        self._unix = unix

    def __contains__(self, function: str) -> bool:
        return function in self._functions

    def answer(self, function: str, path: str, request: HttpRequest) -> HttpResponse:
        """The response of the function's URL. `path` is what follows the URL."""
        if len(request.body) > MAX_URL_BODY_BYTES:
            return message(413, "Request must be smaller than 6291556 bytes for the InvokeFunction operation")
        try:
            return to_response(self._invoke(function, url_event(request, function, path, self._unix())))
        except FunctionError:
            return message(502, "Internal Server Error")
        except InvalidAnswer as error:
            _log.error("%s answered what a function URL cannot hand on: %s", function, error)
            return message(502, "Internal Server Error")
