"""The local Stripe over HTTP for the rooms' tests, with its deliveries in the test's hands."""

from __future__ import annotations

import json
import socket
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from werkzeug.serving import WSGIRequestHandler, make_server

from local.stripe import LocalStripe


class Clock(Protocol):
    """What tells the time."""

    def unix(self) -> float:
        """Seconds since the epoch."""


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_request(self, *_: object) -> None:
        pass

    def connection_dropped(self, *_: object) -> None:
        self.close_connection = True


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object, **__: object) -> None:
        return None


def _opener() -> urllib.request.OpenerDirector:
    """Plain HTTP alone: what `build_opener` adds reads every certificate of the machine, each time."""
    made = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.HTTPHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
        _NoRedirect(),
    ):
        made.add_handler(handler)
    return made


@dataclass
class StripeWorld:
    """A running local Stripe and a person who pays on its pages."""

    stripe: LocalStripe
    base: str
    _opener: urllib.request.OpenerDirector = field(default_factory=_opener)

    def submit(self, url: str, **form: str) -> tuple[int, str]:
        """Send a page's form: the status, and where it leads."""
        try:
            with self._opener.open(url, urllib.parse.urlencode(form).encode()) as answer:
                return answer.status, ""
        except urllib.error.HTTPError as answer:
            with answer:
                return answer.code, answer.headers.get("Location", "")

    def pay(self, url: str, card: str = "4242424242424242") -> str:
        """Pay on a Checkout page; the session id it leads back with."""
        status, location = self.submit(url, card=card)
        assert status == 303, (status, location)
        return urllib.parse.parse_qs(urllib.parse.urlparse(location).query).get("session_id", [""])[0]

    def api(self, path: str) -> dict[str, Any]:
        """A read of Stripe's API."""
        request = urllib.request.Request(f"{self.base}/v1/{path}", headers={"Authorization": "Bearer sk_test_local"})
        with self._opener.open(request) as answer:
            found: dict[str, Any] = json.load(answer)
            return found

    def create(self, path: str, **params: str) -> dict[str, Any]:
        """A call of Stripe's API that makes or changes something, as a person at its dashboard would."""
        data = urllib.parse.urlencode(params).encode()
        request = urllib.request.Request(
            f"{self.base}/v1/{path}", data, {"Authorization": "Bearer sk_test_local"}, method="POST"
        )
        with self._opener.open(request) as answer:
            made: dict[str, Any] = json.load(answer)
            return made

    def delete(self, path: str) -> dict[str, Any]:
        """Delete an object, as a person at Stripe's dashboard would."""
        headers = {"Authorization": "Bearer sk_test_local"}
        request = urllib.request.Request(f"{self.base}/v1/{path}", headers=headers, method="DELETE")
        with self._opener.open(request) as answer:
            gone: dict[str, Any] = json.load(answer)
            return gone

    def door(self, path: str, body: dict[str, object]) -> object:
        """One of the local stack's doors."""
        data = json.dumps(body).encode()
        request = urllib.request.Request(f"{self.base}/{path}", data, {"Content-Type": "application/json"})
        with self._opener.open(request) as answer:
            return json.load(answer)

    def events(self) -> list[dict[str, Any]]:
        """Every event, oldest first."""
        with self._opener.open(f"{self.base}/events") as answer:
            return list(reversed(json.load(answer)["data"]))


@contextmanager
def serving(clock: Clock) -> Iterator[StripeWorld]:
    """A local Stripe for the block. Nothing listens at its webhook address: the tests hand events in themselves."""
    # The port is taken before its URL is told: nobody else can have it meanwhile.
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        base = f"http://127.0.0.1:{port}"
        stripe = LocalStripe(clock, base, f"{base}/nobody", "whsec_local")
        server = make_server(
            "127.0.0.1", port, stripe.wsgi_app, threaded=True, request_handler=_Quiet, fd=listening.fileno()
        )
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        world = StripeWorld(stripe, base)
        world.door("webhooks", {"drop": True})
        yield world
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
