"""What must hold in the end, told from the tables and from what the local Stripe has.

None of it asks the code that writes, but for the audit, which recomputes every balance from the ledger.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

from aerostack_billing.audit.wallets import Violation
from aerostack_billing.plans.models import Tier
from aerostack_billing.usage.store import RESOURCES_ITEM, STORAGE_ITEM, is_month, limits_of
from aerostack_billing.values.money import micros
from tests.simulation import domain_events
from tests.simulation.tables import Tables
from tests.simulation.world import World

Json = dict[str, Any]
_PAYING = {"active", "trialing", "past_due"}
_GONE = {"needs_response", "under_review", "lost"}


def violations(world: World, *, settled: bool = True) -> list[str]:
    """Every invariant that does not hold; `settled`: also those that hold only once nothing is left to do."""
    tables = Tables(world)
    found = [f"audit: {v.account_id} {v.invariant}: {v.expected} != {v.found}" for v in _audit(world)]
    always = (counters, places, payments_once, customers_once, accounts_once, transfers_once, refunds_once)
    for check in (*always, *domain_events.ALWAYS):
        found += [f"{check.__name__}: {answer}" for answer in check(world, tables)]
    if settled:
        for check in (plans_true, payments_credited, payouts_done, nothing_open, *domain_events.SETTLED):
            found += [f"{check.__name__}: {answer}" for answer in check(world, tables)]
    return found


def _audit(world: World) -> tuple[Violation, ...]:
    report = world.eyes.audit.service.run(None)
    assert not report.busy
    return report.violations


def counters(world: World, tables: Tables) -> list[str]:
    """What is used and the room make the hard limit of the item's tier, which is the account's own while it counts."""
    wrong = []
    tiers = {row["account_id"]: row.get("plan", {}).get("tier", "free") for row in tables.of("AccountsTable")}
    month = datetime.fromtimestamp(world.time.at, UTC).strftime("%Y-%m")
    for row in tables.of("UsageTable"):
        account, item = row["account_id"], row["period"]
        if str(item).startswith("place#"):
            continue
        tier: Tier = row["tier"]
        live = item in {STORAGE_ITEM, RESOURCES_ITEM} or item >= month
        if live and tier != tiers.get(account, "free"):
            wrong.append(f"{account} {item} carries {tier}, the account is on {tiers.get(account)}")
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
    received = {payment["id"]: payment["amount_received"] for payment in ours(world)}
    for line in tables.of("LedgerTable"):
        if line["type"] in {"deposit", "reload"} and line["amount"] != micros(received.get(line["transfer_id"], -1)):
            wrong.append(f"{line['transfer_id']} brought {line['amount']}, not what Stripe received")
    credited = Tally(line["transfer_id"] for line in tables.of("LedgerTable") if line["type"] in {"deposit", "reload"})
    return wrong + [f"{payment} was credited {times} times" for payment, times in credited.items() if times > 1]


def payments_credited(world: World, tables: Tables) -> list[str]:
    """Each payment that Stripe received is in its account's ledger, less what was refunded or is disputed."""
    net: dict[tuple[str, str], int] = defaultdict(int)
    signs = {"deposit": 1, "reload": 1, "refund": -1, "dispute": -1, "dispute_reversal": 1}
    for line in tables.of("LedgerTable"):
        if line["type"] in signs:
            net[line["account_id"], line["reference"]] += signs[line["type"]] * int(line["amount"])
    wrong = []
    for payment in ours(world):
        paid = payment["status"] == "succeeded"
        charge = world.stripe.world.all("charge").get(payment["latest_charge"] or "")
        back = (charge["amount_refunded"] + _disputed(world, payment)) if charge and paid else 0
        expected = micros(max(0, payment["amount_received"] - back)) if paid else 0
        account = payment["metadata"]["account_id"]
        if net[account, payment["id"]] != expected:
            wrong.append(
                f"{account} {payment['id']}: {net[account, payment['id']]} in the ledger, {expected} at Stripe"
            )
    return wrong


def _disputed(world: World, payment: Json) -> int:
    disputes = world.stripe.world.all("dispute").values()
    return sum(d["amount"] for d in disputes if d["payment_intent"] == payment["id"] and d["status"] in _GONE)


def customers_once(world: World, tables: Tables) -> list[str]:
    """One customer an account, and it is the one that the account records, if it records one."""
    wrong = []
    recorded = {row["account_id"]: row.get("customer_id") for row in tables.of("AccountsTable")}
    made: dict[str, list[str]] = defaultdict(list)
    for customer in world.stripe.world.all("customer").values():
        made[customer["metadata"].get("account_id", "?")].append(customer["id"])
    for account, customers in made.items():
        if len(customers) > 1 or recorded.get(account) not in {None, customers[0]}:
            wrong.append(f"{account}: {customers}, recorded {recorded.get(account)}")
    return wrong


def accounts_once(world: World, tables: Tables) -> list[str]:
    """One connected account a creator."""
    made = Tally(account["metadata"].get("creator_id") for account in world.stripe.world.all("account").values())
    return [f"{creator}: {times} connected accounts" for creator, times in made.items() if times > 1]


def plans_true(world: World, tables: Tables) -> list[str]:
    """Each account is on what Stripe's one paying subscription says, and on Free where there is none.

    But for the tier that an operator gave.
    """
    wrong = []
    subscriptions = list(world.stripe.world.all("subscription").values())
    for row in tables.of("AccountsTable"):
        own = [s for s in subscriptions if s["customer"] == row.get("customer_id") and s["status"] in _PAYING]
        if len(own) > 1:
            wrong.append(f"{row['account_id']}: {len(own)} subscriptions")
        plan = row.get("plan", {})
        answer = (plan.get("tier", "free"), plan.get("interval", "monthly"), plan.get("subscription_id"))
        sold, *rest = _sold(own[0]) if own else ("free", "monthly", None)
        if answer != (expected := (plan.get("tier_override") or sold, *rest)):
            wrong.append(f"{row['account_id']}: stored {answer}, Stripe says {expected}")
        ends = bool(own) and (own[0]["cancel_at_period_end"] or own[0]["cancel_at"] is not None)
        if plan.get("cancel_at_period_end", False) != ends:
            wrong.append(f"{row['account_id']}: cancel_at_period_end is not {ends}")
    return wrong


def _sold(subscription: Json) -> tuple[str, str, str]:
    price = subscription["items"]["data"][0]["price"]
    interval = {"month": "monthly", "year": "yearly"}[price["recurring"]["interval"]]
    return price["metadata"]["tier"], interval, subscription["id"]


def refunds_once(world: World, tables: Tables) -> list[str]:
    """No payment of a subscription is refunded but that of a surplus one, and that once and before it was ended."""
    made = world.stripe.world
    refunds = Tally(refund["payment_intent"] for refund in made.all("refund").values())
    wrong = []
    for subscription in made.all("subscription").values():
        intents = _paid_by(made.all("invoice_payment"), subscription["latest_invoice"])
        for intent in intents:
            if refunds[intent] > 1:
                wrong.append(f"{intent} was refunded {refunds[intent]} times")
            if refunds[intent] and subscription["status"] in _PAYING and _older(world, subscription) == 0:
                wrong.append(f"{intent} was refunded though its subscription is the first")
            if not refunds[intent] and subscription["status"] == "canceled" and _at_once(subscription):
                wrong.append(f"{intent} was not refunded though its subscription was ended at once")
    return wrong


def _paid_by(payments: dict[str, Json], invoice: str) -> list[str]:
    found = [made for made in payments.values() if made["invoice"] == invoice and made["status"] == "paid"]
    return [made["payment"]["payment_intent"] for made in found]


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


def nothing_open(world: World, tables: Tables) -> list[str]:
    """Nothing that the schedules are to do is left undone."""
    now = int(world.time.at)
    wrong = []
    for table in ("WalletsTable", "CreatorsTable"):
        wrong += [f"due: {row}" for row in tables.rows[table] if row.get("agenda_at", now + 1) <= now]
    for row in tables.of("WalletsTable", "wallet"):
        if row["reload"].get("state") in {"claimed", "submitted"}:
            wrong.append(f"{row['account_id']}: a reload is {row['reload']['state']}")
    return wrong
