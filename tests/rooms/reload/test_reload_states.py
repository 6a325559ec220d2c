"""Auto-reload's states: what is told of an attempt that is over changes nothing of the one under way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from aerostack_billing.values.money import micros
from aerostack_billing.wallet import reload_states as states
from aerostack_billing.wallet.models import Attempt, Reload, Wallet

UNDER_WAY = Attempt("reload-2", micros(2_000), "cus_1", "pm_1", "fingerprint", 1_000)
WALLET = Wallet(
    "acct_1",
    balance=micros(100),
    reload=Reload(
        enabled=True,
        threshold=micros(500),
        amount=micros(2_000),
        state="claimed",
        attempt=UNDER_WAY,
        next_attempt_at=2_000,
    ),
)
OFF = replace(WALLET, reload=replace(WALLET.reload, enabled=False))

TOLD: dict[str, Callable[[Wallet, str], Wallet]] = {
    "postponed": states.postponed,
    "not made": states.not_made,
    "missed": states.missed,
    "unanswered": states.unanswered,
    "failed": states.failed,
    "submitted": lambda wallet, attempt: states.submitted(wallet, attempt, "pi_1"),
    "to be confirmed": lambda wallet, attempt: states.action_required(wallet, attempt, "pi_1", "https://bank"),
    "declined": lambda wallet, attempt: states.declined(wallet, attempt, "card_declined", "No."),
    "credited": states.credited,
}


@pytest.mark.parametrize("name", TOLD)
def test_what_is_told_of_an_older_attempt_leaves_the_one_under_way(name: str) -> None:
    for wallet in (WALLET, OFF):
        assert TOLD[name](wallet, "reload-1") == wallet


@pytest.mark.parametrize("name", TOLD)
def test_what_is_told_of_the_attempt_under_way_is_noted(name: str) -> None:
    assert TOLD[name](OFF, "reload-2") != OFF


def test_what_is_told_where_none_is_under_way_changes_nothing() -> None:
    over = replace(WALLET, reload=replace(WALLET.reload, state="armed", attempt=None, next_attempt_at=None))
    for answer in TOLD.values():
        assert answer(over, "reload-1") == over
