"""Auto-reload: when it fires and for how much, what its settings may be, and a sweep that one wallet does not stop."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.payments.cards import OffSession, Payment
from aerostack_billing.reload.service import Reloads
from aerostack_billing.reload.settings import NoPaymentMethod
from aerostack_billing.values.errors import BillingError, InvalidRequest, PaymentsUnavailable
from aerostack_billing.values.fields import validated
from aerostack_billing.values.money import micros
from aerostack_billing.wallet import reload_states as states
from aerostack_billing.wallet.models import Reload, Wallet
from aerostack_billing.wallet.requests import AutoReloadRequest
from tests.rooms.conftest import Time
from tests.rooms.worlds.deposits import deposit, hear_all
from tests.rooms.worlds.reload import configure, payments, shown, spend_to_400, state, use_card
from tests.rooms.worlds.stripe import StripeWorld
from tests.rooms.worlds.wallet import audited, charge, hold, lines

# Firing


def test_below_the_threshold_it_brings_the_amount_once(parts: Runtime, world: StripeWorld, filled: str) -> None:
    charge(parts, filled, 2_000, "to the threshold")
    assert state(parts, filled) == "armed"
    charge(parts, filled, 100, "below it")
    assert shown(parts, filled)["state"] == "due"
    parts.reload.service.sweep()
    parts.reload.service.sweep()
    hear_all(parts, world)
    assert audited(parts, filled).balance == micros(2_400)
    assert lines(parts, filled)[-1] == ("reload", 2_000)
    assert [payment["status"] for payment in payments(world)] == ["succeeded"]
    assert shown(parts, filled)["state"] == "armed"


def test_a_hold_that_takes_the_balance_below_fires_too(parts: Runtime, world: StripeWorld, filled: str) -> None:
    hold(parts, filled, 2_100)
    parts.reload.service.sweep()
    assert audited(parts, filled).balance == micros(2_400)


def test_saving_below_the_threshold_fires(parts: Runtime, world: StripeWorld, account: str) -> None:
    deposit(parts, world, account, 500)
    assert configure(parts, account, threshold_cents=501)["state"] == "due"
    parts.reload.service.sweep()
    assert audited(parts, account).balance == micros(2_500)


def test_saving_at_the_threshold_does_not(parts: Runtime, world: StripeWorld, account: str) -> None:
    deposit(parts, world, account, 500)
    assert configure(parts, account, threshold_cents=500)["state"] == "armed"


def test_a_large_shortfall_is_one_charge_of_a_whole_multiple(parts: Runtime, world: StripeWorld, account: str) -> None:
    deposit(parts, world, account, 500)
    configure(parts, account, threshold_cents=6_000)
    parts.reload.service.sweep()
    assert [payment["amount"] for payment in payments(world)] == [6_000]
    assert audited(parts, account).balance == micros(6_500)


def test_a_deposit_that_came_first_calls_the_reload_off(parts: Runtime, world: StripeWorld, filled: str) -> None:
    spend_to_400(parts, filled)
    deposit(parts, world, filled, 500)
    assert state(parts, filled) == "armed"
    parts.reload.service.sweep()
    assert payments(world) == []


def test_turned_off_it_never_fires_and_never_turns_itself_on(parts: Runtime, world: StripeWorld, filled: str) -> None:
    spend_to_400(parts, filled)
    configure(parts, filled, enabled=False)
    parts.reload.service.sweep()
    use_card(parts, world, filled, "5555555555554444")
    hear_all(parts, world)
    charge(parts, filled, 100, "more")
    parts.reload.service.sweep()
    assert (payments(world), state(parts, filled)) == ([], "off")


@pytest.mark.parametrize(
    ("balance", "debt", "threshold", "amount", "cap_left", "expected"),
    [
        (400, 0, 500, 2_000, None, 2_000),
        (0, 0, 500, 500, None, 500),
        (0, 0, 501, 500, None, 1_000),
        (0, 0, 50_000, 500, None, 5_000),
        (0, 0, 50_000, 5_000, None, 50_000),
        (0, 20_000, 50_000, 30_000, None, 30_000),
        (0, 1_000, 500, 500, None, 1_500),
        (0, 0, 5_000, 1_000, 3_500, 3_000),
        (0, 0, 500, 1_000, 999, 0),
        (0, 0, 500, 1_000, 0, 0),
    ],
)
def test_the_amount_is_the_smallest_multiple_within_the_limits(
    balance: int, debt: int, threshold: int, amount: int, cap_left: int | None, expected: int
) -> None:
    cap = None if cap_left is None else micros(cap_left)
    reload = Reload(True, micros(threshold), micros(amount), cap, "due")
    wallet = Wallet("a", balance=micros(balance), debt=micros(debt), reload=reload)
    assert states.planned(wallet) == micros(expected)


# Settings


def test_it_needs_a_card(parts: Runtime, world: StripeWorld, account: str) -> None:
    with pytest.raises(NoPaymentMethod):
        configure(parts, account)
    assert parts.wallet.store.get(account).version == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"threshold_cents": 0},
        {"threshold_cents": 50_001},
        {"amount_cents": 499},
        {"amount_cents": 50_001},
        {"amount_cents": 2_000.5},
        {"threshold_cents": "500"},
        {"monthly_cap_cents": 1_999},
        {"monthly_cap_cents": 0},
        {"threshold_cents": None},
        {"enabled": "yes"},
        {"currency": "usd"},
    ],
)
def test_a_setting_that_could_never_work_is_refused_when_it_is_saved(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidRequest):
        validated(AutoReloadRequest, {"enabled": True, "threshold_cents": 500, "amount_cents": 2_000, **wrong})


def test_the_monthly_cap_holds_and_waits_for_the_next_month(
    parts: Runtime, world: StripeWorld, filled: str, time_stands: Time
) -> None:
    configure(parts, filled, monthly_cap_cents=3_999)
    spend_to_400(parts, filled)
    parts.reload.service.sweep()
    charge(parts, filled, 2_000, "again")
    parts.reload.service.sweep()
    parts.reload.service.sweep()
    answer = shown(parts, filled)
    assert (answer["state"], answer["next_attempt_at"]) == ("due", "2026-04-01T00:00:00Z")
    assert answer["last_error"]["code"] == "monthly_cap_reached"
    assert len(payments(world)) == 1
    time_stands.to(2026, 4, 1)
    parts.reload.service.sweep()
    assert (len(payments(world)), audited(parts, filled).balance) == (2, micros(2_400))
    assert shown(parts, filled)["last_error"] is None


# The sweep


@dataclass
class Deaf:
    """A listener that keeps what it is told."""

    failures: list[str] = field(default_factory=list)

    def reload_changed(self, wallet: Wallet) -> None:
        """Not looked at."""

    def reload_failed(self, account_id: str, error: BillingError) -> None:
        self.failures.append(account_id)


def test_a_failing_wallet_stops_no_other(parts: Runtime, world: StripeWorld, account: str) -> None:
    accounts = [f"{account}{i}" for i in range(4)]
    for each in accounts:
        deposit(parts, world, each, 2_500)
        configure(parts, each)
        spend_to_400(parts, each)
    listener = Deaf()
    parts.reload.service = Reloads(
        parts.wallet.store,
        parts.accounts.store,
        parts.payments.cards,
        parts.wallet.settlement,
        parts.reload.confirmations,
        listener,
        "https://app.aerostack.dev/",
        5,
    )
    broken = accounts[1]
    pay = parts.payments.cards.pay_off_session

    def break_one(reload: OffSession) -> Payment:
        if reload.account_id == broken:
            raise PaymentsUnavailable("no answer")
        return pay(reload)

    parts.payments.cards.pay_off_session = break_one  # type: ignore[method-assign]
    assert parts.reload.service.sweep().failed == 1
    assert listener.failures == [broken]
    balances = {each: parts.wallet.store.get(each).balance for each in accounts}
    assert balances == {each: micros(400 if each == broken else 2_400) for each in accounts}
