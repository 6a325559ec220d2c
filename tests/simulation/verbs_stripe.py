"""The steps of the random mode in which Stripe acts: its dashboard, and its deliveries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.webhooks.models import Event
from tests.simulation.randomly import Act, Play


def _of_stripe(play: Play, kind: str) -> Any | None:  # noqa: ANN401 - Stripe's JSON
    made = list(play.world.stripe.world.all(kind).values())
    return play.chance.choice(made) if made else None


def dashboard(play: Play) -> None:
    """Somebody at Stripe, or a cardholder's bank, takes money back or asks for more."""
    act = play.chance.choice(
        ("refund", "refund", "dispute", "won", "lost", "reversal", "restrict", "disconnect", "setting")
    )
    person = play.world.person
    if act == "setting":
        person.door("settings", {"off_session_authentication": play.chance.choice(("action", "decline"))})
    elif act == "reversal":
        transfer = _of_stripe(play, "transfer")
        if transfer and not transfer["reversed"]:
            play.world.take_back(transfer["id"])
    elif act in {"restrict", "disconnect"}:
        _connected_account(play, act)
    else:
        _money_back(play, act)
    play.say(f"dashboard {act}")


def _connected_account(play: Play, act: str) -> None:
    """Stripe asks an account's holder for more, or its holder takes the platform's access back."""
    account = _of_stripe(play, "account")
    if account and act == "restrict" and account["details_submitted"]:
        play.world.person.door(f"accounts/{account['id']}", {"restricted": play.chance.random() < 0.5})
    elif account and act == "disconnect" and play.chance.random() < 0.3:
        play.world.person.door(f"accounts/{account['id']}", {"deauthorized": True})


def _money_back(play: Play, act: str) -> None:
    payment = _of_stripe(play, "payment_intent")
    if not payment or payment["status"] != "succeeded" or payment["metadata"].get("kind") not in {"deposit", "reload"}:
        return
    path, body = "disputes", {"status": "needs_response" if act == "dispute" else act}
    if act == "refund":
        path, body = "refunds", {"amount": play.chance.choice((100, 500))}
    if act in {"won", "lost"}:
        there = [d for d in play.world.stripe.world.all("dispute").values() if d["payment_intent"] == payment["id"]]
        if not there or there[-1]["status"] != "needs_response":
            return
    play.world.person.try_door(path, {"payment_intent": payment["id"], **body})


def deliver_next(play: Play) -> None:
    for event in play.on_their_way()[: play.chance.randint(1, 6)]:
        play.deliver(event)


def deliver_any(play: Play) -> None:
    events = play.on_their_way()
    if events:
        play.deliver(play.chance.choice(events))


def deliver_again(play: Play) -> None:
    events = [event for event in play.world.stripe_events()[-60:] if event["id"] in play.world.heard]
    if events:
        play.deliver(play.chance.choice(events))


def deliver_at_once(play: Play) -> None:
    events = play.on_their_way()[:3]
    copies = events if play.chance.random() < 0.5 else events[:1] * 3
    if not copies:
        return
    acts: list[Act] = [lambda parts, e=e: parts.webhooks.service.process(Event.model_validate(e)) for e in copies]
    raised = play.at_once("delivery", acts)
    for event, error in zip(copies, raised, strict=True):
        if error is None:
            play.world.heard.add(event["id"])


def take_in(play: Play) -> None:
    """The queue delivers some of Stripe's events, in any order, perhaps one that was done with."""
    for body in play.world.queue.some(play.chance):
        play.take(body)


def take_in_at_once(play: Play) -> None:
    """Two deliveries at once: of two events, or of the same, as where the first took longer than the queue waits."""
    some = play.world.queue.some(play.chance)[:2]
    if not some:
        return
    acts: list[Act] = [lambda parts, b=body: play.world.queue.take(parts, b) for body in (some * 2)[:2]]
    play.at_once("Stripe's queue", acts)


QUEUE_WEIGHTS: dict[Callable[[Play], None], int] = {take_in: 12, take_in_at_once: 4}


def asked_meanwhile(play: Play) -> None:
    """A person changes something at Stripe, and it is heard of, while another process asks how things stand."""
    pages = [(account, url) for account, url in play.pages if "/portal/" in url or "/pay/" in url]
    if not pages:
        return
    account, url = play.chance.choice(pages)
    form = {"action": "confirm"} if "/portal/" in url else {"card": "4242424242424242"}

    def change(_parts: Runtime) -> None:
        play.world.person.submit(url, **form)
        play.world.hear_elsewhere(play.on_their_way())

    def ask(parts: Runtime) -> object:
        return parts.accounts.sync.make_true(account)

    play.at_once(f"asking of {account} while a page is sent", [ask, change])


def lose(play: Play) -> None:
    events = play.on_their_way()
    if events:
        event = play.chance.choice(events)
        play.lost.add(event["id"])
        play.say(f"lost {event['type']}")
