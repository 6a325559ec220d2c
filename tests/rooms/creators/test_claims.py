"""What a deposit that is gone or contested paid for is held while it is pending, and owed once it is paid out."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.ledger.models import Transfer
from aerostack_billing.values.errors import OperatorRefused
from aerostack_billing.values.money import micros
from aerostack_billing.wallet.rules import InsufficientBalance
from tests.rooms.conftest import Time
from tests.rooms.worlds.creators import call, no_violations, onboard, refund, shown, transfers
from tests.rooms.worlds.deposits import deposit, dispute, hear_all
from tests.rooms.worlds.deposits import refund as refund_payment
from tests.rooms.worlds.stripe import StripeWorld
from tests.rooms.worlds.wallet import audited, capture, charge, grant, hold, release

DAY = 86_400


@pytest.fixture
def paid(parts: Runtime, world: StripeWorld, account: str, creator: str) -> str:
    """An account whose deposit of $50.00 paid an onboarded creator, all of it; the payment."""
    onboard(parts, world, creator)
    payment = deposit(parts, world, account, 5_000)
    call(parts, account, creator, 5_000, "call")
    return payment


def seen(parts: Runtime, creator: str) -> tuple[object, ...]:
    """Pending, payable, claimed, owed."""
    answer = shown(parts, creator)
    return tuple(answer[f"{name}_cents"] for name in ("pending", "payable", "claimed", "owed"))


def whole_audit(parts: Runtime, *accounts: str) -> None:
    assert [v for v in parts.audit.service.run(None).violations if v.account_id in accounts] == []


def test_a_dispute_holds_what_is_pending_and_a_won_one_gives_it_back(
    parts: Runtime, world: StripeWorld, account: str, creator: str, paid: str, time_stands: Time
) -> None:
    dispute(world, paid, "needs_response")
    hear_all(parts, world)
    parts.creators.payouts.sweep()
    assert seen(parts, creator) == (0, 0, 4_000, 0)
    time_stands.forward(8 * DAY)
    parts.creators.payouts.sweep()
    assert (transfers(world), seen(parts, creator)) == ([], (0, 0, 4_000, 0))
    whole_audit(parts, account, creator)
    dispute(world, paid, "won")
    hear_all(parts, world)
    parts.creators.payouts.sweep()
    assert seen(parts, creator) == (0, 0, 0, 0)
    assert [made["amount"] for made in transfers(world)] == [4_000]
    whole_audit(parts, account, creator)


@pytest.mark.parametrize("how", ["disputed", "refunded"])
def test_what_is_paid_out_of_a_deposit_that_is_gone_is_owed(
    parts: Runtime, world: StripeWorld, account: str, creator: str, paid: str, time_stands: Time, how: str
) -> None:
    time_stands.forward(8 * DAY)
    parts.creators.payouts.sweep()
    assert [made["amount"] for made in transfers(world)] == [4_000]
    if how == "disputed":
        dispute(world, paid, "needs_response")
    else:
        refund_payment(world, paid)
    hear_all(parts, world)
    parts.creators.payouts.sweep()
    assert seen(parts, creator) == (0, 0, 4_000, 4_000)
    no_violations(parts, account, creator)
    # Who pays the debt pays for the calls: nothing is owed any more.
    deposit(parts, world, account, 5_000)
    parts.creators.payouts.sweep()
    assert seen(parts, creator) == (0, 0, 0, 0)
    whole_audit(parts, account, creator)


def test_a_reported_payment_holds_what_it_pays_for(
    parts: Runtime, world: StripeWorld, account: str, creator: str, time_stands: Time
) -> None:
    onboard(parts, world, creator)
    deposit(parts, world, account, 2_000)
    call(parts, account, creator, 2_000, "before")
    deposit(parts, world, account, 5_000, "4000000000005423")
    hear_all(parts, world)
    call(parts, account, creator, 1_000, "reported")
    parts.creators.payouts.sweep()
    assert seen(parts, creator) == (1_600, 0, 800, 0)
    time_stands.forward(8 * DAY)
    parts.creators.payouts.sweep()
    assert [made["amount"] for made in transfers(world)] == [1_600]
    whole_audit(parts, account, creator)


def test_who_was_paid_by_another_deposit_is_paid(
    parts: Runtime, world: StripeWorld, account: str, creator: str, paid: str, time_stands: Time
) -> None:
    other = f"{creator}_other"
    onboard(parts, world, other)
    deposit(parts, world, account, 5_000)
    call(parts, account, other, 5_000, "other")
    dispute(world, paid, "needs_response")
    hear_all(parts, world)
    time_stands.forward(8 * DAY)
    parts.creators.payouts.sweep()
    assert [made["metadata"]["creator_id"] for made in transfers(world)] == [other]
    assert (seen(parts, creator), seen(parts, other)) == ((0, 0, 4_000, 0), (0, 0, 0, 0))
    whole_audit(parts, account, creator, other)


def test_a_charge_that_is_refunded_after_its_deposit_was_is_taken_back_once(
    parts: Runtime, world: StripeWorld, account: str, creator: str, paid: str, time_stands: Time
) -> None:
    refund_payment(world, paid)
    hear_all(parts, world)
    parts.creators.payouts.sweep()
    (made,) = (line for line in parts.ledger.whole(account) if line.type == "charge")
    refund(parts, account, made.transfer_id)
    time_stands.forward(DAY)
    parts.creators.payouts.sweep()
    assert seen(parts, creator) == (0, 0, 0, 0)
    time_stands.forward(8 * DAY)
    parts.creators.payouts.sweep()
    assert (transfers(world), seen(parts, creator)) == ([], (0, 0, 0, 0))
    whole_audit(parts, account, creator)


def test_a_grant_does_not_turn_a_deposit_that_is_gone_into_cash(
    parts: Runtime, world: StripeWorld, account: str, creator: str, paid: str, time_stands: Time
) -> None:
    grant(parts, account, 5_000)
    refund_payment(world, paid)
    hear_all(parts, world)
    time_stands.forward(8 * DAY)
    parts.creators.payouts.sweep()
    assert (transfers(world), seen(parts, creator)) == ([], (0, 0, 4_000, 0))
    whole_audit(parts, account, creator)


def test_lines_that_the_index_does_not_have_yet_are_waited_for(
    parts: Runtime,
    world: StripeWorld,
    account: str,
    creator: str,
    paid: str,
    time_stands: Time,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dispute(world, paid, "needs_response")
    hear_all(parts, world)
    whole: Callable[[str, int, int], list[Transfer]] = parts.ledger.oldest

    def lagging(account_id: str, above: int, limit: int) -> list[Transfer]:
        return [line for line in whole(account_id, above, limit) if line.type != "charge"]

    with monkeypatch.context() as patched:
        patched.setattr(parts.ledger, "oldest", lagging)
        parts.creators.claims.sweep()
    assert seen(parts, creator) == (4_000, 0, 0, 0)
    parts.creators.claims.sweep()
    assert seen(parts, creator) == (0, 0, 4_000, 0)


def test_a_mark_ends_once_nothing_is_claimed_and_nothing_owed(
    parts: Runtime, world: StripeWorld, account: str, creator: str, paid: str
) -> None:
    dispute(world, paid, "needs_response")
    hear_all(parts, world)
    parts.creators.claims.sweep()
    assert parts.creators.claims._claims.mark(account) is not None
    dispute(world, paid, "won")
    hear_all(parts, world)
    parts.creators.claims.sweep()
    assert parts.creators.claims._claims.mark(account) is None


def test_a_hold_of_a_deposit_that_is_refunded_is_captured_owed_and_claimed(
    parts: Runtime, world: StripeWorld, account: str, creator: str, time_stands: Time
) -> None:
    onboard(parts, world, creator)
    payment = deposit(parts, world, account, 2_000)
    held = hold(parts, account, 1_500, kind="tool_call", creator_id=creator, ttl_seconds=86_400)
    refund_payment(world, payment)
    hear_all(parts, world)
    wallet = audited(parts, account)
    assert (wallet.balance, wallet.held, wallet.debt) == (0, micros(1_500), micros(1_500))
    assert capture(parts, account, held["hold_id"], 1_500)["captured_cents"] == 1_500
    wallet = audited(parts, account)
    assert (wallet.balance, wallet.held, wallet.debt) == (0, 0, micros(1_500))
    with pytest.raises(InsufficientBalance):
        charge(parts, account, 1, "more")
    time_stands.forward(8 * DAY)
    parts.creators.payouts.sweep()
    assert (transfers(world), seen(parts, creator)) == ([], (0, 0, 1_200, 0))
    deposit(parts, world, account, 1_500)
    parts.creators.payouts.sweep()
    assert [made["amount"] for made in transfers(world)] == [1_200]
    whole_audit(parts, account, creator)


def test_a_hold_of_a_deposit_that_is_refunded_pays_the_debt_when_it_is_released(
    parts: Runtime, world: StripeWorld, account: str
) -> None:
    payment = deposit(parts, world, account, 2_000)
    held = hold(parts, account, 1_500)
    refund_payment(world, payment)
    hear_all(parts, world)
    release(parts, account, held["hold_id"])
    wallet = audited(parts, account)
    assert (wallet.balance, wallet.held, wallet.debt) == (0, 0, 0)


def test_an_operator_clears_a_reported_payment(
    parts: Runtime, world: StripeWorld, account: str, creator: str, time_stands: Time
) -> None:
    onboard(parts, world, creator)
    payment = deposit(parts, world, account, 5_000, "4000000000005423")
    hear_all(parts, world)
    call(parts, account, creator, 2_000, "reported")
    parts.creators.payouts.sweep()
    assert seen(parts, creator) == (0, 0, 1_600, 0)
    parts.wallet.settlement.clear(account, payment)
    parts.creators.payouts.sweep()
    assert seen(parts, creator) == (1_600, 0, 0, 0)
    # What the bank takes after all is claimed all the same.
    dispute(world, payment, "needs_response")
    hear_all(parts, world)
    parts.creators.payouts.sweep()
    assert seen(parts, creator) == (0, 0, 1_600, 0)
    with pytest.raises(OperatorRefused):
        parts.wallet.settlement.clear(account, "pi_unknown")
    whole_audit(parts, account, creator)
