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
from local.stripe.rules import cards, checkout, connect, disputes, radar, refunds
from local.stripe.webhooks import Courier
from local.stripe.world import World

# What each setting may be: after the last retry of a renewal; what an off-session payment that needs 3-D Secure
# becomes (`action`: it waits at its page, `decline`: 402 authentication_required, to be confirmed on-session);
# whether a transfer needs money on the platform's balance; whether the search knows of a change a minute late; whether
# a subscription runs while the bank debit of its first invoice is under way.
_SETTINGS: dict[str, tuple[object, ...]] = {
    "dunning_ends_in": ("canceled", "unpaid", "past_due"),
    "off_session_authentication": ("action", "decline"),
    "transfers_need_balance": (True, False),
    "search_lags": (True, False),
    "debits_activate": (True, False),
}


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
            "settle_refund": self._settle_refund,
            "disputes": self._dispute,
            "warnings": self._warn,
            "renew": self._renew_card,
            "account": self._restrict,
            "payouts": self._payout,
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
                Rule("/refunds/<refund>", endpoint="settle_refund", methods=["POST"]),
                Rule("/early_fraud_warnings", endpoint="warnings", methods=["POST"]),
                Rule("/disputes", endpoint="disputes", methods=["POST"]),
                Rule("/payment_methods/<method>/renew", endpoint="renew", methods=["POST"]),
                Rule("/accounts/<account>", endpoint="account", methods=["POST"]),
                Rule("/payouts", endpoint="payouts", methods=["POST"]),
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
            return public(refunds.refund(self._world, charge, amount, body.get("reason"), {}, although_disputed=True))

    def _settle(self, body: Json, ids: dict[str, str]) -> Json:
        """Let the bank debit of a session work or fail now: `{"works": true}`."""
        with self._world.store.changing():
            session = self._world.find("checkout.session", ids["session"], "session")
            checkout.settle_debit(self._world, session, works=body.get("works") is not False)
            return public(session)

    def _settings(self, body: Json, _ids: dict[str, str]) -> Json:
        """How this Stripe account is set up; what is not named stays as it is."""
        for name, value in body.items():
            if value not in _SETTINGS.get(name, ()):
                raise invalid(f"`{name}` must be one of {_SETTINGS.get(name, 'the settings ' + ', '.join(_SETTINGS))}")
        with self._world.store.changing() as state:
            state.settings.update(body)
            return dict(state.settings)

    def _settle_refund(self, body: Json, ids: dict[str, str]) -> Json:
        """The bank's word on a refund that was made: `succeeded`, `failed` or `canceled`."""
        with self._world.store.changing():
            made = self._world.find("refund", ids["refund"], "refund")
            refunds.settle(self._world, made, str(body.get("status")))
            return public(made)

    def _dispute(self, body: Json, _ids: dict[str, str]) -> Json:
        """Open a dispute of the payment (`needs_response`) or an inquiry (`warning_needs_response`), or move it on."""
        status = body.get("status", "needs_response")
        if status not in disputes.STATUSES:
            raise invalid(f"`status` must be one of {', '.join(disputes.STATUSES)}.", None, "status")
        with self._world.store.changing():
            charge = refunds.charge_of(self._world, str(body.get("payment_intent")))
            dispute = disputes.of_charge(self._world, charge)
            if dispute is None:
                inquiry = status in (*disputes.INQUIRY, "warning_closed")
                dispute = disputes.begin(self._world, charge, str(body.get("reason", "fraudulent")), inquiry=inquiry)
            elif status == "needs_response" and dispute["status"] not in disputes.INQUIRY:
                return public(dispute)
            disputes.become(self._world, dispute, status)
            return public(dispute)

    def _warn(self, body: Json, _ids: dict[str, str]) -> Json:
        """The card's network suspects the payment: an early fraud warning."""
        with self._world.store.changing():
            charge = refunds.charge_of(self._world, str(body.get("payment_intent")))
            return public(radar.warn(self._world, charge))

    def _renew_card(self, body: Json, ids: dict[str, str]) -> Json:
        """The bank replaces a saved card by `card`, the same number where none is given."""
        with self._world.store.changing():
            method = self._world.find("payment_method", ids["method"])
            cards.renew_card(self._world, method, cards.card_for(str(body.get("card", method["_number"]))))
            return public(method)

    def _restrict(self, body: Json, ids: dict[str, str]) -> Json:
        """`{"restricted": true}` lets Stripe ask a connected account for more; false is content again.

        `{"deauthorized": true}`: the account's holder takes the platform's access back.
        """
        with self._world.store.changing():
            account = connect.account_of(self._world, ids["account"])
            if body.get("deauthorized") is True:
                connect.leave(self._world, account)
            else:
                connect.review(self._world, account, content=body.get("restricted") is False)
            return public(account)

    def _payout(self, body: Json, _ids: dict[str, str]) -> Json:
        """A payout of a connected account to its bank, which fails where `status` says so."""
        status, amount = body.get("status", "failed"), body.get("amount", 1000)
        if status not in ("paid", "failed") or not isinstance(amount, int) or isinstance(amount, bool):
            raise invalid("`status` must be paid or failed, `amount` whole cents.")
        with self._world.store.changing():
            account = connect.account_of(self._world, str(body.get("account")))
            return public(connect.pay_out(self._world, account, amount, fails=status == "failed"))

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
