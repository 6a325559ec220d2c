"""Payouts: earnings that matured are paid once, whatever breaks, and what comes back is payable again."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.creators.models import Payout
from aerostack_billing.payments.once import RENEW_AFTER_SECONDS
from tests.rooms.conftest import Time
from tests.rooms.worlds.creators import no_violations, onboard, reverse, shown, transfers
from tests.rooms.worlds.deposits import events, hear_all
from tests.rooms.worlds.plans import deliver
from tests.rooms.worlds.stripe import StripeWorld


@pytest.fixture
def due(parts: Runtime, world: StripeWorld, creator: str, earned: Callable[[int], None], time_stands: Time) -> str:
    """A creator who can be paid, and whose $16.00 are due."""
    onboard(parts, world, creator)
    earned(2_000)
    time_stands.forward(8 * 86_400)
    return creator


def test_earnings_are_paid_by_one_transfer_of_whole_cents_after_the_holding_period(
    parts: Runtime, world: StripeWorld, creator: str, earned: Callable[[int], None], time_stands: Time
) -> None:
    onboard(parts, world, creator)
    earned(2_000)
    earned(1)
    time_stands.forward(7 * 86_400)
    parts.creators.payouts.sweep()
    assert transfers(world) == []
    time_stands.forward(86_400)
    parts.creators.payouts.sweep()
    parts.creators.payouts.sweep()
    assert [(made["amount"], made["metadata"]["creator_id"]) for made in transfers(world)] == [(1_600, creator)]
    answer = shown(parts, creator)
    assert (answer["paid_cents"], answer["payable_cents"], answer["in_transit_cents"]) == (1_600, 0.8, 0)
    assert [payout["state"] for payout in answer["payouts"]] == ["paid"]
    no_violations(parts, creator)


def test_below_the_minimum_nothing_is_paid(
    parts: Runtime, world: StripeWorld, creator: str, earned: Callable[[int], None], time_stands: Time
) -> None:
    onboard(parts, world, creator)
    earned(1_249)
    time_stands.forward(8 * 86_400)
    parts.creators.payouts.sweep()
    assert transfers(world) == []
    earned(500)
    time_stands.forward(8 * 86_400)
    parts.creators.payouts.sweep()
    assert [made["amount"] for made in transfers(world)] == [1_399]


def test_who_is_not_onboarded_earns_and_is_paid_once_onboarded(
    parts: Runtime, world: StripeWorld, creator: str, earned: Callable[[int], None], time_stands: Time
) -> None:
    earned(2_000)
    time_stands.forward(8 * 86_400)
    parts.creators.payouts.sweep()
    assert shown(parts, creator)["payable_cents"] == 1_600
    onboard(parts, world, creator)
    parts.creators.payouts.sweep()
    assert [made["amount"] for made in transfers(world)] == [1_600]


def test_a_restricted_account_is_not_paid_until_it_is_healed(
    parts: Runtime, world: StripeWorld, creator: str, earned: Callable[[int], None], time_stands: Time
) -> None:
    onboard(parts, world, creator)
    account_id = parts.creators.store.get(creator).connected_account_id
    world.door(f"accounts/{account_id}", {"restricted": True})
    earned(2_000)
    time_stands.forward(8 * 86_400)
    parts.creators.payouts.sweep()
    assert transfers(world) == []
    assert parts.creators.store.payouts(creator, 10) == []
    assert shown(parts, creator)["onboarding"] == "restricted"
    world.door(f"accounts/{account_id}", {"restricted": False})
    hear_all(parts, world)
    parts.creators.payouts.sweep()
    assert [made["amount"] for made in transfers(world)] == [1_600]


@pytest.mark.parametrize(
    ("kind", "hours"),
    [
        ("timeout_before", 1),
        ("timeout_before", 40),
        ("timeout_after", 1),
        ("timeout_after", 40),
        # Stripe replays a 500 to its key for a day.
        ("500_before", 1),
        ("500_before", 40),
        ("500_after", 1),
        ("500_after", 40),
    ],
)
def test_a_payout_whose_outcome_is_unknown_is_resumed_and_pays_once(
    parts: Runtime,
    world: StripeWorld,
    due: str,
    time_stands: Time,
    kind: str,
    hours: int,
) -> None:
    world.door("faults", {"on": "transfers.create", "kind": kind})
    parts.creators.payouts.sweep()
    # After a 500 the transfer is looked for at once, and one that was made is found.
    assert shown(parts, due)["in_transit_cents"] == (0 if kind == "500_after" else 1_600)
    no_violations(parts, due)
    time_stands.forward(hours * 3_600)
    parts.creators.payouts.sweep()
    # A transfer that was looked for in vain is created under a new key after a second look.
    time_stands.forward(RENEW_AFTER_SECONDS)
    parts.creators.payouts.sweep()
    assert [made["amount"] for made in transfers(world)] == [1_600]
    assert shown(parts, due)["paid_cents"] == 1_600
    no_violations(parts, due)


@pytest.mark.parametrize("where", ["_make", "_conclude"])
def test_a_payout_killed_before_or_after_the_transfer_pays_once(
    parts: Runtime, world: StripeWorld, due: str, time_stands: Time, where: str
) -> None:
    class Killed(Exception):
        pass

    def kill(*_: object) -> None:
        raise Killed

    whole = getattr(parts.creators.payouts, where)
    setattr(parts.creators.payouts, where, kill)
    with pytest.raises(Killed):
        parts.creators.payouts.look_after(due)
    setattr(parts.creators.payouts, where, whole)
    time_stands.forward(3_600)
    parts.creators.payouts.sweep()
    assert [made["amount"] for made in transfers(world)] == [1_600]
    no_violations(parts, due)


def test_eight_sweeps_at_once_pay_once(
    parts: Runtime,
    processes: list[Runtime],
    world: StripeWorld,
    due: str,
    time_stands: Time,
) -> None:
    for process in processes:
        process.payments.connect = parts.payments.connect
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda process: process.creators.payouts.sweep(), processes))
    time_stands.forward(3_600)
    parts.creators.payouts.sweep()
    assert [made["amount"] for made in transfers(world)] == [1_600]
    no_violations(parts, due)


def test_a_refused_payout_is_payable_again_with_the_reason(
    parts: Runtime, world: StripeWorld, due: str, time_stands: Time
) -> None:
    world.door("settings", {"transfers_need_balance": True})
    parts.creators.payouts.sweep()
    answer = shown(parts, due)
    assert (answer["payable_cents"], answer["in_transit_cents"]) == (1_600, 0)
    assert (answer["payouts"][0]["state"], answer["payouts"][0]["reason"]) == ("failed", "balance_insufficient")
    no_violations(parts, due)
    world.door("settings", {"transfers_need_balance": False})
    time_stands.forward(86_400)
    parts.creators.payouts.sweep()
    assert [made["amount"] for made in transfers(world)] == [1_600]


def test_a_reversed_payout_is_payable_again_once(parts: Runtime, world: StripeWorld, due: str) -> None:
    parts.creators.payouts.sweep()
    reverse(world, transfers(world)[0]["id"])
    hear_all(parts, world)
    hear_all(parts, world)
    answer = shown(parts, due)
    assert (answer["payable_cents"], answer["paid_cents"]) == (1_600, 0)
    assert answer["payouts"][0]["state"] == "reversed"
    no_violations(parts, due)


def test_a_payout_that_is_reversed_in_two_parts_is_payable_again_once(
    parts: Runtime, world: StripeWorld, due: str
) -> None:
    parts.creators.payouts.sweep()
    for cents, back in ((600, 600), (1_000, 1_600)):
        reverse(world, transfers(world)[0]["id"], cents)
        hear_all(parts, world)
        answer = shown(parts, due)
        assert (answer["payable_cents"], answer["paid_cents"]) == (back, 1_600 - back)
        no_violations(parts, due)


def test_a_reversal_that_is_overtaken_by_the_rest_is_payable_again_once(
    parts: Runtime, world: StripeWorld, due: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts.creators.payouts.sweep()
    transfer_id, read = transfers(world)[0]["id"], parts.creators.store.payout
    reverse(world, transfer_id, 600)

    def overtaken(creator_id: str, payout_id: str) -> Payout | None:
        payout = read(creator_id, payout_id)
        monkeypatch.setattr(parts.creators.store, "payout", read)
        reverse(world, transfer_id, 1_000)
        deliver(parts, events(world, "transfer.reversed")[-1])
        return payout

    monkeypatch.setattr(parts.creators.store, "payout", overtaken)
    deliver(parts, events(world, "transfer.reversed")[0])
    answer = shown(parts, due)
    assert (answer["payable_cents"], answer["paid_cents"]) == (1_600, 0)
    no_violations(parts, due)


def test_a_bank_that_refuses_is_told_to_the_creator(
    parts: Runtime, world: StripeWorld, creator: str, earned: Callable[[int], None], time_stands: Time
) -> None:
    onboard(parts, world, creator)
    account_id = parts.creators.store.get(creator).connected_account_id or ""
    event = {
        "id": f"evt_{creator}",
        "type": "payout.failed",
        "created": 1,
        "account": account_id,
        "data": {"object": {"id": "po_1", "failure_code": "account_closed"}},
    }
    assert deliver(parts, event).result == "processed"
    assert shown(parts, creator)["last_error"] == "bank: account_closed"
