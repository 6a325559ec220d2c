"""The stack's own doors under /_local, which no deployment has."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias
from urllib.parse import parse_qsl

from local.aws.bus import EventSink
from local.aws.standin import AwsStandIn
from local.clock import StackClock, iso
from local.demo.accounts import Person
from local.gateway.app import FunctionUrls
from local.gateway.callers import PREFIX
from local.gateway.messages import HttpRequest, HttpResponse, json_response
from local.lambdas.host import FunctionError, Invoke
from local.lambdas.outside import OutsideFunction
from local.mail.doors import MailDoors
from local.providers import PLAIN, SHAPES
from local.queues import NotTaken, Queues
from local.stripe.faults import KINDS
from local.stripe.routing import routes
from local.template.loader import Value
from local.timeline import Timeline
from local.tokens import TEN_YEARS_SECONDS

_SECONDS = {"days": 86_400, "hours": 3_600, "minutes": 60}
_MOST_DAYS = 3_660
_TOKEN_FIELDS = frozenset({"account", "claims", "expires_in_seconds", "provider", "scopes"})
_LONGEST_LIFE_SECONDS = 100 * 365 * 86_400
_ACCOUNT = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.:@|+=,-]{0,127}")

_Door: TypeAlias = Callable[[HttpRequest, str], HttpResponse]


class _BadRequest(Exception):
    """What is wrong with a request at a door, and what would be right."""


class Doors:
    """Answers every path under /_local but Stripe's."""

    def __init__(
        self,
        *,
        clock: StackClock,
        timeline: Timeline,
        invoke: Invoke,
        urls: FunctionUrls,
        queues: Queues,
        aws: AwsStandIn,
        events: EventSink,
        mail: MailDoors,
        outside: dict[str, OutsideFunction],
        token: Callable[[str, str, int, str, Mapping[str, object]], str],
        people: Sequence[Person],
        store: str,
    ) -> None:
        self._clock = clock
        self._timeline = timeline
        self._invoke_function = invoke
        self._urls = urls
        self._queues = queues
        self._aws = aws
        self._events = events
        self._outside = outside
        self._token = token
        self._people = people
        self._store = store
        self._doors: dict[tuple[str, str], _Door] = {
            ("GET", "about"): self._tell_about,
            ("GET", "accounts"): self._tell_accounts,
            ("GET", "clock"): self._tell_clock,
            ("GET", "events"): self._tell_events,
            ("GET", "functions"): self._tell_function,
            ("GET", "health"): self._tell_health,
            ("POST", "advance"): self._advance,
            ("POST", "invoke"): self._invoke,
            ("GET", "mail"): mail.show,
            ("POST", "mail"): mail.act,
            ("GET", "sqs"): self._tell_queue,
            ("POST", "sqs"): self._send,
            ("POST", "token"): self._sign_in,
        }

    def answer(self, request: HttpRequest) -> HttpResponse:
        """The door's answer; 404 where there is no such door, 422 for what it cannot take."""
        _, _, rest = request.path.partition(f"{PREFIX}/")
        name, _, below = rest.partition("/")
        if name == "aws":
            return self._aws.answer(request)
        if name == "url":
            return self._url(request, below)
        door = self._doors.get((request.method, name))
        if door is None:
            known = ", ".join(f"{method} {PREFIX}/{door}" for method, door in sorted(self._doors))
            return _error(
                404, "NOT_FOUND", f"There is no such door. There are {known}, {PREFIX}/url and {PREFIX}/stripe."
            )
        try:
            return door(request, below)
        except _BadRequest as error:
            return _error(422, "INVALID_REQUEST", str(error))

    def _tell_clock(self, _request: HttpRequest, _below: str) -> HttpResponse:
        return json_response(200, self._time())

    def _tell_events(self, _request: HttpRequest, _below: str) -> HttpResponse:
        """What was put on the buses, newest first, as a rule's target would be handed it."""
        return json_response(200, {"data": self._events.newest_first()})

    def _tell_health(self, _request: HttpRequest, _below: str) -> HttpResponse:
        return json_response(200, {"status": "ok", "store": self._store})

    def _tell_function(self, _request: HttpRequest, below: str) -> HttpResponse:
        """What another process needs to run a function against this stack."""
        return json_response(200, self._outside[self._known(below)].to_json(self._clock.unix()))

    def _advance(self, request: HttpRequest, _below: str) -> HttpResponse:
        done = self._timeline.advance(_seconds(_json(request)))
        return json_response(200, {**self._time(), "schedules_fired": done.firings})

    def _invoke(self, request: HttpRequest, below: str) -> HttpResponse:
        function = self._known(below)
        event = _json(request) if request.body else {}
        try:
            return json_response(200, self._invoke_function(function, event))
        except FunctionError as error:
            found: Value = {"errorType": error.kind, "errorMessage": error.reason}
            return json_response(200, found, (("x-amz-function-error", "Unhandled"),))

    def _sign_in(self, request: HttpRequest, _below: str) -> HttpResponse:
        """A token for whoever can reach this door, and so is on this machine: a user's, or with scopes a service's."""
        body = _json(request)
        if not isinstance(body, dict) or not body.keys() <= _TOKEN_FIELDS:
            raise _BadRequest(f"The body is an object with some of {', '.join(sorted(_TOKEN_FIELDS))}.")
        account = body.get("account")
        if not isinstance(account, str) or not _ACCOUNT.fullmatch(account):
            raise _BadRequest('The body names an account, as in {"account": "acct_demo"}.')
        scopes = body.get("scopes", "")
        if not isinstance(scopes, str):
            raise _BadRequest("scopes is a text, with spaces between the scopes.")
        lifetime = body.get("expires_in_seconds", TEN_YEARS_SECONDS)
        if isinstance(lifetime, bool) or not isinstance(lifetime, int) or abs(lifetime) > _LONGEST_LIFE_SECONDS:
            raise _BadRequest(f"expires_in_seconds is a whole number, {_LONGEST_LIFE_SECONDS} at most.")
        provider, claims = body.get("provider", PLAIN), body.get("claims", {})
        if provider not in SHAPES or not isinstance(provider, str):
            raise _BadRequest(f"provider is one of {', '.join(sorted(SHAPES))}.")
        if not isinstance(claims, dict):
            raise _BadRequest("claims is an object.")
        return json_response(200, {"token": self._token(account, scopes, lifetime, provider, claims)})

    def _tell_about(self, _request: HttpRequest, _below: str) -> HttpResponse:
        """What the local console lets a person choose from."""
        about: Value = {
            "schedules": [*self._timeline.functions],
            "stripe_calls": [*sorted(routes())],
            "faults": [*KINDS],
        }
        return json_response(200, about)

    def _tell_accounts(self, _request: HttpRequest, _below: str) -> HttpResponse:
        """The demo's accounts; none where the stack was started without them."""
        return json_response(200, {"accounts": [{"account": p.account, "about": p.about} for p in self._people]})

    def _send(self, request: HttpRequest, below: str) -> HttpResponse:
        """Put the body on a queue as it is, and let the function that the queue feeds take it.

        A FIFO queue takes `?MessageGroupId=…&MessageDeduplicationId=…`.
        """
        queue, about = self._known_queue(below), dict(parse_qsl(request.query))
        group, once = about.get("MessageGroupId", ""), about.get("MessageDeduplicationId", "")
        try:
            return json_response(200, {"message_id": self._queues.send(queue, request.body.decode(), group, once)})
        except (NotTaken, UnicodeDecodeError) as error:
            raise _BadRequest(f"The message was not taken: {error}") from error

    def _tell_queue(self, _request: HttpRequest, below: str) -> HttpResponse:
        return json_response(200, {"messages": self._queues.waiting(self._known_queue(below))})

    def _known_queue(self, queue: str) -> str:
        if queue not in self._queues.names:
            known = ", ".join(self._queues.names) or "none"
            raise _BadRequest(f"{queue or 'Nothing'} is no queue of the template. There are: {known}.")
        return queue

    def _url(self, request: HttpRequest, below: str) -> HttpResponse:
        function, slash, path = below.partition("/")
        if function not in self._urls:
            return _error(404, "NOT_FOUND", f"{function} has no function URL in the template.")
        answer = self._urls.answer(function, slash + path, request)
        # What it put on a queue is taken before whoever called it looks, and the answer is the one from before.
        self._queues.poll()
        return answer

    def _known(self, function: str) -> str:
        if function not in self._outside:
            raise _BadRequest(
                f"{function or 'Nothing'} is no function of the template. There are: {', '.join(self._outside)}."
            )
        return function

    def _time(self) -> dict[str, Value]:
        unix = self._clock.unix()
        return {"now": iso(unix), "unix": int(unix)}


def _json(request: HttpRequest) -> Value:
    try:
        value: Value = json.loads(request.body)
    except ValueError as error:
        raise _BadRequest(f"The body is not JSON: {error}.") from error
    return value


def _seconds(body: Value) -> float:
    if not isinstance(body, dict) or not body or not body.keys() <= _SECONDS.keys():
        raise _BadRequest('The body names days, hours or minutes, as in {"days": 31}, and nothing else.')
    total = 0.0
    for unit, amount in body.items():
        if isinstance(amount, bool) or not isinstance(amount, (int, float)) or not math.isfinite(amount) or amount < 0:
            raise _BadRequest(f"{unit} must be a number, 0 or more: the clock never goes back.")
        total += amount * _SECONDS[unit]
    if total > _MOST_DAYS * 86_400:
        raise _BadRequest(f"One advance goes {_MOST_DAYS} days at most.")
    return total


def _error(status: int, code: str, text: str) -> HttpResponse:
    return json_response(status, {"error": {"code": code, "message": text, "details": {}}})
