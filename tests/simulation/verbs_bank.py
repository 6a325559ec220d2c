"""The steps of the random mode in which a bank or a card's network acts on payments that were made."""

from __future__ import annotations

from tests.simulation.randomly import Play

_NEXT = {
    "warning_needs_response": ("warning_under_review", "warning_closed", "needs_response"),
    "warning_under_review": ("warning_closed", "needs_response"),
    "needs_response": ("under_review", "won", "lost"),
    "under_review": ("won", "lost"),
}
"""How a dispute goes on; an inquiry may end, or become a dispute."""


def bank(play: Play) -> None:
    """A bank refuses a refund, inquires, decides a dispute, warns of fraud or sends a new card."""
    act = play.chance.choice((refuses_a_refund, inquires, goes_on, goes_on, warns, renews_a_card, disputes_a_plan))
    done = act(play)
    play.say(f"bank {act.__name__}: {'done' if done else 'not possible'}")


def refuses_a_refund(play: Play) -> bool:
    made = play.world.stripe.world
    deposits = {payment["id"] for payment in _deposits(play)}
    refunds = [r for r in made.all("refund").values() if r["payment_intent"] in deposits and r["status"] != "failed"]
    if not refunds:
        return False
    return play.world.person.try_door(f"refunds/{play.chance.choice(refunds)['id']}", {"status": "failed"})


def inquires(play: Play) -> bool:
    return _on_a_deposit(play, "disputes", {"status": "warning_needs_response"})


def disputes_a_deposit(play: Play) -> bool:
    return _on_a_deposit(play, "disputes", {"status": "needs_response"})


def disputes_a_plan(play: Play) -> bool:
    """A payment that is neither a deposit nor a reload: a subscription's."""
    deposits = {payment["id"] for payment in _deposits(play)}
    intents = play.world.stripe.world.all("payment_intent").values()
    paid = [p["id"] for p in intents if p["status"] == "succeeded" and p["id"] not in deposits]
    if not paid:
        return False
    return play.world.person.try_door(
        "disputes", {"payment_intent": play.chance.choice(paid), "status": "needs_response"}
    )


def goes_on(play: Play) -> bool:
    """An inquiry or a dispute takes its next turn."""
    open_ones = [d for d in play.world.stripe.world.all("dispute").values() if d["status"] in _NEXT]
    if not open_ones:
        return False
    dispute = play.chance.choice(open_ones)
    body: dict[str, object] = {"payment_intent": dispute["payment_intent"]}
    return play.world.person.try_door("disputes", {**body, "status": play.chance.choice(_NEXT[dispute["status"]])})


def warns(play: Play) -> bool:
    return _on_a_deposit(play, "early_fraud_warnings", {})


def renews_a_card(play: Play) -> bool:
    methods = [m for m in play.world.stripe.world.all("payment_method").values() if m.get("customer")]
    if not methods:
        return False
    return play.world.person.try_door(f"payment_methods/{play.chance.choice(methods)['id']}/renew", {})


def _deposits(play: Play) -> list[dict[str, str]]:
    intents = play.world.stripe.world.all("payment_intent").values()
    return [p for p in intents if p["status"] == "succeeded" and p["metadata"].get("kind") in {"deposit", "reload"}]


def _on_a_deposit(play: Play, door: str, body: dict[str, object]) -> bool:
    paid = _deposits(play)
    if not paid:
        return False
    return play.world.person.try_door(door, {"payment_intent": play.chance.choice(paid)["id"], **body})
