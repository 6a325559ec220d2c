"""What must hold in the end, told from the tables and from what the local Stripe has.

None of it asks the code that writes, but for the audit, which recomputes every balance from the ledger.
"""

from __future__ import annotations

import json
import math
from collections import Counter as Tally
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

from aerostack_billing.audit.wallets import Violation
from aerostack_billing.creators.models import FRACTIONS
from aerostack_billing.creators.store import LOOK_AGENDA
from aerostack_billing.plans.models import Tier
from aerostack_billing.usage.store import RESOURCES_ITEM, STORAGE_ITEM, is_month, limits_of
from aerostack_billing.values.money import micros
from tests.simulation import domain_events, invariants_notices
from tests.simulation.tables import Tables
from tests.simulation.taxes import bought, left_of
from tests.simulation.world import World

Json = dict[str, Any]
_PAYING = {"active", "trialing", "past_due"}
_LARGEST_ITEM = 32_000


def violations(world: World, *, settled: bool = True) -> list[str]:
    """Every invariant that does not hold; `settled`: also those that hold only once nothing is left to do."""
    tables = Tables(world)
    found = [f"audit: {v.account_id} {v.invariant}: {v.expected} != {v.found}" for v in _audit(world)]
    always = (
        counters,
        places,
        payments_once,
        customers_once,
        accounts_once,
        transfers_once,
        refunds_once,
        staffs_stays,
        small_items,
    )
    for check in (*always, *domain_events.ALWAYS, *invariants_notices.ALWAYS):
        found += [f"{check.__name__}: {answer}" for answer in check(world, tables)]
    if settled:
        for check in (
            plans_true,
            no_dead_customers,
            returned_ends,
            payments_credited,
            payouts_done,
            nobody_gains,
            nothing_open,
            *domain_events.SETTLED,
            *invariants_notices.SETTLED,
        ):
            found += [f"{check.__name__}: {answer}" for answer in check(world, tables)]
    return found


def _audit(world: World) -> tuple[Violation, ...]:
    report = world.eyes.audit.service.run(None)
    assert not report.busy
    return report.violations


def counters(world: World, tables: Tables) -> list[str]:
    """What is used and the room make the hard limit of the item's tier, which is the account's own while it counts."""
    wrong = []
    plans = {row["account_id"]: row.get("plan", {}) for row in tables.of("AccountsTable")}
    month = datetime.fromtimestamp(world.time.at, UTC).strftime("%Y-%m")
    for row in tables.of("UsageTable"):
        account, item = row["account_id"], row["period"]
        if "tier" not in row:
            # A place, a lease, or where the counters stood when a paid period began.
            continue
        tier: Tier = row["tier"]
        live = item in {STORAGE_ITEM, RESOURCES_ITEM} or item >= month
        own = _limits_tier(plans.get(account, {}), item)
        if live and tier != own:
            wrong.append(f"{account} {item} carries {tier}, the account is on {own}")
        if is_month(item) and row["burst_limit"] != world.eyes.catalog.plan(tier).burst.ceiling:
            wrong.append(f"{account} {item} carries {tier} with a burst limit of {row['burst_limit']}")
        for name, limit in limits_of(world.eyes.catalog.plan(tier), item).items():
            used, room = row[f"{name}_used"], row[f"{name}_room"]
            if used + room != limit.ceiling:
                wrong.append(f"{account} {item} {name}: {used} + {room} != {limit.ceiling}")
            if used < 0:
                wrong.append(f"{account} {item} {name}: {used} used")
    return wrong


def places(_world: World, tables: Tables) -> list[str]:
    """As many places are counted as there are."""
    there = Tally((row["account_id"], row["period"].split("#")[1]) for row in tables.of("UsageTable", "place#"))
    wrong = []
    for row in tables.of("UsageTable", RESOURCES_ITEM):
        for field, used in row.items():
            kind = field.removesuffix("_used")
            if field.endswith("_used") and used != there[row["account_id"], kind]:
                wrong.append(f"{row['account_id']} {kind}: {used} counted, {there[row['account_id'], kind]} there")
    return wrong


def ours(world: World) -> list[Json]:
    """The payments that are deposits or reloads."""
    intents = world.stripe.world.all("payment_intent").values()
    return [intent for intent in intents if intent["metadata"].get("kind") in {"deposit", "reload"}]


def payments_once(world: World, tables: Tables) -> list[str]:
    """No payment is credited twice or without its money, and an attempt to reload makes at most one."""
    wrong = []
    attempts = Tally(p["metadata"]["attempt_id"] for p in ours(world) if "attempt_id" in p["metadata"])
    wrong += [f"{attempt} made {times} payments" for attempt, times in attempts.items() if times > 1]
    brought = {payment["id"]: bought(world, payment) for payment in ours(world)}
    for line in tables.of("LedgerTable"):
        if line["type"] in {"deposit", "reload"} and line["amount"] != brought.get(line["transfer_id"], -1):
            wrong.append(f"{line['transfer_id']} brought {line['amount']}, not what was bought of what Stripe received")
    credited = Tally(line["transfer_id"] for line in tables.of("LedgerTable") if line["type"] in {"deposit", "reload"})
    return wrong + [f"{payment} was credited {times} times" for payment, times in credited.items() if times > 1]


def payments_credited(world: World, tables: Tables) -> list[str]:
    """Each payment that Stripe received is in its account's ledger, less what was refunded or is disputed."""
    net: dict[tuple[str, str | None], int] = defaultdict(int)
    for line in tables.of("LedgerTable"):
        if "stripe" in (line["debit"], line["credit"]):
            sign = 1 if line["debit"] == "stripe" else -1
            net[line["account_id"], line.get("reference")] += sign * int(line["amount"])
    wrong = []
    for payment in ours(world):
        expected = left_of(world, payment)
        account = payment["metadata"]["account_id"]
        if net[account, payment["id"]] != expected:
            wrong.append(
                f"{account} {payment['id']}: {net[account, payment['id']]} in the ledger, {expected} at Stripe"
            )
    return wrong


def customers_once(world: World, tables: Tables) -> list[str]:
    """One customer an account, beside those that staff deleted, and it is the one that the account records, if any."""
    wrong = []
    gone = world.stripe.world.all("deleted_customer")
    recorded = {row["account_id"]: row.get("customer_id") for row in tables.of("AccountsTable")}
    made: dict[str, list[str]] = defaultdict(list)
    for customer in world.stripe.world.all("customer").values():
        made[customer["metadata"].get("account_id", "?")].append(customer["id"])
    for account, customers in made.items():
        if len(customers) > 1 or recorded.get(account) not in {None, customers[0], *gone}:
            wrong.append(f"{account}: {customers}, recorded {recorded.get(account)}")
    return wrong


def no_dead_customers(world: World, tables: Tables) -> list[str]:
    """No account records a customer that Stripe has no more."""
    gone = world.stripe.world.all("deleted_customer")
    return [
        f"{row['account_id']} records a deleted customer"
        for row in tables.of("AccountsTable")
        if row.get("customer_id") in gone
    ]


def accounts_once(world: World, tables: Tables) -> list[str]:
    """One connected account a creator."""
    made = Tally(account["metadata"].get("creator_id") for account in world.stripe.world.all("account").values())
    return [f"{creator}: {times} connected accounts" for creator, times in made.items() if times > 1]


def plans_true(world: World, tables: Tables) -> list[str]:
    """Each account is on the plan that Stripe's subscriptions give it, and on Free where there is none.

    But for the tier that an operator gave. Paid outranks owing, and what staff made outranks what Checkout sold.
    """
    wrong = []
    sold = _sold_by_checkout(world)
    for row in tables.of("AccountsTable"):
        own = [s for s in _giving(world) if s["customer"] == row.get("customer_id")]
        plan = row.get("plan", {})
        answer = (plan.get("tier", "free"), plan.get("interval", "monthly"), plan.get("subscription_id"))
        allowed = [_sold(s) for s in _first_rank(own, sold)] or [("free", "monthly", None)]
        expected = [(plan.get("tier_override") or tier, *rest) for tier, *rest in allowed]
        if answer not in expected:
            wrong.append(f"{row['account_id']}: stored {answer}, Stripe says {expected}")
        current = next((s for s in own if s["id"] == plan.get("subscription_id")), None)
        if current is None:
            continue
        if plan.get("cancel_at_period_end", False) != _ends_with_its_period(current):
            wrong.append(f"{row['account_id']}: cancel_at_period_end is not {_ends_with_its_period(current)}")
        surplus = [s for s in own if s is not current and s["id"] in sold and not _ends_with_its_period(s)]
        if _is_paid(current) and surplus:
            wrong.append(f"{row['account_id']}: {[s['id'] for s in surplus]} go on beside {current['id']}")
    return wrong


def _limits_tier(plan: Json, item: str) -> Tier:
    free = plan.get("lapsed") or (plan.get("unpaid_trial") and is_month(item))
    tier: Tier = "free" if free and not plan.get("tier_override") else plan.get("tier", "free")
    return tier


def _giving(world: World) -> list[Json]:
    """The subscriptions to a plan that give it: paid, or still being collected."""
    subscriptions = world.stripe.world.all("subscription").values()
    return [s for s in subscriptions if s["status"] in _PAYING and "tier" in _price_of(s)["metadata"]]


def _sold_by_checkout(world: World) -> set[str]:
    return {session["subscription"] for session in world.stripe.world.all("checkout.session").values()}


def _first_rank(own: list[Json], sold: set[str]) -> list[Json]:
    """Those of which one is the plan. Of a paused collection Stripe's status does not tell whether it is paid."""
    if any(s["pause_collection"] for s in own):
        return own
    ranks = {s["id"]: (not _is_paid(s), s["id"] in sold) for s in own}
    return [s for s in own if ranks[s["id"]] == min(ranks.values())]


def _is_paid(subscription: Json) -> bool:
    return subscription["status"] in {"active", "trialing"}


def _ends_with_its_period(subscription: Json) -> bool:
    end, at = subscription["items"]["data"][0]["current_period_end"], subscription["cancel_at"]
    return bool(subscription["cancel_at_period_end"]) or (at is not None and at <= end)


def _price_of(subscription: Json) -> Json:
    price: Json = subscription["items"]["data"][0]["price"]
    return price


def _sold(subscription: Json) -> tuple[str, str, str]:
    price = _price_of(subscription)
    interval = {"month": "monthly", "year": "yearly"}[price["recurring"]["interval"]]
    return price["metadata"]["tier"], interval, subscription["id"]


def refunds_once(world: World, tables: Tables) -> list[str]:
    """No payment of a subscription is refunded but that of a surplus one, and that once and before it was ended."""
    made = world.stripe.world
    standing = [r for r in made.all("refund").values() if r["status"] != "failed"]
    refunds = Tally(r["payment_intent"] for r in standing if r["metadata"].get("by") != "staff")
    given_back = {r["payment_intent"] for r in standing}
    disputed = {dispute["payment_intent"] for dispute in made.all("dispute").values()}
    sold, wrong = _sold_by_checkout(world), []
    for subscription in made.all("subscription").values():
        intents = _paid_by(made.all("invoice_payment"), subscription["latest_invoice"])
        for intent in set(intents) - disputed:
            if refunds[intent] > 1:
                wrong.append(f"{intent} was refunded {refunds[intent]} times")
            if refunds[intent] and subscription["id"] not in sold:
                wrong.append(f"{intent} was refunded though staff made its subscription")
            if refunds[intent] and subscription["status"] in _PAYING and _older(world, subscription) == 0:
                wrong.append(f"{intent} was refunded though its subscription is the first")
            if intent not in given_back and _ended_at_once_by_us(world, subscription):
                wrong.append(f"{intent} was not refunded though its subscription was ended at once")
    return wrong


def returned_ends(world: World, tables: Tables) -> list[str]:
    """A plan that Checkout sold does not go on once the payment for its period was refunded in full, or lost."""
    made, wrong = world.stripe.world, []
    plans = {row.get("plan", {}).get("subscription_id") for row in tables.of("AccountsTable")} & _sold_by_checkout(
        world
    )
    for subscription in _giving(world):
        intents = _paid_by(made.all("invoice_payment"), subscription["latest_invoice"])
        charges = [made.all("charge")[made.all("payment_intent")[intent]["latest_charge"]] for intent in intents]
        lost = {d["charge"] for d in made.all("dispute").values() if d["status"] == "lost"}
        returned = [charge["refunded"] or charge["id"] in lost for charge in charges]
        if subscription["id"] in plans and returned and all(returned):
            wrong.append(f"{subscription['id']} goes on though its payment was returned")
    return wrong


def staffs_stays(world: World, _tables: Tables) -> list[str]:
    """What staff made is not ended by machine while it is paid."""
    sold = _sold_by_checkout(world)
    return [
        f"{s['id']} was made by staff, and ended by machine"
        for s in world.stripe.world.all("subscription").values()
        if s["id"] not in sold and _paid_by(world.stripe.world.all("invoice_payment"), s["latest_invoice"])
        if _ended_at_once_by_us(world, s)
    ]


def _ended_at_once_by_us(world: World, subscription: Json) -> bool:
    """Neither staff ended it, nor the deletion of its customer, nor a date that was set."""
    by_others = subscription["metadata"].get("ended_by") == "staff" or subscription["cancel_at"] is not None
    gone = subscription["customer"] in world.stripe.world.all("deleted_customer")
    return subscription["status"] == "canceled" and _at_once(subscription) and not by_others and not gone


def small_items(_world: World, tables: Tables) -> list[str]:
    """No item grows without a bound."""
    sizes = {
        (name, str(row)[:80]): len(json.dumps(row, default=str)) for name, rows in tables.rows.items() for row in rows
    }
    return [f"{name}: {row} has {size} bytes" for (name, row), size in sizes.items() if size > _LARGEST_ITEM]


def _paid_by(payments: dict[str, Json], invoice: str) -> list[str]:
    found = [made for made in payments.values() if made["invoice"] == invoice and made["status"] == "paid"]
    return [made["payment"]["payment_intent"] for made in found if made["payment"].get("payment_intent")]


def _older(world: World, subscription: Json) -> int:
    own = [s for s in world.stripe.world.all("subscription").values() if s["customer"] == subscription["customer"]]
    before = own[: [s["id"] for s in own].index(subscription["id"])]
    return len([s for s in before if s["status"] in _PAYING])


def _at_once(subscription: Json) -> bool:
    end = subscription["items"]["data"][0]["current_period_end"]
    return not subscription["cancel_at_period_end"] and (subscription["ended_at"] or end) < end


def transfers_once(world: World, tables: Tables) -> list[str]:
    """A payout makes at most one transfer, of its amount; no transfer is without its payout."""
    payouts = {row["payout_id"]: row for row in tables.of("CreatorsTable", "payout#")}
    wrong = []
    made = Tally(t["metadata"].get("payout_id") for t in world.stripe.world.all("transfer").values())
    wrong += [f"{payout} made {times} transfers" for payout, times in made.items() if times > 1]
    for transfer in world.stripe.world.all("transfer").values():
        payout = payouts.get(transfer["metadata"]["payout_id"])
        if payout is None or payout["amount"] != micros(transfer["amount"]):
            wrong.append(f"{transfer['id']} belongs to no payout of its amount")
    return wrong


def payouts_done(world: World, tables: Tables) -> list[str]:
    """What creators were paid is what Stripe transferred and did not take back."""
    sent: dict[str, int] = defaultdict(int)
    for transfer in world.stripe.world.all("transfer").values():
        sent[transfer["metadata"]["creator_id"]] += micros(transfer["amount"] - transfer["amount_reversed"])
    return [
        f"{row['creator_id']}: paid {row['paid']}, in transit {row['in_transit']}, sent {sent[row['creator_id']]}"
        for row in tables.of("CreatorsTable", "creator")
        if row["paid"] != sent[row["creator_id"]] or row["in_transit"] != 0
    ]


def nobody_gains(world: World, tables: Tables) -> list[str]:
    """What creators were paid, and are to be, is at most what Stripe received of deposits and did not give back.

    So granted money, disputed deposits and refunded charges make no cash, whoever pays whom.
    """
    earned = sum(
        row["paid"] + row["in_transit"] + row["payable"] - row.get("fee_fraction", 0) // FRACTIONS
        for row in tables.of("CreatorsTable", "creator")
    )
    for row in tables.of("CreatorsTable", "due#"):
        earned += row["amount"] - row.get("granted", 0) - row.get("fee_fraction", 0) // FRACTIONS
    left = sum(left_of(world, payment) for payment in ours(world))
    return [f"creators have {earned} of {left} that was paid"] if earned > left else []


def _due(row: Json) -> float:
    """When something is to be done about an item; never, where that is a look alone."""
    return math.inf if row.get("agenda") == LOOK_AGENDA else float(row.get("agenda_at", math.inf))


def nothing_open(world: World, tables: Tables) -> list[str]:
    """Nothing that the schedules are to do is left undone; a look for what may have been lost is no such thing."""
    now = world.time.at
    wrong = []
    for table in ("WalletsTable", "CreatorsTable"):
        wrong += [f"due: {row}" for row in tables.rows[table] if _due(row) <= now]
    for row in tables.of("WalletsTable", "wallet"):
        if row["reload"].get("state") in {"claimed", "submitted"}:
            wrong.append(f"{row['account_id']}: a reload is {row['reload']['state']}")
    return wrong
