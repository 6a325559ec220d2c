"""Holds of a fake service that are drawn down by items, and extended."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import cast

from aerostack_billing_client.testing import money
from aerostack_billing_client.testing.asked import Asked
from aerostack_billing_client.testing.budgets import hold_room, spend_room
from aerostack_billing_client.testing.state import Charge, FakeAccount, Hold, Json, Refused, micros_of, shown


def capture(asked: Asked) -> Json:
    """Take the price of the work, or those of its items, all or none."""
    if asked.body.get("items") is None:
        return money.capture(asked)
    account, before = asked.account, _state_of(asked.account)
    try:
        return _drawn(asked, account.hold(asked.path["id"]))
    except Refused:
        account.__dict__.update(before)
        raise


def _drawn(asked: Asked, hold: Hold) -> Json:
    account, final = asked.account, bool(asked.body.get("final", True))
    if hold.ended not in {"", "lapse"}:
        raise money.hold_ended(hold)
    covered, lapsed = 0 if hold.ended else hold.micros, bool(hold.ended)
    account.free(hold, "capture")
    before = account.micros - covered
    items: list[Json] = []
    for place, item in enumerate(cast("list[Json]", asked.body["items"])):
        one = replace(asked, body={"account_id": account.id, **item})
        price = money.price_of(one, hold.book)
        labels = {**hold.labels, **money.labels_of(one)}
        own = min(covered, price.micros)
        covered -= own
        account.check(price.micros)
        room = spend_room(one, labels, price.micros, hold=hold, covered=own)
        account.spend(price.micros)
        made = Charge(asked.new_id("cap", place), price.micros, room, str(item.get("kind", hold.kind)))
        account.charges[made.id] = made
        items.append({"charge_id": made.id, "amount_cents": shown(price.micros), **price.basis})
    if not final:
        hold.ended = "lapse" if lapsed else ""
        hold.micros = covered if not lapsed else hold.micros
    if not hold.ended:
        account.spend(covered)
        hold.room = hold_room(asked, hold.labels, covered)
    _post(asked, hold, before)
    taken = sum(account.charges[str(item["charge_id"])].micros for item in items)
    told = {"hold_id": hold.id, "charge_id": items[0]["charge_id"], "captured_cents": shown(taken), "short_cents": 0}
    left = 0 if hold.ended else covered
    more = {"usage": None, "price_version": None, "tool_id": None, "remaining_cents": shown(left), "items": items}
    return {**told, **more, **account.balances()}


def _post(asked: Asked, hold: Hold, balance: int) -> None:
    """Write the lines of a capture of items: what the hold gave back for them, then each of them."""
    account, items = asked.account, cast("list[Json]", asked.body["items"])
    charges = [account.charges[asked.new_id("cap", place)] for place in range(len(items))]
    released = account.micros - balance + sum(charge.micros for charge in charges)
    if released:
        balance += released
        account.post(f"{hold.id}:release", "release", released, asked.iso(), {"labels": hold.labels}, balance)
    for charge, item in zip(charges, items, strict=True):
        balance -= charge.micros
        about = {**item, "kind": charge.kind, "labels": {**hold.labels, **cast("Json", item.get("labels") or {})}}
        account.post(charge.id, "capture", -charge.micros, asked.iso(), about, balance)


def extend(asked: Asked) -> Json:
    """Let a hold end later, and hold more."""
    account = asked.account
    hold = account.hold(asked.path["id"])
    if hold.ended:
        raise Refused(409, "HOLD_ENDED", "The hold is over. Take another one.", hold_id="ended")
    added, before = micros_of(asked.body.get("add_cents", 0)), _state_of(account)
    try:
        account.spend(added)
        account.free(hold, "")
        account.micros -= hold.micros
        hold.micros += added
        hold.room = hold_room(asked, hold.labels, hold.micros)
    except Refused:
        account.__dict__.update(before)
        raise
    account.post(hold.id, "hold", -added, asked.iso(), {"kind": hold.kind, "labels": hold.labels})
    hold.expires_at = max(hold.expires_at, asked.now + asked.whole(asked.body["ttl_seconds"]))
    amounts = {"amount_cents": shown(hold.micros), "added_cents": shown(added)}
    until = asked.iso(int(hold.expires_at - asked.now))
    return {"hold_id": hold.id, **amounts, "expires_at": until, **account.balances()}


def _state_of(account: FakeAccount) -> dict[str, object]:
    """What to go back to where a request is refused. What is over, which may be much, does not change any more."""
    open_ = {name: copy.deepcopy(hold) for name, hold in account.holds.items() if hold.ended in {"", "lapse"}}
    state = copy.deepcopy({**vars(account), "charges": {}, "holds": {}, "lines": []})
    return {
        **state,
        "charges": dict(account.charges),
        "lines": list(account.lines),
        "holds": {**account.holds, **open_},
    }
