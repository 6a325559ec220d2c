"""What a fake service does at each route of money: prices, charges, holds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import cast

from aerostack_billing_client.testing.asked import Asked
from aerostack_billing_client.testing.budgets import give_room_back, hold_room, room_left, spend_room
from aerostack_billing_client.testing.prices import Book
from aerostack_billing_client.testing.state import Charge, Counter, FakeAccount, Hold, Json, Refused, micros_of, shown

_COUNTS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
_METRIC = "ai_tokens"


@dataclass(frozen=True)
class Price:
    """What is to be paid, and the tokens that it is for."""

    micros: int
    basis: Json
    tokens: int = 0


def prices(asked: Asked) -> Json:
    """The price book."""
    book = asked.book
    models = [rate.shown(book.version) for rate in book.rates]
    return {"version": book.version, "markup_bps": book.markup_bps, "models": models, "upcoming": [], "kinds": {}}


def tool(asked: Asked) -> Json:
    """What a creator's tool costs."""
    found = asked.service.tools.get(asked.path["id"])
    if found is None:
        raise Refused(404, "TOOL_NOT_FOUND", "There is no such tool.", tool_id=asked.path["id"])
    about = {"tool_id": found.tool_id, "creator_id": found.creator_id, "name": found.name, "version": found.version}
    return {**about, "price_cents": shown(found.price_micros)}


def charge(asked: Asked) -> Json:
    """Take a price, or quote it."""
    account, mode, price = asked.account, str(asked.body["billing_mode"]), price_of(asked, asked.book)
    if asked.body.get("dry_run") in (True, "true"):
        return _quote(asked, price)
    if mode == "plan_quota":
        counter = account.counters.setdefault(_METRIC, Counter())
        try:
            counter.take(_METRIC, asked.period, price.tokens)
        except Refused:
            if asked.body.get("fallback") != "wallet":
                raise
            mode = "wallet"
    micros = price.micros if mode == "wallet" else 0
    account.check(micros)
    room = {} if mode == "plan_quota" else spend_room(asked, labels_of(asked), price.micros, byok=mode == "byok")
    account.spend(micros)
    made = Charge(asked.new_id("ch"), micros, room, str(asked.body["kind"]))
    account.charges[made.id] = made
    account.post(made.id, "charge", -micros, asked.iso(), asked.body)
    about = {"charge_id": made.id, "account_id": account.id, "kind": asked.body["kind"], "billing_mode": mode}
    amounts = {"amount_cents": shown(micros), "estimated_cents": None if mode == "wallet" else shown(price.micros)}
    return {**about, **amounts, **price.basis, "created_at": asked.iso(), **_balances(account)}


def charge_batch(asked: Asked) -> Json:
    """Take many prices, each by itself, under its own key."""
    results: list[Json] = []
    for one in cast("list[Json]", asked.body["charges"]):
        try:
            answer = asked.once("/api/balance/charges", one, partial(charge, replace(asked, body=one)), 201)
            results.append({"status": 201, **json.loads(answer.body)})
        except Refused as refused:
            results.append({"status": refused.status, **refused.body})
    return {"results": results}


def refund(asked: Asked) -> Json:
    """Give a price back, once."""
    account = asked.account
    found = account.charges.get(asked.path["id"])
    if found is None:
        raise Refused(404, "CHARGE_NOT_FOUND", "The account has no such charge.")
    if found.refunded:
        raise Refused(409, "ALREADY_REFUNDED", "The charge was already refunded under another key.")
    found.refunded = True
    account.micros += found.micros
    give_room_back(account, found.room)
    account.post(f"{found.id}:refund", "charge_refund", found.micros, asked.iso(), {"kind": found.kind})
    ids = {"charge_id": found.id, "refund_id": f"{found.id}:refund", "refunded_cents": shown(found.micros)}
    return {**ids, **_balances(account), "created_at": asked.iso()}


def take_hold(asked: Asked) -> Json:
    """Set money aside."""
    account, book = asked.account, asked.book
    price, seconds = price_of(asked, book), asked.whole(asked.body.get("ttl_seconds", 900))
    account.check(price.micros)
    labels = labels_of(asked)
    room = hold_room(asked, labels, price.micros)
    account.spend(price.micros)
    kind, expires_at = str(asked.body["kind"]), asked.now + seconds
    made = Hold(asked.new_id("hold"), kind, price.micros, expires_at, labels, book, room)
    account.holds[made.id] = made
    account.post(made.id, "hold", -price.micros, asked.iso(), asked.body)
    # A hold keeps the version of the price book, also when its price is named.
    basis = {**price.basis, "price_version": book.version}
    told = {"hold_id": made.id, "amount_cents": shown(price.micros), "expires_at": asked.iso(seconds)}
    return {**told, **basis, **account.balances()}


def capture(asked: Asked) -> Json:
    """Take the price of the work, and give the rest of the hold back."""
    account = asked.account
    hold = account.hold(asked.path["id"])
    if hold.ended not in {"", "lapse"}:
        raise hold_ended(hold)
    price, labels = price_of(asked, hold.book), {**hold.labels, **labels_of(asked)}
    covered, ended = 0 if hold.ended else hold.micros, hold.ended
    account.free(hold, "capture")
    try:
        taken = price.micros
        if asked.body.get("allow_partial"):
            taken = min(taken, account.micros, max(covered, room_left(asked, labels)))
        account.check(taken)
        room = spend_room(asked, labels, taken, hold=hold, covered=covered)
    except Refused:
        account.take_again(hold, ended)
        raise
    about = {"kind": hold.kind, **asked.body, "labels": labels}
    if covered:
        account.post(f"{hold.id}:release", "release", covered, asked.iso(), {"labels": hold.labels})
    account.spend(taken)
    made = Charge(asked.new_id("cap"), taken, room, hold.kind)
    account.charges[made.id] = made
    account.post(made.id, "capture", -taken, asked.iso(), about)
    told: Json = {"hold_id": hold.id, "charge_id": made.id, "captured_cents": shown(taken)}
    return {
        **told,
        "short_cents": shown(price.micros - taken),
        **price.basis,
        "remaining_cents": 0,
        "items": None,
        **account.balances(),
    }


def release(asked: Asked) -> Json:
    """Give a hold back."""
    account = asked.account
    hold = account.hold(asked.path["id"])
    if hold.ended not in {"", "lapse"}:
        raise hold_ended(hold)
    if not hold.ended:
        account.free(hold, "release")
        account.post(f"{hold.id}:release", "release", hold.micros, asked.iso(), {"labels": hold.labels})
    hold.ended = "release"
    return {"hold_id": hold.id, "released_cents": shown(hold.micros), **account.balances()}


def price_of(asked: Asked, book: Book) -> Price:
    """The named price, a tool's, or that of the tokens by the book."""
    body = asked.body
    nothing: Json = {"usage": None, "price_version": None}
    if body.get("tool_id") is not None:
        return Price(_of_tool(asked), {**nothing, "tool_id": body["tool_id"]})
    usage = body.get("usage")
    if usage is None:
        return Price(micros_of(body["amount_cents"]), nothing)
    given = cast("Mapping[str, object]", usage)
    rate = book.rate(str(given["model"]))
    if rate is None:
        raise Refused(422, "UNKNOWN_MODEL", f"The price book has no model {given['model']!r}.", model="unknown")
    counts = {name: asked.whole(given.get(name, 0)) for name in _COUNTS}
    basis: Json = {"usage": {"model": rate.model, **counts}, "price_version": book.version}
    return Price(book.micros(rate, counts), basis, sum(counts.values()))


def _of_tool(asked: Asked) -> int:
    found, most = asked.service.tools.get(str(asked.body["tool_id"])), asked.body.get("max_price_cents")
    if found is None:
        raise Refused(404, "TOOL_NOT_FOUND", "There is no such tool.", tool_id=asked.body["tool_id"])
    if most is not None and micros_of(most) < found.price_micros:
        price = shown(found.price_micros)
        raise Refused(409, "PRICE_CHANGED", f"The tool costs {price} cents now.", price_cents=price)
    return found.price_micros


def _quote(asked: Asked, price: Price) -> Json:
    """What a charge would take, and why it would be refused; nothing is taken."""
    account, mode = asked.account, str(asked.body["billing_mode"])
    refusal = None
    try:
        account.check(price.micros if mode == "wallet" else 0)
        if mode != "plan_quota":
            room = spend_room(asked, labels_of(asked), price.micros, byok=mode == "byok")
            give_room_back(account, room)
    except Refused as refused:
        refusal = refused.body["error"]
    return {
        "dry_run": True,
        "account_id": account.id,
        "kind": asked.body["kind"],
        "amount_cents": shown(price.micros if mode == "wallet" else 0),
        "estimated_cents": None if mode == "wallet" else shown(price.micros),
        "billing_mode": mode,
        **price.basis,
        **_balances(account),
        "refusal": refusal,
    }


def labels_of(asked: Asked) -> Mapping[str, str]:
    return cast("Mapping[str, str]", asked.body.get("labels") or {})


def _balances(account: FakeAccount) -> Json:
    return {name: value for name, value in account.balances().items() if name != "held_cents"}


def hold_ended(hold: Hold) -> Refused:
    message = "The hold was already captured or released under another key."
    return Refused(409, "HOLD_ENDED", message, hold_id=hold.ended)
