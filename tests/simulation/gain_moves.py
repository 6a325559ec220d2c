"""The moves of the player for gain, and how time passes."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime

from aerostack_billing.accounts.models import CheckoutRequest
from aerostack_billing.creators import reviews
from aerostack_billing.creators.models import OnboardRequest
from aerostack_billing.creators.tools import ToolRequest
from aerostack_billing.plans.models import Interval, Tier
from aerostack_billing.values.fields import validated
from aerostack_billing.values.money import micros
from aerostack_billing.wallet.grants import GrantRequest
from aerostack_billing.wallet.requests import CaptureRequest, DepositRequest, ExtendRequest
from tests.rooms.worlds.creators import RETURN, call, refund
from tests.rooms.worlds.plans import LINKS
from tests.rooms.worlds.reload import configure
from tests.rooms.worlds.usage import consume, settle, take
from tests.rooms.worlds.wallet import capture, charge, charge_all, hold, release
from tests.simulation import gain
from tests.simulation.gain import Move, Player, use_up
from tests.simulation.world import World

_DAY = 86_400
_TIERS: tuple[Tier, ...] = ("starter", "pro", "business")
_INTERVALS: tuple[Interval, ...] = ("monthly", "monthly", "yearly")
_GOOD = "4242424242424242"
_CARDS = (_GOOD,) * 8 + ("4000000000000002", "4000000000000341")
"""Mostly one that pays; one that is declined, and one that is kept and declined when it is charged."""
_MOST_CENTS = 10_000

# Plans


def _open(player: Player, tier: Tier, interval: Interval) -> str | None:
    request = CheckoutRequest(tier=tier, billing_interval=interval, idempotency_key=player.key(), **LINKS)
    page = player.ask(lambda parts: parts.accounts.checkout.open(player.payer, request))
    return None if page is None else page.url


def _pay(player: Player, url: str, card: str = _GOOD) -> None:
    player.world.person.submit(url, card=card, action="confirm")


def buy(player: Player) -> None:
    """Any plan at any interval: paid, or the change confirmed."""
    url = _open(player, player.chance.choice(_TIERS), player.chance.choice(_INTERVALS))
    if url is not None:
        _pay(player, url, player.chance.choice(_CARDS))


def buy_two(player: Player) -> None:
    """Two pages opened before paying, and both paid."""
    pages = [_open(player, tier, "monthly") for tier in player.chance.sample(_TIERS, 2)]
    for url in filter(None, pages):
        _pay(player, url)


def leave_a_page_open(player: Player) -> None:
    url = _open(player, player.chance.choice(_TIERS), player.chance.choice(_INTERVALS))
    player.pages += [url] if url is not None else []


def pay_an_old_page(player: Player) -> None:
    """What was left open long ago, beside whatever is in use now."""
    if player.pages:
        _pay(player, player.pages.pop(player.chance.randrange(len(player.pages))))


def pay_what_is_open(player: Player) -> None:
    """An invoice that was left unpaid, on its page."""
    row = player.world.eyes.accounts.store.get(player.payer)
    for invoice in list(player.world.stripe.world.all("invoice").values()):
        if invoice["customer"] == row.customer_id and invoice["status"] == "open":
            player.world.person.submit(invoice["hosted_invoice_url"], card=_GOOD)


def cancel(player: Player) -> None:
    player.ask(lambda parts: parts.accounts.subscriptions.cancel(player.payer))


def resume(player: Player) -> None:
    player.ask(lambda parts: parts.accounts.subscriptions.resume(player.payer))


# Quotas


def lease_and_settle(player: Player) -> None:
    """A lease at the last second of what is left, given back whole."""
    taken = player.ask(lambda parts: take(parts, player.payer, 10**6, 3_600, allow_partial=True))
    if taken is not None:
        returned = player.ask(lambda parts: settle(parts, player.payer, taken, 0))
        player.count("api_requests", taken["granted"] - int(returned or 0))


def lease_and_keep(player: Player) -> None:
    """A lease that is kept, to be given back when a plan, a month or a period is another one."""
    ttl = player.chance.choice((60, 3_600))
    taken = player.ask(lambda parts: take(parts, player.payer, 10**6, ttl, allow_partial=True))
    if taken is not None:
        player.count("api_requests", taken["granted"])
        player.leases.append(taken)


def settle_late(player: Player) -> None:
    """A lease is given back, perhaps twice."""
    if player.leases:
        taken = player.chance.choice(player.leases[-5:])
        returned = player.ask(lambda parts: settle(parts, player.payer, taken, 0))
        player.count("api_requests", -int(returned or 0))


def store_and_give_back(player: Player) -> None:
    gigabytes = player.chance.choice((1, 10)) * 10**9
    if player.ask(lambda parts: consume(parts, player.payer, gigabytes, "storage_bytes")) is not None:
        player.ask(lambda parts: consume(parts, player.payer, -gigabytes, "storage_bytes"))


def charge_to_the_plan(player: Player) -> None:
    """Tokens of the plan in place of money; taken back later, when the month or the plan may be another one."""
    usage = {"model": "gpt-4o-mini", "input_tokens": 50_000, "output_tokens": 100}
    mode = {"billing_mode": "plan_quota", "fallback": "wallet", "usage": usage}
    made = player.ask(lambda parts: charge(parts, player.payer, None, player.key(), **mode))
    if made is not None:
        player.charges.append((player.payer, made["charge_id"]))
        if made["billing_mode"] == "plan_quota":
            player.count("ai_tokens", 50_100)


# Money


def _spendable(player: Player, payer: str) -> int:
    return player.world.eyes.wallet.store.get(payer).balance // micros(1)


def deposit(player: Player) -> None:
    amount, (payer, _) = player.chance.choice((500, 5_000, 50_000)), player.either()
    request = DepositRequest(amount_cents=amount, idempotency_key=player.key(), **LINKS)
    page = player.ask(lambda parts: parts.wallet.deposits.open(payer, request))
    if page is not None:
        player.world.pay(page.url)


def reload_by_itself(player: Player) -> None:
    """Auto-reload, with whatever card there is."""
    payer, _ = player.either()
    player.ask(lambda parts: configure(parts, payer, threshold_cents=player.chance.choice((1, 2_000))))


def be_granted(player: Player) -> None:
    """An operator grants promotional money."""
    body = GrantRequest(account_id=player.either()[0], amount_cents=2_000, idempotency_key=player.key())
    player.ask(lambda parts: parts.wallet.grants.grant(body))


def pay_the_accomplice(player: Player) -> None:
    """As much as the wallet has, or next to nothing."""
    payer, maker = player.either()
    cents = min(_spendable(player, payer), player.chance.choice((_MOST_CENTS, 300, 1)))
    amount = cents if cents > 1 else "0.0004"
    made = player.ask(lambda parts: call(parts, payer, maker, amount, player.key()))
    player.charges += [(payer, made["charge_id"])] if made else []


def pay_by_a_tool(player: Player) -> None:
    """The maker's tool at a price that changes between two calls."""
    payer, maker = player.either()
    tool, cents = f"tool-{maker.replace('_', '-')}", player.chance.choice((0, 1, 250, _MOST_CENTS))
    request = validated(ToolRequest, {"name": "Search", "price_cents": cents})
    player.ask(lambda parts: parts.creators.tools.put(maker, tool, request))
    made = player.ask(lambda parts: charge(parts, payer, None, player.key(), kind="tool_call", tool_id=tool))
    player.charges += [(payer, made["charge_id"])] if made else []


def pay_in_a_batch(player: Player) -> None:
    """Several charges at once, one of them twice."""
    payer, maker = player.either()
    paying = {"account_id": payer, "kind": "tool_call", "creator_id": maker, "amount_cents": 400}
    own = [{**paying, "idempotency_key": player.key()} for _ in range(3)]
    results = player.ask(lambda parts: charge_all(parts, payer, *own, own[0]))
    charges = {result["charge_id"] for result in results or () if result["status"] == 201}
    player.charges += [(payer, charge_id) for charge_id in sorted(charges)]


def set_aside(player: Player) -> None:
    """A hold for the accomplice's work."""
    payer, maker = player.either()
    cents = min(_spendable(player, payer), player.chance.choice((_MOST_CENTS, 300)))
    more = {"creator_id": maker, "kind": "tool_call", "ttl_seconds": player.chance.choice((900, 7 * _DAY))}
    made = player.ask(lambda parts: hold(parts, payer, cents, player.key(), **more))
    player.holds += [(payer, made["hold_id"], cents)] if made else []


def _hold(player: Player) -> tuple[str, str, int] | None:
    return player.chance.choice(player.holds[-8:]) if player.holds else None


def capture_a_hold(player: Player) -> None:
    """Less than is held, all of it, or more."""
    if found := _hold(player):
        payer, hold_id, cents = found
        amount = player.chance.choice((cents // 2, cents, cents + 300))
        made = player.ask(lambda parts: capture(parts, payer, hold_id, amount, player.key(), partial=True))
        player.charges += [(payer, made["charge_id"])] if made and made["charge_id"] else []


def draw_an_allowance(player: Player) -> None:
    """Several pieces of work out of one hold, which may stay open."""
    if found := _hold(player):
        payer, hold_id, cents = found
        items = [{"amount_cents": player.chance.choice((0, 1, cents // 4))} for _ in range(player.chance.randint(1, 4))]
        body = {"account_id": payer, "idempotency_key": player.key(), "items": items}
        request = validated(CaptureRequest, {**body, "final": player.chance.random() < 0.3})
        made = player.ask(lambda parts: parts.wallet.allowances.capture(hold_id, request).body)
        player.charges += [(payer, item["charge_id"]) for item in made["items"]] if made else []


def extend_a_hold(player: Player) -> None:
    if found := _hold(player):
        payer, hold_id, _ = found
        body = {"account_id": payer, "ttl_seconds": 7 * _DAY, "add_cents": 700, "idempotency_key": player.key()}
        player.ask(lambda parts: parts.wallet.allowances.extend(hold_id, validated(ExtendRequest, body)))


def let_a_hold_go(player: Player) -> None:
    if found := _hold(player):
        player.ask(lambda parts: release(parts, found[0], found[1], player.key()))


def take_a_charge_back(player: Player) -> None:
    if player.charges:
        payer, charge_id = player.charges.pop(player.chance.randrange(len(player.charges)))
        player.ask(lambda parts: refund(parts, payer, charge_id, player.key()))


def _payment(player: Player) -> str | None:
    """Any payment of the pair's, for a plan or into a wallet."""
    customers = {player.world.eyes.accounts.store.get(account).customer_id for account in player.pair} - {None}
    made = player.world.stripe.world.all("payment_intent").values()
    paid = [i["id"] for i in made if i["status"] == "succeeded" and i["customer"] in customers]
    return player.chance.choice(paid) if paid else None


def dispute_a_payment(player: Player) -> None:
    """The bank takes the player's side, or does not, at once or some day."""
    intent, ends = _payment(player), player.chance.choice(("lost", "won", "under_review"))
    if intent is not None and player.world.person.try_door(
        "disputes", {"payment_intent": intent, "status": "needs_response"}
    ):
        player.world.hear()
        player.world.person.try_door("disputes", {"payment_intent": intent, "status": ends})


def be_refunded_a_deposit(player: Player) -> None:
    """Support gives a deposit back, in part or whole, whatever became of the money."""
    own = [
        p for p in player.world.stripe.world.all("payment_intent").values() if p["metadata"].get("kind") == "deposit"
    ]
    paid = [p["id"] for p in own if p["status"] == "succeeded" and p["metadata"]["account_id"] in player.pair]
    if paid:
        some: dict[str, object] = player.chance.choice(({}, {"amount": 200}))
        player.world.person.try_door("refunds", {"payment_intent": player.chance.choice(paid), **some})


def be_warned_of(player: Player) -> None:
    """A bank reports a payment as possible fraud."""
    if (intent := _payment(player)) is not None:
        player.world.person.try_door("early_fraud_warnings", {"payment_intent": intent})


def onboard(player: Player) -> None:
    maker = player.either()[1]
    request = OnboardRequest(return_url=RETURN, refresh_url=RETURN)
    url = player.ask(lambda parts: parts.creators.accounts.onboard(maker, request))
    if url is not None:
        player.world.person.submit(url)


def be_reviewed(player: Player) -> None:
    """An operator looks at a creator, finds nothing, and lets it be paid."""
    maker = player.either()[1]
    player.ask(lambda parts: parts.creators.reviews.decide(maker, reviews.review))


# Time


def to_the_month_s_last_hour(player: Player) -> None:
    now = datetime.fromtimestamp(player.world.time.at, UTC)
    last = now.replace(day=monthrange(now.year, now.month)[1], hour=23, minute=30, second=0)
    _go_to(player, last.timestamp())


def past_the_month_s_end(player: Player) -> None:
    """Bought in the last hour, used up, and on into the next month."""
    to_the_month_s_last_hour(player)
    buy(player)
    player.world.hear()
    use_up(player)
    _go_to(player, player.world.time.at + 1_860)


def to_the_period_s_last_hour(player: Player) -> None:
    plan = player.world.eyes.accounts.store.get(player.payer).plan
    if plan.period_end is not None and plan.period_end - player.world.time.at < 400 * _DAY:
        _go_to(player, plan.period_end - 1_800)


def wait(player: Player) -> None:
    _go_to(player, player.world.time.at + player.chance.choice((0.04, 1, 3, 8, 20)) * _DAY)


def be_paid(player: Player) -> None:
    """A week and a day in which the schedules pay out."""
    for _ in range(4):
        player.world.fire("payouts")
        player.world.later(2 * _DAY)
        player.world.hear()
    player.world.fire("payouts")


def _go_to(player: Player, moment: float) -> None:
    """Time passes as it does: Stripe tells of what happens at once, and the schedules fire."""
    if moment > player.world.time.at:
        player.world.later(moment - player.world.time.at)
    player.world.hear()
    schedules = ["holds", "reload"] + (["reconcile", "events"] if player.chance.random() < 0.1 else [])
    for schedule in schedules:
        assert player.world.fire(schedule), schedule
    player.world.hear()


JUMPS: dict[Move, int] = {
    to_the_month_s_last_hour: 3,
    past_the_month_s_end: 4,
    to_the_period_s_last_hour: 2,
    wait: 4,
    be_paid: 3,
}
"""By what time passes for everybody, and how often each is chosen."""
MOVES: dict[Move, int] = {
    buy: 4,
    buy_two: 1,
    leave_a_page_open: 1,
    pay_an_old_page: 1,
    pay_what_is_open: 2,
    cancel: 3,
    resume: 1,
    lease_and_settle: 4,
    lease_and_keep: 4,
    settle_late: 6,
    store_and_give_back: 3,
    charge_to_the_plan: 4,
    deposit: 4,
    reload_by_itself: 1,
    be_granted: 3,
    pay_the_accomplice: 12,
    pay_by_a_tool: 5,
    pay_in_a_batch: 4,
    set_aside: 8,
    capture_a_hold: 6,
    draw_an_allowance: 8,
    extend_a_hold: 3,
    let_a_hold_go: 3,
    take_a_charge_back: 10,
    dispute_a_payment: 1,
    be_refunded_a_deposit: 1,
    be_warned_of: 1,
    onboard: 1,
    be_reviewed: 1,
}
"""What the pairs do in turn, and how often each is chosen."""


def play(world: World, seed: str, count: int) -> dict[str, int]:
    """A life of so many of these moves, as `gain.play` says."""
    return gain.play(world, seed, count, MOVES, JUMPS)
