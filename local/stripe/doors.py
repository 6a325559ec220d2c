"""The stack's own doors beside Stripe's API: events, deliveries, refunds, disputes, faults."""

from __future__ import annotations

import json
from collections.abc import Callable

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from local.stripe.errors import StripeError, invalid
from local.stripe.faults import Faults
from local.stripe.objects import Json, public
from local.stripe.rules import checkout, refunds
from local.stripe.webhooks import Courier
from local.stripe.world import World


class Doors:
    """What a test or a person orders from outside: JSON in, JSON out."""

    def __init__(self, world: World, courier: Courier, faults: Faults) -> None:
        self._world = world
        self._courier = courier
        self._faults = faults
        self._doors: dict[str, Callable[[Json, dict[str, str]], Json]] = {
            "events": self._events,
            "resend": self._resend,
            "webhooks": self._webhooks,
            "refunds": self._refund,
            "settle": self._settle,
            "settings": self._settings,
            "faults": self._order_fault,
        }
        self._map = Map(
            [
                Rule("/events", endpoint="events", methods=["GET"]),
                Rule("/events/<event>/resend", endpoint="resend", methods=["POST"]),
                Rule("/webhooks", endpoint="webhooks", methods=["POST"]),
                Rule("/refunds", endpoint="refunds", methods=["POST"]),
                Rule("/sessions/<session>/settle", endpoint="settle", methods=["POST"]),
                Rule("/settings", endpoint="settings", methods=["POST"]),
                Rule("/faults", endpoint="faults", methods=["POST"]),
            ]
        )

    def answer(self, request: Request) -> Response | None:
        """Serve a door, or None where the path is none."""
        try:
            name, ids = self._map.bind("").match(request.path, request.method)
        except HTTPException:
            return None
        try:
            answer, status = self._doors[name](_body(request), dict(ids)), 200
        except StripeError as refused:
            answer, status = refused.body(), refused.status
        return Response(json.dumps(answer), status=status, content_type="application/json")

    def _events(self, _body: Json, _ids: dict[str, str]) -> Json:
        """All events, newest first, each with what became of its delivery."""
        with self._world.store.lock:
            deliveries: dict[str, list[Json]] = {}
            for delivery in self._world.store.state.deliveries.values():
                shown = {key: value for key, value in delivery.items() if key != "event"}
                deliveries.setdefault(delivery["event"], []).append(shown)
            events = reversed(self._world.all("event").values())
            return {"data": [{**public(event), "deliveries": deliveries.get(event["id"], [])} for event in events]}

    def _resend(self, _body: Json, ids: dict[str, str]) -> Json:
        return self._courier.resend(ids["event"])

    def _webhooks(self, body: Json, _ids: dict[str, str]) -> Json:
        """`paused` true holds back; `drop` true loses; false of either sends again, what was held first."""
        paused, drop = body.get("paused"), body.get("drop")
        for name, given in (("paused", paused), ("drop", drop)):
            if given is not None and not isinstance(given, bool):
                raise invalid(f"`{name}` must be true or false.", None, name)
        if paused is None and drop is None:
            raise invalid('Say {"paused": true}, {"paused": false} or {"drop": true}.')
        mode = "dropping" if drop else "paused" if paused else "open"
        self._courier.switch(mode)
        return {"webhooks": mode}

    def _refund(self, body: Json, _ids: dict[str, str]) -> Json:
        amount = body.get("amount")
        if amount is not None and (not isinstance(amount, int) or isinstance(amount, bool)):
            raise invalid("`amount` must be whole cents.", "parameter_invalid_integer", "amount")
        with self._world.store.changing():
            charge = refunds.charge_of(self._world, str(body.get("payment_intent")))
            return public(refunds.refund(self._world, charge, amount, body.get("reason"), {}))

    def _settle(self, body: Json, ids: dict[str, str]) -> Json:
        """Let the bank debit of a session work or fail now: `{"works": true}`."""
        with self._world.store.changing():
            session = self._world.find("checkout.session", ids["session"], "session")
            checkout.settle_debit(self._world, session, works=body.get("works") is not False)
            return public(session)

    def _settings(self, body: Json, _ids: dict[str, str]) -> Json:
        """`dunning_ends_in`: what becomes of a subscription after its last retry, `canceled` or `unpaid`."""
        wanted = body.get("dunning_ends_in")
        if wanted not in ("canceled", "unpaid"):
            raise invalid("`dunning_ends_in` must be canceled or unpaid.", None, "dunning_ends_in")
        with self._world.store.changing() as state:
            state.settings["dunning_ends_in"] = wanted
            return dict(state.settings)

    def _order_fault(self, body: Json, _ids: dict[str, str]) -> Json:
        return self._faults.order(body)


def _body(request: Request) -> Json:
    if request.method != "POST":
        return {}
    try:
        body = json.loads(request.get_data() or b"{}")
    except ValueError:
        raise invalid("The body is not JSON.") from None
    if not isinstance(body, dict):
        raise invalid("The body is not a JSON object.")
    return body
