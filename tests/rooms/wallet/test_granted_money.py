"""Granted and deposited money are kept apart: granted money is spent first, and never becomes cash."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.creators.earnings import Earnings
from aerostack_billing.ledger.ledger import Change
from aerostack_billing.wallet.models import view_wallet
from tests.rooms.conftest import Time
from tests.rooms.worlds.creators import call, no_violations, onboard, refund, shown, transfers
from tests.rooms.worlds.stripe import StripeWorld
from tests.rooms.worlds.wallet import audited, capture, charge, fund, grant, hold, owe, release

CENT = 10_000


def granted(parts: Runtime, account: str) -> tuple[int, int]:
    """The balance and what of it was granted, in cents, after the audit found nothing wrong."""
    wallet = audited(parts, account)
    return wallet.balance // CENT, wallet.granted // CENT


def test_granted_money_is_spent_first_and_a_refund_gives_each_part_back(parts: Runtime, account: str) -> None:
    fund(parts, account, 1_000)
    grant(parts, account, 500)
    assert granted(parts, account) == (1_500, 500)
    first = charge(parts, account, 300, "a")
    both = charge(parts, account, 700, "b")
    assert granted(parts, account) == (500, 0)
    refund(parts, account, both["charge_id"], "rb")
    assert granted(parts, account) == (1_200, 200)
    refund(parts, account, first["charge_id"], "ra")
    assert granted(parts, account) == (1_500, 500)
    answer = view_wallet(parts.wallet.store.get(account))
    assert (answer["balance_cents"], answer["granted_cents"]) == (1_500, 500)


def test_a_hold_sets_both_parts_aside_and_gives_each_back(parts: Runtime, account: str) -> None:
    fund(parts, account, 1_000)
    grant(parts, account, 500)
    held = hold(parts, account, 800, "h1")
    assert granted(parts, account) == (700, 0)
    release(parts, account, held["hold_id"])
    assert granted(parts, account) == (1_500, 500)
    held = hold(parts, account, 800, "h2")
    capture(parts, account, held["hold_id"], 200)
    assert granted(parts, account) == (1_300, 300)


def test_a_refunded_deposit_takes_deposited_money_first(parts: Runtime, account: str) -> None:
    fund(parts, account, 1_000)
    grant(parts, account, 500)
    owe(parts, account, 1_000)
    assert granted(parts, account) == (500, 500)


def test_a_debt_is_paid_with_granted_money_too(parts: Runtime, account: str) -> None:
    fund(parts, account, 1_000)
    charge(parts, account, 800, "a")
    owe(parts, account, 1_000)
    grant(parts, account, 1_000)
    assert granted(parts, account) == (200, 200)


# Creators


def test_what_granted_money_paid_is_shown_and_never_paid_out(
    parts: Runtime, world: StripeWorld, account: str, creator: str, time_stands: Time
) -> None:
    onboard(parts, world, creator)
    grant(parts, account, 10_000)
    fund(parts, account, 2_000)
    call(parts, account, creator, 9_000, "granted")
    call(parts, account, creator, 2_000, "both")
    answer = shown(parts, creator)
    assert (answer["pending_cents"], answer["granted_cents"]) == (800, 8_000)
    fund(parts, account, 2_000, "pi_2")
    call(parts, account, creator, 2_000, "deposited")
    time_stands.forward(8 * 86_400)
    parts.creators.payouts.sweep()
    assert [made["amount"] for made in transfers(world)] == [800 + 1_600]
    answer = shown(parts, creator)
    assert (answer["payable_cents"], answer["granted_cents"]) == (0, 8_000)
    no_violations(parts, account, creator)
    own = [v for v in parts.audit.service.run(None).violations if v.account_id in {account, creator}]
    assert own == []


def test_a_stack_may_pay_for_granted_money(parts: Runtime, account: str, creator: str) -> None:
    parts.creators.earnings = Earnings(parts.creators.store, 2_000, 7, 0, parts.telemetry, pays_granted=True)
    grant(parts, account, 1_000)
    call(parts, account, creator, 1_000, "a")
    answer = shown(parts, creator)
    assert (answer["pending_cents"], answer["granted_cents"]) == (800, 0)


@pytest.mark.parametrize("days", [0, 8])
def test_a_refund_takes_each_part_of_the_creators_share_back(
    parts: Runtime, account: str, creator: str, time_stands: Time, days: int
) -> None:
    grant(parts, account, 1_000)
    fund(parts, account, 1_000)
    made = call(parts, account, creator, 1_500, "a")
    time_stands.forward(days * 86_400)
    parts.creators.payouts.look_after(creator)
    refund(parts, account, made["charge_id"])
    answer = shown(parts, creator)
    zeros = ("pending_cents", "payable_cents", "granted_cents", "owed_cents")
    assert [answer[name] for name in zeros] == [0, 0, 0, 0]
    assert granted(parts, account) == (2_000, 1_000)
    no_violations(parts, account, creator)


def test_the_audit_names_granted_money_that_no_line_explains(parts: Runtime, account: str) -> None:
    fund(parts, account, 500)
    parts.wallet.store.apply(account, lambda wallet: Change(replace(wallet, granted=1)))
    found = {violation.invariant for violation in parts.audit.service.run(account).violations}
    assert found == {"granted is the sum of its transfers"}


# Fractions of the platform's fee


def test_five_hundred_charges_of_next_to_nothing_pay_the_fee(
    parts: Runtime, account: str, creator: str, time_stands: Time
) -> None:
    fund(parts, account, 500)
    for number in range(500):
        call(parts, account, creator, "0.0004", f"k{number}")
    assert shown(parts, creator)["pending_cents"] == 0.16
    time_stands.forward(8 * 86_400)
    assert shown(parts, creator)["payable_cents"] == 0.16
    parts.creators.payouts.look_after(creator)
    assert shown(parts, creator)["payable_cents"] == 0.16
    no_violations(parts, account, creator)


@pytest.mark.parametrize("days", [0, 8])
def test_the_fraction_of_a_refunded_charge_is_taken_back(
    parts: Runtime, account: str, creator: str, time_stands: Time, days: int
) -> None:
    fund(parts, account, 500)
    made = [call(parts, account, creator, "0.0003", f"k{number}") for number in range(5)]
    time_stands.forward(days * 86_400)
    parts.creators.payouts.look_after(creator)
    for each in made:
        refund(parts, account, each["charge_id"], f"r{each['charge_id']}")
    time_stands.forward(8 * 86_400)
    call(parts, account, creator, "0.0001", "after")
    time_stands.forward(9 * 86_400)
    parts.creators.payouts.look_after(creator)
    stored = parts.creators.store.get(creator)
    # What is left is the one charge: a micro, of which the platform's fifth is still a fraction.
    assert (stored.payable, stored.fee_fraction) == (1, 2_000)
    no_violations(parts, account, creator)
