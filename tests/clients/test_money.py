"""Money and holds by the client, on the stack: exact, once, and never free because of a failure."""

from __future__ import annotations

from decimal import Decimal

import pytest

from aerostack_billing_client import (
    Cents,
    HeldMoney,
    HoldEnded,
    IdempotencyKeyReused,
    InsufficientBalance,
    PlanLimitExceeded,
    ServerError,
    SpendCapReached,
)
from aerostack_billing_client.money import written
from tests.clients.faults import LOST_AFTER, LOST_BEFORE, Fault, FaultServer, failed, refusal
from tests.clients.people import Clients

GIVE_UP = Fault(effect=False, reply=refusal(503, "STORE_UNAVAILABLE", headers={"Retry-After": "3600"}))
"""A failure after which nothing is tried again: the wait is beyond the deadline."""


class WorkFailed(Exception):
    """The work that money was held for."""


def run(clients: Clients, amount: Cents = 100, key: str = "run-1") -> HeldMoney:
    """Money for one run of an agent."""
    return clients.service.hold(clients.id, "agent_execution", amount, idempotency_key=key)


def state(clients: Clients) -> tuple[int, Decimal]:
    """Micros that can be spent, and cents that are held."""
    wallet = clients.user.balance()
    return wallet.balance_micros, wallet.held_cents


@pytest.mark.parametrize(
    ("amount", "sent"),
    [(2, 2), (Decimal("0.34"), "0.3400"), (Decimal("1e2"), "100.0000"), (Decimal("2.00000"), "2.0000")],
)
def test_a_price_is_sent_exactly(amount: Cents, sent: object) -> None:
    assert written(amount) == sent


@pytest.mark.parametrize("amount", [0.1, 2.0, True, "2", None])
def test_a_float_is_no_price(amount: object) -> None:
    with pytest.raises(TypeError, match="int or a Decimal"):
        written(amount)  # type: ignore[arg-type]


@pytest.mark.parametrize("amount", ["0.00001", "NaN", "Infinity", "1e30"])
def test_what_would_have_to_be_rounded_is_no_price(amount: str) -> None:
    with pytest.raises(ValueError, match="four decimals"):
        written(Decimal(amount))


def test_a_charge_whose_answer_was_lost_is_taken_once_and_to_the_hundredth_of_a_cent(
    clients: Clients, door: FaultServer
) -> None:
    clients.pay_in(500)
    for fault in (LOST_AFTER, LOST_BEFORE, failed(503, effect=True)):
        door.spoil(fault, path="/charges")
        charged = clients.service.charge(clients.id, "bot_conversation", Decimal("0.3401"))
        assert charged.amount_cents == Decimal("0.3401")
        assert charged.replayed == fault.effect
    assert clients.user.balance().balance_micros == 5_000_000 - 3 * 3_401


def test_a_cap_that_is_reached_is_told_with_its_figures(clients: Clients) -> None:
    clients.pay_in(500)
    clients.user.set_spend_cap(100)
    with run(clients, 30), pytest.raises(SpendCapReached) as reached:
        clients.service.charge(clients.id, "bot_conversation", Decimal("70.5"))
    refused = reached.value
    assert (refused.cap_cents, refused.spent_cents, refused.held_cents) == (100, 0, 30)
    assert refused.required_cents == Decimal("70.5")


def test_the_same_key_is_the_same_charge_and_for_another_price_refused(clients: Clients) -> None:
    clients.pay_in(500)
    first = clients.service.charge(clients.id, "bot_conversation", 2, idempotency_key="k")
    again = clients.service.charge(clients.id, "bot_conversation", Decimal("2.0000"), idempotency_key="k")
    assert again.replayed
    assert again.charge_id == first.charge_id
    with pytest.raises(IdempotencyKeyReused):
        clients.service.charge(clients.id, "bot_conversation", 3, idempotency_key="k")


def test_a_wallet_that_is_short_says_by_how_much(clients: Clients) -> None:
    clients.pay_in(500)
    with pytest.raises(InsufficientBalance) as short:
        clients.service.charge(clients.id, "bot_conversation", Decimal("500.25"))
    error = short.value
    assert (error.balance_cents, error.balance_micros) == (500, 5_000_000)
    assert (error.required_cents, error.missing_cents, error.debt_cents) == (Decimal("500.25"), Decimal("0.25"), 0)


def test_a_plan_that_is_used_up_says_so_with_its_figures(clients: Clients) -> None:
    clients.service.consume(clients.id, "api_requests", 55_000)
    with pytest.raises(PlanLimitExceeded) as refused:
        clients.service.consume(clients.id, "api_requests")
    error = refused.value
    assert (error.metric, error.used, error.limit, error.hard_limit) == ("api_requests", 55_000, 50_000, 55_000)
    assert (error.remaining, error.state) == (0, "blocked")
    assert error.period
    clients.service.claim_resource(clients.id, "team_members", "me")
    with pytest.raises(PlanLimitExceeded) as refused:
        clients.service.claim_resource(clients.id, "team_members", "you")
    assert (refused.value.metric, refused.value.period, refused.value.limit) == ("team_members", None, 1)


def test_the_statement_is_read_to_its_end_page_by_page(clients: Clients, door: FaultServer) -> None:
    clients.pay_in(500)
    for cents in (1, 2, 3, 4):
        clients.service.charge(clients.id, "bot_conversation", cents)
    lines = list(clients.user.transactions(page_size=2))
    assert [line.amount_cents for line in lines] == [-4, -3, -2, -1, 500]
    assert [line.balance_after_cents for line in lines] == [490, 494, 497, 499, 500]
    assert len([seen for seen in door.seen if "/transactions" in seen.path]) == 3
    assert [line.type for line in clients.user.transactions("deposit")] == ["deposit"]


# Holds


def test_work_that_succeeds_is_paid_and_the_rest_goes_back(clients: Clients) -> None:
    clients.pay_in(500)
    with run(clients) as hold:
        assert state(clients) == (4_000_000, 100)
        captured = hold.capture(Decimal("12.34"))
    assert captured.captured_cents == Decimal("12.34")
    assert state(clients) == (5_000_000 - 123_400, 0)


def test_work_that_fails_is_free(clients: Clients) -> None:
    clients.pay_in(500)
    with pytest.raises(WorkFailed), run(clients):
        raise WorkFailed
    assert state(clients) == (5_000_000, 0)


def test_work_without_a_price_is_free(clients: Clients) -> None:
    clients.pay_in(500)
    with run(clients) as hold:
        assert hold.captured is None
    assert state(clients) == (5_000_000, 0)


def test_work_does_not_begin_without_money(clients: Clients) -> None:
    with pytest.raises(InsufficientBalance), run(clients):
        raise AssertionError("it began")


@pytest.mark.parametrize("path", ["/holds", "/capture"])
@pytest.mark.parametrize("fault", [LOST_AFTER, failed(503, effect=True)])
def test_work_is_paid_once_whatever_answer_was_lost(
    clients: Clients, door: FaultServer, path: str, fault: Fault
) -> None:
    clients.pay_in(500)
    door.spoil(fault, path=path)
    with run(clients) as hold:
        hold.capture(40)
    assert state(clients) == (4_600_000, 0)


def test_a_capture_of_unknown_outcome_is_not_released_and_done_again_later(clients: Clients, door: FaultServer) -> None:
    clients.pay_in(500)
    hold = run(clients)
    door.spoil(failed(503, effect=True), GIVE_UP, path="/capture")
    with pytest.raises(ServerError) as failure, hold:
        hold.capture(40)
    assert failure.value.outcome_unknown
    assert not door.asked("/release")
    assert hold.capture(40).replayed
    assert state(clients) == (4_600_000, 0)


def test_a_price_above_the_hold_and_the_wallet_keeps_the_hold_and_may_be_paid_in_part(clients: Clients) -> None:
    clients.pay_in(500)
    with run(clients, 400) as hold:
        with pytest.raises(InsufficientBalance):
            hold.capture(600)
        assert state(clients) == (1_000_000, 400)
        captured = hold.capture(600, allow_partial=True)
    assert (captured.captured_cents, captured.short_cents) == (500, 100)
    assert state(clients) == (0, 0)


def test_a_price_that_cannot_be_sent_is_no_capture(clients: Clients) -> None:
    clients.pay_in(500)
    with pytest.raises(ValueError, match="four decimals"), run(clients) as hold:
        hold.capture(Decimal("0.00001"))
    assert state(clients) == (5_000_000, 0)


def test_a_release_that_fails_hides_not_why_the_work_failed(
    clients: Clients, door: FaultServer, caplog: pytest.LogCaptureFixture
) -> None:
    clients.pay_in(500)
    door.spoil(failed(409, code="HOLD_ENDED"), path="/release")
    with pytest.raises(WorkFailed), run(clients):
        raise WorkFailed
    assert "it lapses at" in caplog.text


def test_work_done_again_under_its_key_is_paid_once(clients: Clients) -> None:
    clients.pay_in(500)
    for again in (False, True):
        with run(clients) as hold:
            assert hold.held.replayed == again
            assert hold.capture(40).replayed == again
    with pytest.raises(HoldEnded), run(clients) as hold:
        clients.service.capture_hold(clients.id, hold.held.hold_id, 40, idempotency_key="another")
    assert state(clients) == (4_600_000, 0)


def test_a_hold_is_taken_by_entering_its_block(clients: Clients) -> None:
    with pytest.raises(RuntimeError, match="with block"):
        run(clients).capture(1)
