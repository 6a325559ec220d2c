"""What nobody may come to, alone or with an accomplice, told from the tables and from the local Stripe."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from aerostack_billing.creators.models import FRACTIONS
from aerostack_billing.plans.models import Tier
from aerostack_billing.values.money import micros
from tests.simulation.invariants import ours
from tests.simulation.tables import Json, Tables
from tests.simulation.taxes import left_of
from tests.simulation.world import World

_MONTHS = {"month": 1, "year": 12}


@dataclass(frozen=True)
class Used:
    """What was used of a quota, and when; below zero what was given back."""

    account: str
    metric: str
    at: float
    quantity: int


def gains(world: World, tables: Tables, pair: Collection[str], used: list[Used]) -> list[str]:
    """Where the pair came to more than it paid; `used` is all that it used of quotas."""
    found = [answer for account in pair for answer in _quotas(world, tables, account, used)]
    return found + _money(world, tables, pair)


# Quotas


def _quotas(world: World, tables: Tables, account: str, used: list[Used]) -> Iterator[str]:
    """What was used is no more than Free's months and what invoices charged for, each month's price one quota.

    What an invoice credits for unused time takes that part of the quota off again. Within the stated grace: an invoice
    counts from the moment it is asked for, since the plan stays while Stripe collects, and also when its payment is
    disputed later, for that ends the plan. What a period that ended early owes is taken from the months to come.
    """
    began = next((i for i in tables.of("UsageTable") if (i["account_id"], i["period"]) == (account, "began")), {})
    row = next((row for row in tables.of("AccountsTable") if row["account_id"] == account), {})
    months = sum(1 for item in tables.of("UsageTable") if item["account_id"] == account and "api_requests_used" in item)
    paid = list(_paid(world, row.get("customer_id")))
    plans = world.eyes.catalog
    for metric in sorted({each.metric for each in used}):
        total = sum(each.quantity for each in used if (each.account, each.metric) == (account, metric))
        covered = sum(months_of * plans.plan(tier).quotas[metric].ceiling for tier, months_of in paid)
        owed = int(began.get("owed", {}).get(metric, 0))
        allowed = months * plans.plan("free").quotas[metric].ceiling + covered + owed
        if total > allowed + _ROUNDED:
            yield f"{account} used {total} {metric}, and {int(allowed)} were Free's or paid for"


_ROUNDED = 50_000
"""Stripe rounds a credit to whole cents, and time to seconds: less than a cent's worth of any quota, per change."""


def _paid(world: World, customer: str | None) -> Iterator[tuple[Tier, Fraction]]:
    """The tier and the months of each line of an invoice of the customer, less those that were given back whole."""
    made, returned = world.stripe.world, _returned_invoices(world)
    for invoice in made.all("invoice").values():
        if invoice["customer"] != customer or invoice["status"] in {"draft", "void"} or invoice["id"] in returned:
            continue
        for line in invoice["lines"]["data"]:
            if not line["pricing"]:
                continue
            price = made.all("price")[line["pricing"]["price_details"]["price"]]
            if "tier" in price["metadata"]:
                months = _MONTHS[price["recurring"]["interval"]]
                yield price["metadata"]["tier"], Fraction(line["amount"], price["unit_amount"]) * months


def _returned_invoices(world: World) -> set[str]:
    """Whose payment this code gave back whole: what was bought beside a plan."""
    charges = world.stripe.world.all("charge").values()
    intents = {charge["payment_intent"] for charge in charges if charge["refunded"]}
    payments = world.stripe.world.all("invoice_payment").values()
    return {paid["invoice"] for paid in payments if paid["payment"].get("payment_intent") in intents}


# Money


def _money(world: World, tables: Tables, pair: Collection[str]) -> list[str]:
    """What the pair has of paid money, spendable, held, earned and paid out, is what it deposited and did not get back.

    Less what it owes. So granted money, disputed deposits and refunded charges make no cash, whoever pays whom.
    """
    deposits = [payment for payment in ours(world) if payment["metadata"]["account_id"] in pair]
    came = sum(left_of(world, payment) for payment in deposits)
    wallets = [row for row in tables.of("WalletsTable", "wallet") if row["account_id"] in pair]
    has = sum(_paid_money_of(row) for row in wallets)
    earned = sum(_earned(row) for row in tables.of("CreatorsTable") if row["creator_id"] in pair)
    forgiven = _stood_in(tables, pair)
    wrong = []
    if has + earned > came + forgiven:
        wrong.append(f"{pair}: {has} in wallets and {earned} earned of {came} deposited, {forgiven} stood in for")
    creators = {row["creator_id"]: row for row in tables.of("CreatorsTable", "creator") if row["creator_id"] in pair}
    transfers = world.stripe.world.all("transfer").values()
    mine = [transfer for transfer in transfers if transfer["metadata"]["creator_id"] in creators]
    out = sum(micros(transfer["amount"] - transfer["amount_reversed"]) for transfer in mine)
    owed = sum(int(row["debt"]) for row in wallets) + sum(max(0, -int(row["payable"])) for row in creators.values())
    if out > came + owed:
        wrong.append(f"{pair}: {out} was paid out, {came} came in and stayed, {owed} is owed")
    return wrong


def _paid_money_of(row: Json) -> int:
    """What there is of paid money, held or not, less the debt."""
    granted = int(row.get("granted", 0)) + int(row.get("granted_held", 0))
    return int(row["balance"]) + int(row["held"]) - granted - int(row["debt"])


def _earned(row: Json) -> int:
    """What a creator was paid and is to be, of paid money; or what falls due on a day."""
    fee = int(row.get("fee_fraction", 0)) // FRACTIONS
    if row["item"] == "creator":
        return int(row["paid"]) + int(row["in_transit"]) + int(row["payable"]) - fee
    if str(row["item"]).startswith("due#"):
        return int(row["amount"]) - int(row.get("granted", 0)) - fee
    return 0


_GOES_BACK = {"debt_payment", "refund", "dispute"}


def _stood_in(tables: Tables, pair: Collection[str]) -> int:
    """How much granted money stood in for paid money: it paid a debt, or a deposit back of which too little was left.

    Who grants it decides that. What it is spent on earns no cash all the same: the deposit is gone, and is claimed.
    """
    lines: Iterator[dict[str, Any]] = (line for line in tables.of("LedgerTable") if line["account_id"] in pair)
    return sum(int(line.get("granted", 0)) for line in lines if line["type"] in _GOES_BACK)
