"""The player for gain: two accounts in one pair of hands that want the most for the least, and what they may come to.

One buys plans and uses up whatever they allow, in the last hour of a month and of a paid period above all. It deposits,
pays its accomplice's tools, has charges taken back and disputes its payments. The accomplice is a creator who is paid
out. All requests are good ones: nothing breaks here, and every webhook arrives.
"""

from __future__ import annotations

import random
from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

from aerostack_billing.accounts.models import CheckoutRequest
from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.creators.models import OnboardRequest
from aerostack_billing.plans.models import Interval, Tier
from aerostack_billing.values.errors import BillingError, PlanLimitExceeded
from aerostack_billing.values.money import micros
from aerostack_billing.wallet.requests import DepositRequest
from tests.rooms.worlds.creators import RETURN, call, refund
from tests.rooms.worlds.plans import LINKS
from tests.rooms.worlds.usage import consume, settle, take
from tests.simulation.chance import repeatable
from tests.simulation.invariants import ours, violations
from tests.simulation.randomly import Broken
from tests.simulation.tables import Tables
from tests.simulation.world import SCHEDULES, World

METRIC = "api_requests"
_DAY = 86_400
_GONE = {"needs_response", "under_review", "lost"}
_CHECK_EVERY = 20
_TIERS: tuple[Tier, ...] = ("starter", "pro", "business")
_INTERVALS: tuple[Interval, ...] = ("monthly", "monthly", "yearly")


@dataclass
class Player:
    """Two accounts in one pair of hands."""

    world: World
    chance: random.Random
    payer: str = "acct_gain"
    maker: str = "acct_maker"
    log: list[str] = field(default_factory=list)
    charges: list[str] = field(default_factory=list)
    used: list[tuple[float, int]] = field(default_factory=list)
    """What was used, and when."""
    _keys: int = 0

    def key(self) -> str:
        """A new idempotency key."""
        self._keys += 1
        return f"gain_{self._keys}"

    def ask(self, act: Callable[[Runtime], Any]) -> Any:  # noqa: ANN401 - what the act answers
        """A request; None where it is refused. What fails for good breaks the run."""
        try:
            return act(self.world.parts)
        except BillingError as error:
            if error.status >= 500:
                raise
            self.log.append(f"  refused: {error.code}")
            return None

    def step(self) -> None:
        """The next move, and at once the most of what it opened."""
        move = self.chance.choice(_MOVES)
        at = datetime.fromtimestamp(self.world.time.at, UTC).strftime("%Y-%m-%d %H:%M")
        self.log.append(f"{at} {move.__name__}")
        move(self)
        self.world.hear()
        use_up(self)

    def check(self, *, settled: bool) -> None:
        """Every invariant of the simulation, and that nobody has gained."""
        found = violations(self.world, settled=settled)
        tables = Tables(self.world)
        found += used_is_paid(self.world, tables) + cash_is_paid(self.world, tables)
        found += each_period_is_one_quota(self)
        if found:
            raise Broken("\n".join(found))


# Moves


def use_up(player: Player) -> None:
    """All that the month leaves."""
    while True:
        try:
            figures = cast("dict[str, Any]", consume(player.world.parts, player.payer, 1))
            player.used.append((player.world.time.at, 1))
            if figures["remaining"]:
                consume(player.world.parts, player.payer, figures["remaining"])
                player.used.append((player.world.time.at, figures["remaining"]))
        except PlanLimitExceeded:
            return


def buy(player: Player) -> None:
    """Any plan at any interval: paid, or the change confirmed."""
    tier, interval = player.chance.choice(_TIERS), player.chance.choice(_INTERVALS)
    request = CheckoutRequest(tier=tier, billing_interval=interval, idempotency_key=player.key(), **LINKS)
    page = player.ask(lambda parts: parts.accounts.checkout.open(player.payer, request))
    if page is not None:
        player.world.person.submit(page.url, card="4242424242424242", action="confirm")


def buy_two(player: Player) -> None:
    """Two pages opened before paying, and both paid."""
    pages = []
    for tier in player.chance.sample(_TIERS, 2):
        request = CheckoutRequest(tier=tier, billing_interval="monthly", idempotency_key=player.key(), **LINKS)
        pages.append(player.ask(lambda parts, r=request: parts.accounts.checkout.open(player.payer, r)))
    for page in pages:
        if page is not None:
            player.world.person.submit(page.url, card="4242424242424242", action="confirm")


def cancel(player: Player) -> None:
    player.ask(lambda parts: parts.accounts.subscriptions.cancel(player.payer))


def resume(player: Player) -> None:
    player.ask(lambda parts: parts.accounts.subscriptions.resume(player.payer))


def lease_and_settle(player: Player) -> None:
    """A lease at the last second of what is left, given back whole."""
    taken = player.ask(lambda parts: take(parts, player.payer, 10**6, 3_600, allow_partial=True))
    if taken is not None:
        returned = player.ask(lambda parts: settle(parts, player.payer, taken, 0))
        player.used.append((player.world.time.at, taken["granted"] - int(returned or 0)))


def to_the_month_s_last_hour(player: Player) -> None:
    now = datetime.fromtimestamp(player.world.time.at, UTC)
    last = now.replace(day=monthrange(now.year, now.month)[1], hour=23, minute=30, second=0)
    _go_to(player, last.timestamp())


def past_the_month_s_end(player: Player) -> None:
    to_the_month_s_last_hour(player)
    player.world.hear()
    use_up(player)
    _go_to(player, player.world.time.at + 1_860)


def to_the_period_s_last_hour(player: Player) -> None:
    plan = player.world.eyes.accounts.store.get(player.payer).plan
    if plan.period_end is not None and plan.period_end - player.world.time.at < 40 * _DAY:
        _go_to(player, plan.period_end - 1_800)


def wait(player: Player) -> None:
    _go_to(player, player.world.time.at + player.chance.choice((0.04, 1, 3, 8, 20)) * _DAY)


def deposit(player: Player) -> None:
    amount = player.chance.choice((500, 5_000, 50_000))
    request = DepositRequest(amount_cents=amount, idempotency_key=player.key(), **LINKS)
    page = player.ask(lambda parts: parts.wallet.deposits.open(player.payer, request))
    if page is not None:
        player.world.pay(page.url)


def pay_the_accomplice(player: Player) -> None:
    """As much as the wallet has, for nothing."""
    wallet = player.world.eyes.wallet.store.get(player.payer)
    cents = min(wallet.balance // micros(1), 10_000)
    if cents > 0:
        made = player.ask(lambda parts: call(parts, player.payer, player.maker, cents, player.key()))
        player.charges += [made["charge_id"]] if made else []


def take_a_charge_back(player: Player) -> None:
    if player.charges:
        charge = player.charges.pop(player.chance.randrange(len(player.charges)))
        player.ask(lambda parts: refund(parts, player.payer, charge, player.key()))


def dispute_a_payment(player: Player) -> None:
    """A deposit, or what was paid for a plan: the bank takes the player's side, or does not."""
    intents = player.world.stripe.world.all("payment_intent").values()
    paid = [intent["id"] for intent in intents if intent["status"] == "succeeded"]
    if paid:
        intent, ends = player.chance.choice(paid), player.chance.choice(("lost", "won"))
        if player.world.person.try_door("disputes", {"payment_intent": intent, "status": "needs_response"}):
            player.world.hear()
            player.world.person.try_door("disputes", {"payment_intent": intent, "status": ends})


def onboard(player: Player) -> None:
    request = OnboardRequest(return_url=RETURN, refresh_url=RETURN)
    url = player.ask(lambda parts: parts.creators.accounts.onboard(player.maker, request))
    if url is not None:
        player.world.person.submit(url)


def be_paid(player: Player) -> None:
    for _ in range(8):
        player.world.fire("payouts")
        _go_to(player, player.world.time.at + _DAY)


def _go_to(player: Player, moment: float) -> None:
    """Time passes as it does: Stripe tells of what happens at once, and the schedules fire."""
    if moment > player.world.time.at:
        player.world.later(moment - player.world.time.at)
    player.world.hear()
    for schedule in ("holds", "reload", "reconcile"):
        assert player.world.fire(schedule), schedule
    player.world.hear()


_MOVES: tuple[Callable[[Player], None], ...] = (
    buy,
    buy,
    buy,
    buy_two,
    cancel,
    cancel,
    resume,
    lease_and_settle,
    to_the_month_s_last_hour,
    to_the_month_s_last_hour,
    past_the_month_s_end,
    past_the_month_s_end,
    to_the_period_s_last_hour,
    wait,
    wait,
    deposit,
    pay_the_accomplice,
    pay_the_accomplice,
    take_a_charge_back,
    dispute_a_payment,
    onboard,
    be_paid,
)


# What nobody may come to


def used_is_paid(world: World, tables: Tables) -> list[str]:
    """What was used of a quota is no more than Free's months and one month's quota for each month that was paid.

    Within the stated grace: an invoice counts from the moment it is asked for, since the plan stays while Stripe
    collects, and also when its payment is disputed later, for that ends the plan.
    """
    plans = world.eyes.catalog
    wrong = []
    for row in tables.of("AccountsTable"):
        account = str(row["account_id"])
        own = [item for item in tables.of("UsageTable") if item["account_id"] == account]
        months = [item for item in own if f"{METRIC}_used" in item]
        carried = sum(int(item["carried"].get(METRIC, 0)) for item in own if "carried" in item)
        used = sum(int(item[f"{METRIC}_used"]) for item in months) - carried
        allowed = len(months) * plans.plan("free").quotas[METRIC].ceiling
        allowed += sum(plans.plan(tier).quotas[METRIC].ceiling * count for tier, count in _paid_months(world, row))
        if used > allowed:
            wrong.append(f"{account} used {used} {METRIC}, and {allowed} were Free's or paid for")
    return wrong


def _paid_months(world: World, row: dict[str, Any]) -> list[tuple[Tier, int]]:
    """The tier and the months of each invoice that began a period for the account's customer."""
    found: list[tuple[Tier, int]] = []
    prices = world.stripe.world.all("price")
    for invoice in world.stripe.world.all("invoice").values():
        if invoice["customer"] != row.get("customer_id") or invoice["status"] in {"draft", "void"}:
            continue
        lines = [line for line in invoice["lines"]["data"] if line["pricing"] and line["amount"] > 0]
        for line in lines[-1:]:
            price = prices[line["pricing"]["price_details"]["price"]]
            yearly = price["recurring"]["interval"] == "year"
            # A year touches thirteen calendar months, the first and the last in part.
            found.append((price["metadata"]["tier"], 13 if yearly else 1))
    return found


def each_period_is_one_quota(player: Player) -> list[str]:
    """In each paid monthly period no more was used than one month's quota of its plan, and Free's where it ended early.

    A period ends where the next one of the account begins. What was refunded, for it was bought beside a plan, is none.
    """
    world, plans = player.world, player.world.eyes.catalog
    row = next((r for r in Tables(world).of("AccountsTable") if r["account_id"] == player.payer), {})
    periods = sorted(_periods(world, row.get("customer_id")), key=lambda period: period[0])
    free, wrong = plans.plan("free").quotas[METRIC].ceiling, []
    for start, end, tier, _ in periods:
        ends = min([end, *(later for later, *_ in periods if later > start)])
        # A plan that was changed in the second in which it was bought is the dearer one, and a year if one of them is.
        most = max(plans.plan(other).quotas[METRIC].ceiling for at, _, other, _ in periods if at == start)
        yearly = any(a_year for at, _, _, a_year in periods if at == start)
        used = sum(quantity for at, quantity in player.used if start <= at < ends)
        if not yearly and used > most + free:
            wrong.append(f"{used} {METRIC} in one period of {tier}, from {start} to {ends}")
    return wrong


def _periods(world: World, customer: str | None) -> list[tuple[int, int, Tier, bool]]:
    found: list[tuple[int, int, Tier, bool]] = []
    charges, prices = world.stripe.world.all("charge").values(), world.stripe.world.all("price")
    intents = {charge["payment_intent"] for charge in charges if charge["amount_refunded"]}
    payments = world.stripe.world.all("invoice_payment").values()
    refunded = {paid["invoice"] for paid in payments if paid["payment"].get("payment_intent") in intents}
    for invoice in world.stripe.world.all("invoice").values():
        if invoice["customer"] != customer or invoice["status"] in {"draft", "void"} or invoice["id"] in refunded:
            continue
        lines = [line for line in invoice["lines"]["data"] if line["pricing"] and line["amount"] > 0]
        for line in lines[-1:]:
            price = prices[line["pricing"]["price_details"]["price"]]
            yearly = price["recurring"]["interval"] == "year"
            found.append((line["period"]["start"], line["period"]["end"], price["metadata"]["tier"], yearly))
    return found


def cash_is_paid(world: World, tables: Tables) -> list[str]:
    """What was paid out is no more than what came in and stayed, and what is owed for the rest."""
    disputes = world.stripe.world.all("dispute").values()
    lost: dict[str, int] = {}
    for dispute in disputes:
        if dispute["status"] in _GONE:
            lost[dispute["payment_intent"]] = lost.get(dispute["payment_intent"], 0) + dispute["amount"]
    came = 0
    for payment in ours(world):
        charge = world.stripe.world.all("charge").get(payment["latest_charge"] or "")
        back = (charge["amount_refunded"] if charge else 0) + lost.get(payment["id"], 0)
        came += max(0, payment["amount_received"] - back)
    transfers = world.stripe.world.all("transfer").values()
    out = sum(transfer["amount"] - transfer["amount_reversed"] for transfer in transfers)
    owed = sum(int(row.get("debt", 0)) for row in tables.of("WalletsTable", "wallet"))
    owed += sum(max(0, -int(row.get("payable", 0))) + int(row.get("claimed", 0)) for row in tables.of("CreatorsTable"))
    if micros(out) > micros(came) + owed:
        return [f"{out} cents were paid out, {came} came in and stayed, {owed} micros are owed"]
    return []


def play(world: World, seed: int, steps: int) -> dict[str, int]:
    """A run of so many moves from the seed; how often each was made. Broken if anything was gained."""
    world.back_to(world.bare)
    with repeatable(f"gain/{seed}") as chance:
        player, number = Player(world, chance), 0
        try:
            for number in range(1, steps + 1):
                player.step()
                if number % _CHECK_EVERY == 0:
                    player.check(settled=False)
            for _ in range(2):
                world.later(2 * _DAY)
                world.hear()
                for schedule in SCHEDULES:
                    assert world.fire(schedule), f"{schedule} fails"
                world.hear()
            player.check(settled=False)
        except Exception as error:
            done = "\n".join(player.log[-60:])
            raise Broken(f"SEED={seed}, move {number}:\n{error!r}\n{error}\n\nbefore it:\n{done}") from error
    counts: dict[str, int] = {}
    for line in player.log:
        name = line.rsplit(" ", 1)[-1]
        counts[name] = counts.get(name, 0) + 1
    return counts
