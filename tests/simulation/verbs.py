"""The steps of the random mode: what clients, people, Stripe, the schedules and time may do next."""

from __future__ import annotations

import calendar
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from aerostack_billing.accounts.models import CheckoutRequest
from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.creators.models import OnboardRequest
from aerostack_billing.platform import clock
from aerostack_billing.values.money import micros
from aerostack_billing.wallet.requests import DepositRequest, RefundRequest, SpendCapRequest
from tests.rooms.worlds.creators import RETURN, call
from tests.rooms.worlds.plans import LINKS
from tests.rooms.worlds.reload import configure
from tests.rooms.worlds.wallet import capture, charge, hold, release
from tests.simulation import verbs_charging, verbs_operators, verbs_queue, verbs_spending
from tests.simulation.domain_events import THRESHOLDS_CENTS
from tests.simulation.randomly import Act, Play
from tests.simulation.verbs_bank import bank
from tests.simulation.verbs_staff import staff
from tests.simulation.verbs_stripe import (
    QUEUE_WEIGHTS,
    asked_meanwhile,
    dashboard,
    deliver_again,
    deliver_any,
    deliver_at_once,
    deliver_next,
    lose,
)
from tests.simulation.verbs_usage import batch_of_events, consume, consume_at_once, lease, place, settle_lease

_CARDS = ("4242424242424242",) * 5 + (
    "5555555555554444",
    "4000000000000002",
    "4000000000000341",
    "4000002760003184",
    "4000000000009979",
    # Disputed, inquired into and suspected; refunds that fail, and that take a day.
    "4000000000000259",
    "4000000000001976",
    "4000000000005423",
    "4000000000005126",
    "4000000000007726",
)
_TIERS = ("starter", "pro", "business")


def step(play: Play) -> None:
    """One step, whichever chance says."""
    verbs, weights = zip(*_WEIGHTS.items(), strict=True)
    play.chance.choices(verbs, weights)[0](play)


def open_up(play: Play) -> None:
    """Before the first step: most accounts have money and a card, some a plan; a creator can be paid."""
    for number, account in enumerate(play.accounts[:-1]):
        request = DepositRequest(amount_cents=5_000, idempotency_key=play.key(), **LINKS)
        page = play.world.request(lambda parts, a=account, r=request: parts.wallet.deposits.open(a, r))  # type: ignore[misc]
        play.world.pay(page.url)
        if number % 2:
            tier = _TIERS[number % len(_TIERS)]
            plan = CheckoutRequest(tier=tier, billing_interval="monthly", idempotency_key=play.key(), **LINKS)  # type: ignore[arg-type]
            page = play.world.request(lambda parts, a=account, r=plan: parts.accounts.checkout.open(a, r))  # type: ignore[misc]
            play.world.pay(page.url)
    play.world.hear()
    for account in play.accounts[:3]:
        configure(play.world.parts, account)
    creator = OnboardRequest(return_url=RETURN, refresh_url=RETURN)
    play.world.submit(play.world.parts.creators.accounts.onboard(play.creators[0], creator))
    play.world.hear()


# Plans


def checkout(play: Play) -> None:
    account = play.account()
    request = CheckoutRequest(
        tier=play.chance.choice(_TIERS),  # type: ignore[arg-type]
        billing_interval=play.chance.choice(("monthly", "yearly")),  # type: ignore[arg-type]
        idempotency_key=play.key(),
        **LINKS,
    )
    play.ask(
        f"checkout {request.tier} of {account}",
        lambda parts: parts.accounts.checkout.open(account, request),
        lambda page: play.pages.append((account, page.url)),
    )


def cancel(play: Play) -> None:
    account = play.account()
    play.ask(f"cancel {account}", lambda parts: parts.accounts.subscriptions.cancel(account))


def resume(play: Play) -> None:
    account = play.account()
    play.ask(f"resume {account}", lambda parts: parts.accounts.subscriptions.resume(account))


def portal(play: Play) -> None:
    account, card = play.account(), play.chance.choice(_CARDS)
    action = play.chance.choice(("cancel", "resume", "update_card", "update_card"))

    def use(url: str) -> None:
        status, _ = play.world.person.submit(url, action=action, card=card, authenticate="complete")
        play.say(f"portal {action} {card[-4:]}: {status}")

    play.ask(
        f"portal of {account}", lambda parts: parts.accounts.subscriptions.portal(account, LINKS["success_url"]), use
    )


# People at Stripe's pages


def visit(play: Play) -> None:
    """A person fills in one of the pages that are open, perhaps one opened long ago."""
    if not play.pages:
        return
    account, url = play.pages.pop(play.chance.randrange(len(play.pages)))
    form = {"card": play.chance.choice(_CARDS), "action": "confirm"}
    form["authenticate"] = play.chance.choice(("complete", "complete", "fail"))
    form = {name: value for name, value in form.items() if name != "action" or "/portal/" in url}
    status, location = play.world.person.submit(url, **form)
    play.say(f"page of {account}, {form['card'][-4:]}: {status}")
    if status == 303 and "session_id=" in location:
        play.sessions.append((account, location.rpartition("session_id=")[2]))


def verify(play: Play) -> None:
    if play.sessions:
        account, session = play.chance.choice(play.sessions)
        play.ask(f"verify {account}", lambda parts: parts.wallet.checkout_return.verify(account, session))


def answer_the_bank(play: Play) -> None:
    waiting = [
        attempt.action_url
        for account in play.accounts
        if (attempt := play.world.eyes.wallet.store.get(account).reload.attempt) is not None and attempt.action_url
    ]
    if waiting:
        status, _ = play.world.person.submit(
            play.chance.choice(waiting), authenticate=play.chance.choice(("complete", "fail"))
        )
        play.say(f"the bank was answered: {status}")


# The wallet


def deposit(play: Play) -> None:
    account = play.account()
    request = DepositRequest(amount_cents=play.chance.choice((500, 2_500, 50_000)), idempotency_key=play.key(), **LINKS)
    play.ask(
        f"deposit of {account}",
        lambda parts: parts.wallet.deposits.open(account, request),
        lambda page: play.pages.append((account, page.url)),
    )


def _noting_charge(play: Play, account: str) -> Callable[[Any], None]:
    def note(answer: Any) -> None:  # noqa: ANN401 - a JSON answer
        play.answers.transfers[account, answer["charge_id"]] = micros(answer["amount_cents"])
        play.charges.append((account, answer["charge_id"]))

    return note


def charging(play: Play) -> None:
    account, key, cents = play.account(), play.key(), play.chance.choice((1, 300, 900, 2_000))
    play.ask(
        f"charge {cents} of {account}",
        lambda parts: charge(parts, account, cents, key),
        _noting_charge(play, account),
    )


def calling(play: Play) -> None:
    account, creator, key = play.account(), play.chance.choice(play.creators), play.key()
    cents = play.chance.choice((33, 700, 1_500))
    play.ask(
        f"tool call {cents} of {account} for {creator}",
        lambda parts: call(parts, account, creator, cents, key),
        _noting_charge(play, account),
    )


def charge_at_once(play: Play) -> None:
    """Requests that meet on one wallet: copies of one, or different ones."""
    account, creator, key = play.account(), play.chance.choice(play.creators), play.key()
    same = play.chance.random() < 0.5
    acts: list[Act] = [
        lambda parts, number=number: call(parts, account, creator, 400, key if same else f"{key}/{number}")
        for number in range(3)
    ]
    play.at_once("tool call", acts)


def holding(play: Play) -> None:
    account, key = play.account(), play.key()
    cents, ttl = play.chance.choice((100, 800, 2_000)), play.chance.choice((60, 900, 604_800))
    more: dict[str, object] = {"ttl_seconds": ttl}
    if play.chance.random() < 0.4:
        more |= {"kind": "tool_call", "creator_id": play.chance.choice(play.creators)}

    def note(answer: Any) -> None:  # noqa: ANN401
        play.answers.transfers[account, answer["hold_id"]] = micros(cents)
        play.holds.append((account, answer["hold_id"], cents))

    play.ask(f"hold {cents} of {account}", lambda parts: hold(parts, account, cents, key, **more), note)


def end_hold(play: Play) -> None:
    if not play.holds:
        return
    account, hold_id, held = play.chance.choice(play.holds)
    key, partial = play.key(), play.chance.random() < 0.5
    cents = play.chance.choice((0, held // 2, held, held + 500))

    def note(answer: Any) -> None:  # noqa: ANN401
        if "charge_id" in answer:
            play.answers.transfers[account, answer["charge_id"]] = round(answer["captured_cents"] * 10_000)
            play.charges.append((account, answer["charge_id"]))
        else:
            play.answers.transfers[account, f"{hold_id}:end"] = round(answer["released_cents"] * 10_000)

    def act(parts: Runtime) -> object:
        return capture(parts, account, hold_id, cents, key, partial=partial)

    captures = play.chance.random() < 0.75
    play.ask(
        f"{'capture' if captures else 'release'} {cents} of {account}",
        act if captures else lambda parts: release(parts, account, hold_id, key),
        note,
    )


def refunding(play: Play) -> None:
    if not play.charges:
        return
    account, charge_id = play.chance.choice(play.charges)
    request = RefundRequest(account_id=account, idempotency_key=play.key())

    def note(answer: Any) -> None:  # noqa: ANN401
        play.answers.transfers[account, answer["refund_id"]] = round(answer["refunded_cents"] * 10_000)

    play.ask(f"refund a charge of {account}", lambda parts: parts.wallet.refunds.refund(charge_id, request).body, note)


def refund_while_due(play: Play) -> None:
    """A refund and a sweep of payouts meet on what a creator earned."""
    if not play.charges:
        return
    account, charge_id = play.chance.choice(play.charges[-20:])
    request = RefundRequest(account_id=account, idempotency_key=play.key())
    play.at_once(
        f"refund of a charge of {account} and payouts",
        [lambda parts: parts.wallet.refunds.refund(charge_id, request), lambda parts: parts.creators.payouts.sweep()],
    )


def settings(play: Play) -> None:
    account, enabled = play.account(), play.chance.random() < 0.8
    cap = play.chance.choice((None, None, 4_000))
    threshold = play.chance.choice(THRESHOLDS_CENTS)

    def act(parts: Runtime) -> object:
        play.answers.suspended.discard(account)
        return configure(
            parts, account, enabled=enabled, threshold_cents=threshold, amount_cents=2_000, monthly_cap_cents=cap
        )

    play.ask(f"auto-reload of {account}", act)


def spend_cap(play: Play) -> None:
    account = play.account()
    request = SpendCapRequest(monthly_cap_cents=play.chance.choice((None, None, 5_000)))
    play.ask(f"spend cap of {account}", lambda parts: parts.wallet.statement.cap(account, request))


# Creators


def onboard(play: Play) -> None:
    creator = play.chance.choice(play.creators)
    request = OnboardRequest(return_url=RETURN, refresh_url=RETURN)

    def use(url: str) -> None:
        status, _ = play.world.person.submit(url)
        play.say(f"onboarding page: {status}")

    play.ask(f"onboard {creator}", lambda parts: parts.creators.accounts.onboard(creator, request), use)


# The schedules and time


def schedule(play: Play) -> None:
    play.fire(play.chance.choice(("reload", "reload", "holds", "payouts", "spending", "reconcile", "audit", "events")))


def schedules_at_once(play: Play) -> None:
    sweeps: dict[str, Act] = {
        "reload": lambda parts: parts.reload.service.sweep(),
        "holds": lambda parts: parts.wallet.lapsing.sweep(),
        "payouts": lambda parts: parts.creators.payouts.sweep(),
    }
    name = play.chance.choice(tuple(sweeps))
    play.at_once(name, [sweeps[name]] * 2)


def seconds_pass(play: Play) -> None:
    play.world.later(play.chance.randint(1, 900))


def hours_pass(play: Play) -> None:
    play.world.later(play.chance.randint(1, 30) * 3_600)
    play.say("hours passed")


def days_pass(play: Play) -> None:
    play.world.later(play.chance.randint(1, 12) * 86_400)
    play.say("days passed")


def month_turns(play: Play) -> None:
    """To a moment right before, or right after, the month's end."""
    now = clock.now()
    last = calendar.monthrange(now.year, now.month)[1]
    end = datetime(now.year, now.month, last, 23, 59, 58, tzinfo=UTC).timestamp()
    play.world.later(max(0.0, end - play.world.time.at) + play.chance.choice((0, 1, 3)))
    play.say("the month turns")


_WEIGHTS: dict[Callable[[Play], None], int] = {
    consume: 10,
    consume_at_once: 3,
    batch_of_events: 3,
    lease: 3,
    settle_lease: 3,
    place: 5,
    checkout: 4,
    cancel: 2,
    resume: 2,
    portal: 3,
    visit: 9,
    verify: 3,
    answer_the_bank: 2,
    deposit: 5,
    charging: 8,
    calling: 7,
    charge_at_once: 3,
    holding: 5,
    end_hold: 5,
    refunding: 3,
    refund_while_due: 2,
    settings: 4,
    spend_cap: 1,
    onboard: 2,
    dashboard: 4,
    staff: 3,
    bank: 3,
    deliver_next: 10,
    deliver_any: 6,
    deliver_again: 3,
    deliver_at_once: 3,
    asked_meanwhile: 3,
    lose: 2,
    schedule: 8,
    schedules_at_once: 3,
    seconds_pass: 5,
    hours_pass: 3,
    days_pass: 1,
    month_turns: 1,
    Play.ask_again: 6,
    **verbs_charging.WEIGHTS,
    **verbs_queue.WEIGHTS,
    **QUEUE_WEIGHTS,
    **verbs_spending.WEIGHTS,
    **verbs_operators.WEIGHTS,
}
