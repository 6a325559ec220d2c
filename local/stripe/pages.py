"""The pages that Stripe hosts: checkout, portal, 3-D Secure. A person presses, a script posts the same form."""

from __future__ import annotations

import datetime as dt
import functools
import pathlib
import urllib.parse
from collections.abc import Callable
from typing import NamedTuple

import jinja2
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from local.stripe import pdf
from local.stripe.errors import StripeError, invalid
from local.stripe.objects import Json
from local.stripe.rules import cards, checkout, collection, connect, discounts, invoices, lifecycle, portal, taxes
from local.stripe.rules.cards import Card, Challenge, Verdict
from local.stripe.world import World

BANK_DEBITS = {"us_bank_account": True, "us_bank_account_failed": False}


class Chip(NamedTuple):
    """A test card that a person presses instead of typing its number."""

    word: str
    number: str


CHIPS = (
    Chip("Works", "4242424242424242"),
    Chip("Declines", "4000000000000002"),
    Chip("No money on it", "4000000000009995"),
    Chip("Expired", "4000000000000069"),
    Chip("3-D Secure each time", "4000002760003184"),
    Chip("Declines when charged later", "4000000000000341"),
    Chip("Is disputed", "4000000000000259"),
)


@functools.cache
def _templates() -> jinja2.Environment:
    """The pages' templates, each read once a process."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(pathlib.Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["money"] = _money
    made.filters["day"] = _day
    made.globals["chips"] = CHIPS
    return made


class Pages:
    """Everything that is neither API nor door."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._templates = _templates()
        self._pages: dict[str, Callable[[Request, str], Response]] = {
            "pay": self._pay,
            "portal": self._portal,
            "action": self._action,
            "invoice": self._invoice,
            "receipts": self._receipt,
            "pdf": self._pdf,
            "connect": self._connect,
        }
        places = {name: f"/{name}/<wanted>" for name in self._pages} | {"pdf": "/invoice/<wanted>/pdf"}
        self._map = Map([Rule(path, endpoint=name, methods=["GET", "POST"]) for name, path in places.items()])

    def answer(self, request: Request) -> Response:
        """Serve a page; what is not there is a page that says so."""
        try:
            name, ids = self._map.bind("").match(request.path, request.method)
        except HTTPException:
            return self._notice("This page does not exist", "Check the address.", 404)
        store = self._world.store
        with store.lock if request.method == "GET" else store.changing():
            try:
                return self._pages[name](request, str(ids["wanted"]))
            except StripeError as refused:
                return self._notice("This does not work any more", refused.message, refused.status)

    def _shown(self, template: str, status: int = 200, **values: object) -> Response:
        html = self._templates.get_template(template).render(**values)
        return Response(html, status=status, content_type="text/html; charset=utf-8")

    def _notice(self, title: str, text: str, status: int) -> Response:
        return self._shown("notice.html", status, title=title, text=text)

    # --- checkout -------------------------------------------------------------------------------------------

    def _pay(self, request: Request, wanted: str) -> Response:
        session = self._world.all("checkout.session").get(wanted)
        if session is None:
            return self._notice("This payment page does not exist", "Go back and start again.", 404)
        if request.method == "POST" and "settle" in request.form:
            return self._settle(request, session)
        if session["status"] != "open":
            return self._over(request, session)
        if request.method == "GET":
            return self._checkout(session)
        if request.form.get("action") == "cancel":
            return redirect(session["cancel_url"] or session["success_url"], 303)
        return self._paid(request, session)

    def _over(self, request: Request, session: Json) -> Response:
        """A session that is paid leads on, also when Pay is pressed twice; one that lapsed says so."""
        if session["status"] == "expired":
            return self._notice("This payment page has expired", "Go back and start again.", 410)
        if request.method == "POST":
            return redirect(_success_url(session), 303)
        return self._shown("paid.html", session=session, back=_success_url(session))

    def _checkout(self, session: Json, status: int = 200, error: str | None = None) -> Response:
        customer = self._world.all("customer").get(session["customer"])
        return self._shown(
            "checkout.html",
            status,
            session=session,
            error=error,
            card=cards.DEFAULT_CARD,
            country=taxes.country_of(customer) or "US",
            countries=[("US", 0), *taxes.PERCENT.items()],
        )

    def _paid(self, request: Request, session: Json) -> Response:
        typed = request.form.get("card", cards.DEFAULT_CARD)
        try:
            if request.form.get("promotion_code"):
                self._enter_code(session, request.form["promotion_code"])
            if session["automatic_tax"]["enabled"]:
                checkout.locate(self._world, session, request.form.get("country"))
            if typed in BANK_DEBITS or request.form.get("async"):
                checkout.debit(self._world, session, works=BANK_DEBITS.get(typed, request.form.get("async") != "fail"))
                return redirect(_success_url(session), 303)
            card = _meant(typed, session.pop("_challenged", None), request)
            if request.form.get("authenticate") == "fail":
                raise cards.refusal(cards.UNAUTHENTICATED)
            verdict = checkout.pay(
                self._world, session, card, authenticated=request.form.get("authenticate") == "complete"
            )
        except StripeError as refused:
            return self._checkout(session, refused.status, refused.message)
        if verdict is Verdict.CHALLENGED:
            session["_challenged"] = card.number
            return self._challenge(card, session["amount_total"] or 0)
        return redirect(_success_url(session), 303)

    def _enter_code(self, session: Json, typed: str) -> None:
        """Raises Stripe's error for a code that is unknown or not for this customer, or where no code is taken."""
        if not session["allow_promotion_codes"]:
            raise invalid("This payment page takes no promotion codes.", None, "promotion_code")
        code = discounts.code_named(self._world, typed)
        checkout.discount(self._world, session, [{"promotion_code": code["id"]}])

    def _settle(self, request: Request, session: Json) -> Response:
        """A script lets a bank debit work (`settle=succeeded`) or fail (`settle=failed`) before its time."""
        try:
            checkout.settle_debit(self._world, session, works=request.form["settle"] == "succeeded")
        except StripeError as refused:
            return self._notice("Nothing to settle", refused.message, refused.status)
        return redirect(_success_url(session), 303)

    def _challenge(self, card: Card, amount: int, hidden: dict[str, str] | None = None) -> Response:
        return self._shown(
            "challenge.html", last4=card.number[-4:], amount=amount, hidden={"card": card.number, **(hidden or {})}
        )

    # --- portal ---------------------------------------------------------------------------------------------

    def _portal(self, request: Request, wanted: str) -> Response:
        session = self._world.all("billing_portal.session").get(wanted)
        if session is None:
            return self._notice("This page does not exist", "Go back and open the portal again.", 404)
        if request.method == "GET":
            return self._overview(session)
        acts = {
            "cancel": self._cancel,
            "resume": self._resume,
            "update_card": self._update_card,
            "confirm": self._confirm,
        }
        act = acts.get(request.form.get("action", ""))
        if act is None:
            return self._overview(session, 400, f"Choose an action: {', '.join(acts)}.")
        try:
            challenged = act(request, session)
        except StripeError as refused:
            return self._overview(session, refused.status, refused.message)
        return challenged or redirect(_return_url(session, request.form["action"], self._world), 303)

    def _overview(self, session: Json, status: int = 200, error: str | None = None) -> Response:
        subscription = portal.subscription_of(self._world, session)
        schedule = lifecycle.schedule_of(self._world, subscription) if subscription is not None else None
        customer = self._world.find("customer", session["customer"])
        default = customer["invoice_settings"]["default_payment_method"]
        method = self._world.all("payment_method").get(default)
        if subscription is not None and subscription["default_payment_method"] is not None:
            method = self._world.find("payment_method", subscription["default_payment_method"])
        waiting = schedule["phases"][-1]["items"][0]["price"] if schedule is not None else None
        return self._shown(
            "portal.html",
            status,
            session=session,
            customer=customer,
            subscription=subscription,
            period_end=lifecycle.period_of(subscription)[1] if subscription is not None else None,
            waiting=self._world.find("price", waiting) if waiting is not None else None,
            change=portal.change_of(self._world, session),
            method=method,
            invoices=[i for i in self._world.all("invoice").values() if i["customer"] == customer["id"]][:-13:-1],
            error=error,
        )

    def _cancel(self, _request: Request, session: Json) -> Response | None:
        subscription = portal.require_subscription(portal.subscription_of(self._world, session))
        portal.cancel(self._world, subscription)
        return None

    def _resume(self, _request: Request, session: Json) -> Response | None:
        subscription = portal.require_subscription(portal.subscription_of(self._world, session))
        portal.resume(self._world, subscription)
        return None

    def _update_card(self, request: Request, session: Json) -> Response | None:
        card = _meant(request.form.get("card", cards.DEFAULT_CARD), session.pop("_challenged", None), request)
        if request.form.get("authenticate") == "fail":
            raise cards.refusal(cards.UNAUTHENTICATED)
        passed = request.form.get("authenticate") == "complete"
        if portal.update_card(self._world, session, card, authenticated=passed) is Verdict.CHALLENGED:
            session["_challenged"] = card.number
            return self._challenge(card, 0, {"action": "update_card"})
        return None

    def _confirm(self, request: Request, session: Json) -> Response | None:
        portal.require_subscription(portal.subscription_of(self._world, session))
        change = portal.change_of(self._world, session)
        if change is None:
            # Pressed twice: what was asked for is done.
            return None
        if request.form.get("authenticate") == "fail":
            raise cards.refusal(cards.UNAUTHENTICATED)
        passed = request.form.get("authenticate") == "complete"
        if portal.confirm(self._world, session, change, authenticated=passed) is Verdict.CHALLENGED:
            method = collection.method_for(self._world, change.subscription)
            assert method is not None
            return self._challenge(cards.card_of(method), change.cost_cents, {"action": "confirm"})
        return None

    # --- 3-D Secure of a payment without its payer ----------------------------------------------------------

    def _action(self, request: Request, wanted: str) -> Response:
        intent = self._world.all("payment_intent").get(wanted)
        if intent is None:
            return self._notice("This page does not exist", "There is no such payment.", 404)
        if "_session" in intent:
            return self._pay(request, intent["_session"])
        if intent["status"] == "succeeded":
            return self._thanks(intent, None)
        if intent["status"] != "requires_action":
            return self._notice("Nothing to confirm", "This payment does not wait for you.", 410)
        answer = request.form.get("authenticate")
        if answer in ("complete", "fail"):
            return self._answered(intent, passed=answer == "complete")
        method = self._world.find("payment_method", intent["payment_method"])
        return self._challenge(cards.card_of(method), intent["amount"])

    # --- an invoice, as its payer sees it -------------------------------------------------------------------

    def _invoice(self, request: Request, wanted: str) -> Response:
        invoice = self._world.all("invoice").get(wanted)
        if invoice is None or invoice["status"] == "draft":
            return self._notice("This page does not exist", "There is no such invoice.", 404)
        if invoice["status"] == "void":
            return self._notice("This invoice is void", "There is nothing to pay.", 410)
        payable = invoice["status"] != "paid" and invoices.payment_of(self._world, invoice) is not None
        intent = invoices.intent_of(self._world, invoice) if payable else None
        if intent is not None and intent["status"] == "requires_action" and "card" not in request.form:
            return self._action(request, intent["id"])
        if intent is None or request.method == "GET":
            return self._shown("invoice.html", invoice=invoice, error=None, card=cards.DEFAULT_CARD)
        return self._invoice_paid(request, invoice, intent)

    def _invoice_paid(self, request: Request, invoice: Json, intent: Json) -> Response:
        try:
            method = cards.new_method(self._world, cards.card_for(request.form.get("card", "")), set_up=False)
            verdict = collection.collect(self._world, invoice, method=method, scheduled=False)
            if verdict is Verdict.DECLINED:
                raise cards.refusal(cards.card_of(method))
        except StripeError as refused:
            return self._shown("invoice.html", refused.status, invoice=invoice, error=refused.message, card="")
        if verdict is Verdict.CHALLENGED:
            return self._challenge(cards.card_of(method), intent["amount"])
        return redirect(invoice["hosted_invoice_url"], 303)

    def _pdf(self, _request: Request, wanted: str) -> Response:
        invoice = self._world.all("invoice").get(wanted)
        if invoice is None or invoice["status"] == "draft":
            return self._notice("This page does not exist", "There is no such invoice.", 404)
        rows = [(line["description"] or "", line["amount"]) for line in invoice["lines"]["data"]]
        rows += [("Discount", -taken["amount"]) for taken in invoice["total_discount_amounts"] or []]
        rows += [("Tax", tax["amount"]) for tax in invoice["total_taxes"] or []]
        head = [f"Invoice {invoice['number']}", _day(invoice["created"]), f"Status: {invoice['status']}", ""]
        body = [f"{name}: {_money(amount)}" for name, amount in [*rows, ("Total", invoice["total"])]]
        return Response(pdf.page([*head, *body]), content_type="application/pdf")

    def _receipt(self, _request: Request, wanted: str) -> Response:
        charge = self._world.all("charge").get(wanted)
        if charge is None or not charge["paid"]:
            return self._notice("This page does not exist", "There is no such receipt.", 404)
        back = f" {_money(charge['amount_refunded'])} of it were given back." if charge["amount_refunded"] else ""
        body = f"{_money(charge['amount'])} were paid on {_day(charge['created'])}.{back}"
        return self._notice("Receipt", body, 200)

    def _answered(self, intent: Json, *, passed: bool) -> Response:
        back = intent["next_action"]["redirect_to_url"]["return_url"]
        if collection.answer_challenge(self._world, intent, passed=passed) is Verdict.APPROVED:
            return self._thanks(intent, back)
        return self._notice("The payment did not go through", intent["last_payment_error"]["message"], 402)

    def _thanks(self, intent: Json, back: str | None) -> Response:
        if back:
            query = {"payment_intent": intent["id"], "redirect_status": "succeeded"}
            return redirect(f"{back}{'&' if '?' in back else '?'}{urllib.parse.urlencode(query)}", 303)
        return self._notice("Paid", f"{_money(intent['amount'])} are paid. You can close this page.", 200)

    # --- onboarding of those who are paid -------------------------------------------------------------------

    def _connect(self, request: Request, wanted: str) -> Response:
        link = self._world.all("account_link").get(wanted)
        if link is None:
            return self._notice("This page does not exist", "Go back and start again.", 404)
        account = self._world.find("account", link["_account"])
        if link["expires_at"] <= self._world.now():
            return redirect(link["_refresh_url"], 303)
        if request.method == "GET":
            return self._shown("connect.html", account=account)
        if not account["payouts_enabled"]:
            connect.review(self._world, account, content=request.form.get("action") != "restrict")
        return redirect(link["_return_url"], 303)


def _meant(typed: str, challenged: str | None, request: Request) -> Card:
    """The card the form is about: an answer to a challenge belongs to the card that was challenged."""
    card = cards.card_for(typed)
    answers = "authenticate" in request.form and challenged is not None
    if answers and challenged is not None and card.challenge is Challenge.NEVER:
        return cards.card_for(challenged)
    return card


def _success_url(session: Json) -> str:
    url: str = session["success_url"]
    return url.replace("{CHECKOUT_SESSION_ID}", session["id"])


def _return_url(session: Json, action: str, world: World) -> str:
    """Where the portal leads back to: the flow's redirect after what it was opened for, else the return URL."""
    flow = session["flow"]
    redirected = flow["after_completion"]["redirect"] if flow is not None else None
    if redirected is not None and action != "update_card":
        return str(redirected["return_url"])
    return str(session["return_url"] or f"{world.base_url}/portal/{session['id']}")


def _money(cents: int) -> str:
    return f"{'-' if cents < 0 else ''}${abs(cents) // 100:,}.{abs(cents) % 100:02d}"


def _day(unix: int) -> str:
    moment = dt.datetime.fromtimestamp(unix, tz=dt.UTC)
    return f"{moment.day} {moment:%B %Y}"
