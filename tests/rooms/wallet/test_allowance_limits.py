"""What bounds an allowance: whose token it is, how long it lives, and that its account owes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.ledger.ledger import Change
from aerostack_billing.values import authority
from aerostack_billing.values.authority import Authority
from aerostack_billing.values.errors import TokenRestricted
from aerostack_billing.values.money import micros
from aerostack_billing.wallet.hold_work import HoldEnded
from aerostack_billing.wallet.rules import InsufficientBalance
from tests.rooms.conftest import Time
from tests.rooms.worlds.allowances import drawn, extended
from tests.rooms.worlds.wallet import audited, capture, fund, hold, owe

DAY = 86_400


@pytest.fixture
def funded(parts: Runtime, account: str) -> Iterator[str]:
    """An account with $100.00, whose books are in order in the end."""
    fund(parts, account, 10_000)
    yield account
    audited(parts, account)


@pytest.mark.parametrize("narrowed", [Authority(kinds=frozenset({"tool_call"})), Authority(most_cents=50)])
def test_a_narrowed_token_draws_on_no_other_kind_s_hold_and_ends_none_that_it_could_not_take(
    parts: Runtime, funded: str, time_stands: Time, narrowed: Authority
) -> None:
    """A capture of nothing that ends a hold is its release."""
    hold_id = hold(parts, funded, 60)["hold_id"]
    mine = {"amount_cents": 1, "kind": "tool_call", "creator_id": "acct_me"}
    for _ in range(2):
        with authority.using(narrowed):
            with pytest.raises(TokenRestricted):
                drawn(parts, funded, hold_id, mine, key="mine", final=True)
            with pytest.raises(TokenRestricted):
                capture(parts, funded, hold_id, 0)
            if narrowed.kinds is not None:
                with pytest.raises(TokenRestricted):
                    drawn(parts, funded, hold_id, mine, key="mine")
        time_stands.forward(901)  # What lapsed may still be captured, and not be ended either.
    assert drawn(parts, funded, hold_id, 60, final=True)["captured_cents"] == 60


def test_a_token_that_takes_little_at_once_draws_on_a_larger_hold_and_leaves_it(parts: Runtime, funded: str) -> None:
    hold_id = hold(parts, funded, 60)["hold_id"]
    with authority.using(Authority(most_cents=50)):
        assert drawn(parts, funded, hold_id, 40)["remaining_cents"] == 20
        assert drawn(parts, funded, hold_id, 1, key="last", final=True)["remaining_cents"] == 0


def test_a_hold_lives_thirty_one_days_at_most_whoever_extends_it(
    parts: Runtime, funded: str, time_stands: Time
) -> None:
    """Its captures are priced by the book of when it was taken: no extension keeps that book's prices for ever."""
    hold_id = hold(parts, funded, 60, ttl_seconds=7 * DAY)["hold_id"]
    for day in range(4):
        time_stands.forward(6 * DAY)
        assert extended(parts, funded, hold_id, ttl=7 * DAY, key=f"e{day}")["amount_cents"] == 60
    first = extended(parts, funded, hold_id, ttl=7 * DAY, key="e3")
    time_stands.forward(1)
    with pytest.raises(HoldEnded):
        extended(parts, funded, hold_id, ttl=7 * DAY, key="too long")
    assert extended(parts, funded, hold_id, ttl=7 * DAY, key="e3") == first
    assert extended(parts, funded, hold_id, ttl=DAY, key="short")["expires_at"] == first["expires_at"]


def test_a_hold_from_before_that_was_kept_lives_so_long_from_its_first_extension(
    parts: Runtime, funded: str, time_stands: Time
) -> None:
    hold_id = hold(parts, funded, 60, ttl_seconds=7 * DAY)["hold_id"]
    kept = parts.wallet.store.hold(funded, hold_id)
    assert kept is not None
    older = parts.wallet.store.changing(kept, replace(kept, taken_at=0))
    parts.wallet.store.apply(funded, lambda wallet: Change(wallet, also=[older]))
    extended(parts, funded, hold_id, ttl=7 * DAY)
    after = parts.wallet.store.hold(funded, hold_id)
    assert after is not None
    assert after.taken_at == int(time_stands.at)


def test_who_owes_has_no_hold_extended_and_its_lapse_pays_the_debt(
    parts: Runtime, funded: str, time_stands: Time
) -> None:
    hold_id = hold(parts, funded, 10_000)["hold_id"]
    owe(parts, funded, 10_000)
    with pytest.raises(InsufficientBalance):
        extended(parts, funded, hold_id)
    assert drawn(parts, funded, hold_id, 100)["captured_cents"] == 100  # What was held before stays guaranteed.
    time_stands.forward(901)
    assert parts.wallet.lapsing.sweep() >= 1
    assert parts.wallet.store.get(funded).debt == micros(100)
