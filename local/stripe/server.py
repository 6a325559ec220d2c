"""The local Stripe as one object: a WSGI application, a billing engine and a sender of webhooks."""

from __future__ import annotations

import pathlib
import socket
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

from werkzeug.wrappers import Request, Response

from local.stripe.api import Api
from local.stripe.doors import Doors
from local.stripe.faults import AnswerLostError, Faults
from local.stripe.pages import Pages
from local.stripe.rules import billing
from local.stripe.seed import seed
from local.stripe.state import Store
from local.stripe.webhooks import Courier
from local.stripe.world import Clock, World

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

LONGEST_NAP_SECONDS = 1.0
SHORTEST_NAP_SECONDS = 0.05


class LocalStripe:
    """A Stripe account of one's own: the API under /v1, pages for people, doors for scripts.

    `base_url` is where it is mounted, without a slash at the end; `webhook_url` and `webhook_secret` are the
    endpoints that are told of events; with a `snapshot` path the state outlives the process. An `empty` one has no
    prices, no portal and no endpoints, as a new account at Stripe.
    """

    def __init__(
        self,
        clock: Clock,
        base_url: str,
        webhook_url: str,
        webhook_secret: str,
        snapshot: pathlib.Path | None = None,
        *,
        empty: bool = False,
    ) -> None:
        self._store = Store(snapshot)
        self.world = World(self._store, clock, base_url)
        if not empty:
            with self._store.changing():
                seed(self.world, webhook_url, webhook_secret)
        self._clock = clock
        self._courier = Courier(self.world)
        self._faults = Faults(self._store)
        self._api = Api(self.world, self._faults)
        self._doors = Doors(self.world, self._courier, self._faults)
        self._pages = Pages(self.world)
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def wsgi_app(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request. A call spoiled by a fault has its connection closed and raises ConnectionAbortedError."""
        try:
            return self._answer(Request(environ))(environ, start_response)
        except AnswerLostError:
            # werkzeug would keep the connection open for the next request, and the caller waiting.
            connection = environ.get("werkzeug.socket")
            if isinstance(connection, socket.socket):
                connection.shutdown(socket.SHUT_RDWR)
            raise

    def _answer(self, request: Request) -> Response:
        if request.path.startswith("/v1/"):
            return self._api.answer(request)
        served = self._doors.answer(request)
        return served if served is not None else self._pages.answer(request)

    def next_due(self) -> float | None:
        """When something is next to happen by itself (unix seconds by the stack's clock), or None."""
        with self._store.lock:
            times = (billing.next_due(self.world), self._courier.next_due())
        return min((when for when in times if when is not None), default=None)

    def run_due(self) -> None:
        """Do all that is due at the clock's time: renewals, retries, ends, lapses. Their webhooks are queued."""
        with self._store.changing():
            billing.run_due(self.world)

    def deliver(self) -> None:
        """Send every queued webhook that is due, one after another, and return when none is."""
        self._courier.deliver()

    def start(self) -> None:
        """Begin to send webhooks and to do what is due in the background."""
        if self._thread is None:
            self._stopping.clear()
            self._thread = threading.Thread(target=self._work, name="local-stripe", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the background work; a webhook under way is finished first."""
        if self._thread is not None:
            self._stopping.set()
            self.world.stirred.set()
            self._thread.join()
            self._thread = None

    def _work(self) -> None:
        while not self._stopping.is_set():
            due = self.next_due()
            if due is not None and due <= self._clock.unix():
                self.run_due()
                self.deliver()
            self.world.stirred.wait(self._nap())
            self.world.stirred.clear()

    def _nap(self) -> float:
        due = self.next_due()
        wait = LONGEST_NAP_SECONDS if due is None else due - self._clock.unix()
        return max(SHORTEST_NAP_SECONDS, min(LONGEST_NAP_SECONDS, wait))
