"""The local Stripe over real HTTP, a clock to move, an endpoint that listens, and every answer held to the spec."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field

import requests
import stripe
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from local.stripe import LocalStripe
from local.stripe.objects import Json, public
from local.stripe.spec import operation_for
from tests.local_stripe.conformance import complaint, complaint_of_object

SECRET = "whsec_test"
DAY = 24 * 3600
NOON = 1_768_478_400  # 15 January 2026, 12:00 UTC


class Clock:
    """Stands still until it is moved."""

    def __init__(self, now: float = NOON) -> None:
        self.now = now

    def unix(self) -> float:
        return self.now


@dataclass
class Endpoint:
    """Takes webhooks as the application would; `answers` are the next statuses, 200 after them."""

    received: list[tuple[Json, str]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    _goal: tuple[int, threading.Event] | None = None

    def __call__(self, environ: dict[str, object], start_response: object) -> Iterable[bytes]:
        request = Request(environ)
        payload = request.get_data(as_text=True)
        self.received.append((json.loads(payload), request.headers["Stripe-Signature"]))
        self.payload = payload
        if self._goal is not None and len(self.received) >= self._goal[0]:
            self._goal[1].set()
        status = self.answers.pop(0) if self.answers else 200
        return Response("", status=status)(environ, start_response)

    def enough(self, count: int) -> threading.Event:
        """Set once so many webhooks have come."""
        reached = threading.Event()
        self._goal = (count, reached)
        if len(self.received) >= count:
            reached.set()
        return reached

    def types(self) -> list[str]:
        return [event["type"] for event, _ in self.received]


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


class Switchboard:
    """One HTTP server for the whole session; each test plugs its own applications in."""

    def __init__(self) -> None:
        self.stripe_app: object = None
        self.endpoint: Endpoint = Endpoint()
        self._server: BaseWSGIServer = make_server("127.0.0.1", 0, self, threaded=True, request_handler=_Quiet)
        self.base = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def __call__(self, environ: dict[str, object], start_response: object) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/hook":
            return self.endpoint(environ, start_response)
        return self.stripe_app(environ, start_response)

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Stack:
    """A fresh local Stripe, the SDK pointed at it, and verbs for what tests do all the time."""

    def __init__(self, board: Switchboard, snapshot: object = None, *, empty: bool = False) -> None:
        self.clock = Clock()
        self.endpoint = board.endpoint = Endpoint()
        self.base = board.base
        self.stripe = LocalStripe(self.clock, board.base, f"{board.base}/hook", SECRET, snapshot, empty=empty)
        self.world = self.stripe.world
        self.complaints: list[str] = []
        board.stripe_app = self._checked_app
        self.sdk = self.client("sk_test_local")

    def client(self, key: str, **options: object) -> stripe.StripeClient:
        return stripe.StripeClient(key, base_addresses={"api": self.base}, max_network_retries=0, **options)

    @property
    def v1(self) -> stripe.V1Services:
        return self.sdk.v1

    def _checked_app(self, environ: dict[str, object], start_response: object) -> Iterable[bytes]:
        response = Response.from_app(self.stripe.wsgi_app, environ)
        path, method = str(environ["PATH_INFO"]), str(environ["REQUEST_METHOD"])
        operation = operation_for(method, path)
        if operation is not None:
            body = json.loads(response.get_data())
            schema = operation.response if response.status_code == 200 else {"$ref": "#/components/schemas/error"}
            wrong = complaint(schema, body)
            if wrong is not None:
                self.complaints.append(f"{method} {path} → {response.status_code}: {wrong}")
        return response(environ, start_response)

    def require_conformance(self) -> None:
        """Every answer so far, every event and every object kept is what Stripe's document says."""
        for kind, objects in self.world.store.state.objects.items():
            for key, stored in objects.items():
                shown = public(stored)
                wrong = complaint_of_object(shown)
                if wrong is not None:
                    self.complaints.append(f"{kind} {key}: {wrong}")
                if kind == "event":
                    answer = shown["data"]["object"]
                    wrong = complaint_of_object(answer)
                    if wrong is not None:
                        self.complaints.append(f"event {shown['type']}: {wrong}")
        assert not self.complaints, "\n".join(sorted(set(self.complaints))[:20])

    # --- verbs ----------------------------------------------------------------------------------------------

    def customer(self, account: str = "acct_1") -> stripe.Customer:
        return self.v1.customers.create({"email": f"{account}@example.com", "metadata": {"account_id": account}})

    def price(self, key: str) -> str:
        return self.v1.prices.list({"lookup_keys": [key]}).data[0].id

    def session(self, customer: str, key: str = "pro_monthly", **more: object) -> stripe.checkout.Session:
        return self.v1.checkout.sessions.create(
            {
                "mode": "subscription",
                "customer": customer,
                "line_items": [{"price": self.price(key), "quantity": 1}],
                "success_url": "https://shop.test/ok?session_id={CHECKOUT_SESSION_ID}",
                "cancel_url": "https://shop.test/no",
                **more,
            }
        )

    def deposit(self, customer: str | None, cents: int = 2500, **more: object) -> stripe.checkout.Session:
        asked: Json = {
            "mode": "payment",
            "line_items": [
                {
                    "price_data": {"currency": "usd", "unit_amount": cents, "product_data": {"name": "Deposit"}},
                    "quantity": 1,
                }
            ],
            "success_url": "https://shop.test/ok?session_id={CHECKOUT_SESSION_ID}",
            "cancel_url": "https://shop.test/no",
            **more,
        }
        if customer is not None:
            asked["customer"] = customer
        return self.v1.checkout.sessions.create(asked)

    def post(self, url: str | None, **form: str) -> requests.Response:
        assert url is not None
        return requests.post(url, data=form, allow_redirects=False, timeout=60)

    def get(self, url: str | None) -> requests.Response:
        assert url is not None
        return requests.get(url, allow_redirects=False, timeout=60)

    def door(self, path: str, body: object = None) -> requests.Response:
        return requests.post(f"{self.base}{path}", json={} if body is None else body, timeout=60)

    def subscribed(
        self, key: str = "pro_monthly", card: str = "4242424242424242", **form: str
    ) -> tuple[stripe.Customer, stripe.Subscription]:
        """A customer who has bought a plan."""
        customer = self.customer()
        paid = self.post(self.session(customer.id, key).url, card=card, **form)
        assert paid.status_code == 303, paid.text
        return customer, self.subscription(customer.id)

    def subscription(self, customer: str) -> stripe.Subscription:
        return self.v1.subscriptions.list({"customer": customer, "status": "all"}).data[0]

    def portal(self, customer: str, **more: object) -> stripe.billing_portal.Session:
        return self.v1.billing_portal.sessions.create(
            {"customer": customer, "return_url": "https://shop.test/billing", **more}
        )

    def change(self, subscription: stripe.Subscription, key: str, **more: object) -> stripe.billing_portal.Session:
        """The portal opened to confirm a change of plan."""
        return self.portal(
            str(subscription.customer),
            flow_data={
                "type": "subscription_update_confirm",
                "after_completion": {"type": "redirect", "redirect": {"return_url": "https://shop.test/changed"}},
                "subscription_update_confirm": {
                    "subscription": subscription.id,
                    "items": [
                        {"id": subscription["items"].data[0].id, "price": self.price(key), "quantity": 1},
                    ],
                },
            },
            **more,
        )

    def advance(self, **by: float) -> None:
        """Move the clock as the stack does: step by step to each thing that is due."""
        goal = self.clock.now + by.get("days", 0) * DAY + by.get("hours", 0) * 3600 + by.get("seconds", 0)
        while (due := self.stripe.next_due()) is not None and due <= goal:
            self.clock.now = max(self.clock.now, due)
            self.stripe.run_due()
            self.stripe.deliver()
        self.clock.now = goal

    def event_types(self, since: int = 0) -> list[str]:
        """The types of all events, oldest first."""
        return [event["type"] for event in self.world.all("event").values()][since:]

    def events(self, since: int = 0) -> list[Json]:
        """All events as the world sees them, oldest first."""
        return [public(event) for event in self.world.all("event").values()][since:]

    def position(self) -> int:
        """Where `told` stands now."""
        return len(self.world.all("event"))
