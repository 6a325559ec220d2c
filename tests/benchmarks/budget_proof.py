"""Budgets of $0.45 under five calls at once, over processes: `python -m tests.benchmarks.budget_proof [ROUNDS]`.

Each round is a value of its own under a budget of each value. Its calls have random prices, and reach the wallet from
several processes in random order. In the end no counter is above its limit, each is what the accepted calls took, and
the audit finds every line in order. Exit status 1 otherwise.
"""

from __future__ import annotations

import multiprocessing
import random
import sys
import time
from collections import Counter, defaultdict

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.values.fields import validated
from aerostack_billing.values.money import cents, micros
from aerostack_billing.wallet.budgets import EACH, BudgetReached
from aerostack_billing.wallet.requests import BudgetName, BudgetRequest, ChargeRequest
from local.aws.dynamodb_local import dynamodb_local
from local.paths import STATE
from tests.rooms.conftest import connected, made_tables, put_together
from tests.rooms.worlds.wallet import fund

LIMIT = micros(45)
PROCESSES, ACCOUNTS, CALLS, CHUNK = 4, 20, 5, 500
Call = tuple[int, str, str, int]
"""The round, the account, the key, the price in micros."""

_parts: list[Runtime] = []


def _begin(endpoint: str, environment: dict[str, str]) -> None:
    _parts[:] = [put_together(connected(endpoint), environment)]


def _charge(call: Call) -> tuple[int, int]:
    """What a call took of its round's budget; 0 where it was refused."""
    number, account, key, price = call
    body = {
        "account_id": account,
        "kind": "agent_execution",
        "amount_cents": f"{price // 10_000}.{price % 10_000:04d}",
        "billing_mode": "wallet",
        "idempotency_key": key,
        "labels": {"round": f"r{number}"},
    }
    try:
        _parts[0].wallet.charges.charge(ChargeRequest.model_validate(body))
    except BudgetReached:
        return number, 0
    return number, price


def main(rounds: int) -> int:
    """Run the rounds; how many were not as they must be."""
    chance = random.Random(45)
    calls = [
        (number, f"acct_{number % ACCOUNTS}", f"{number}-{call}", chance.randint(1, 200_000))
        for number in range(rounds)
        for call in range(CALLS)
    ]
    taken: dict[int, int] = defaultdict(int)
    with dynamodb_local(STATE / "dynamodb", None) as endpoint:
        environment = made_tables(connected(endpoint))
        parts = put_together(connected(endpoint), environment)
        for number in range(ACCOUNTS):
            fund(parts, f"acct_{number}", 10_000_000)
            wanted = validated(BudgetRequest, {"limit_cents": 45, "window": "total"})
            parts.wallet.budgets.put(f"acct_{number}", BudgetName(label="round", value=EACH), wanted)
        began = time.perf_counter()
        with multiprocessing.get_context("spawn").Pool(PROCESSES, _begin, (endpoint, environment)) as pool:
            for start in range(0, len(calls), CHUNK):
                chunk = calls[start : start + CHUNK]
                chance.shuffle(chunk)
                for number, price in pool.imap_unordered(_charge, chunk):
                    taken[number] += price
        seconds = time.perf_counter() - began
        wrong = _wrong(parts, taken)
    refused = Counter(total > LIMIT for total in taken.values())
    print(f"{rounds} budgets, {len(calls)} calls over {PROCESSES} processes in {seconds:.0f} s")
    print(f"most taken of one: {cents(max(taken.values()))} cents; above the limit: {refused[True]}; wrong: {wrong}")
    return len(wrong)


def _wrong(parts: Runtime, taken: dict[int, int]) -> list[str]:
    wrong = [f"round {number} took {total}" for number, total in taken.items() if total > LIMIT]
    for number in range(ACCOUNTS):
        account = f"acct_{number}"
        wrong += [str(violation) for violation in parts.audit.service.run(account).violations]
        for budget in parts.wallet.store.budgets(account):
            answer = taken[int(budget.value.removeprefix("r"))]
            if budget.spent != answer or budget.spent > LIMIT:
                wrong.append(f"{budget.value} says {budget.spent}, its calls took {answer}")
    return wrong


if __name__ == "__main__":
    sys.exit(1 if main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000) else 0)
