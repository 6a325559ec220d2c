"""Refunds of charges: made once, to the caller in full, out of the creator's share wherever that is."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.creators.models import Creator
from aerostack_billing.creators.posting import CreatorPosting, partition
from aerostack_billing.ledger.ledger import Change
from aerostack_billing.values.errors import IdempotencyKeyReused
from aerostack_billing.values.money import micros
from aerostack_billing.wallet.hold_work import over_id
from aerostack_billing.wallet.refunds import AlreadyRefunded, ChargeNotFound
from aerostack_billing.wallet.requests import SpendCapRequest
from aerostack_billing.wallet.rules import SpendCapReached
from tests.rooms.conftest import Time
from tests.rooms.worlds.creators import call, no_violations, refund, shown
from tests.rooms.worlds.wallet import audited, capture, charge, fund, hold, owe, release


def test_a_refund_gives_the_price_back_and_takes_the_pending_share(parts: Runtime, account: str, creator: str) -> None:
    fund(parts, account, 500)
    made = call(parts, account, creator, 100, "a")
    answer = refund(parts, account, made["charge_id"], reason="The tool failed")
    assert (answer["refunded_cents"], answer["balance_cents"]) == (100, 500)
    assert shown(parts, creator)["pending_cents"] == 0
    assert audited(parts, account).spent == 0
    no_violations(parts, account, creator)


@pytest.mark.parametrize("kind", ["bot_conversation", "agent_execution"])
def test_a_charge_of_any_kind_can_be_refunded(parts: Runtime, account: str, kind: str) -> None:
    fund(parts, account, 500)
    made = charge(parts, account, 100, "a", kind=kind)
    assert refund(parts, account, made["charge_id"])["balance_cents"] == 500
    held = hold(parts, account, 100)
    taken = capture(parts, account, held["hold_id"], 30)
    assert refund(parts, account, taken["charge_id"])["refunded_cents"] == 30
    assert audited(parts, account).balance == micros(500)


def test_a_refund_is_made_once(parts: Runtime, account: str, creator: str) -> None:
    fund(parts, account, 500)
    charge_id = call(parts, account, creator, 100, "a")["charge_id"]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: refund(parts, account, charge_id), range(8)))
    assert all(answer == answers[0] for answer in answers)
    with pytest.raises(AlreadyRefunded):
        refund(parts, account, charge_id, "other")
    with pytest.raises(IdempotencyKeyReused):
        refund(parts, account, charge_id, reason="another body")
    assert audited(parts, account).balance == micros(500)
    assert shown(parts, creator)["pending_cents"] == 0


@pytest.mark.parametrize("charge_id", ["", "ch_", "ch_" + "0" * 40, "pi_1", "hold_" + "0" * 40])
def test_what_is_no_charge_is_404(parts: Runtime, account: str, charge_id: str) -> None:
    with pytest.raises(ChargeNotFound):
        refund(parts, account, charge_id)


def test_a_release_that_stands_where_a_capture_would_is_no_charge(
    parts: Runtime, account: str, time_stands: Time
) -> None:
    fund(parts, account, 500)
    hold_id = hold(parts, account, 100)["hold_id"]
    time_stands.forward(3_600)
    parts.wallet.lapsing.sweep()
    release(parts, account, hold_id)
    with pytest.raises(ChargeNotFound):
        refund(parts, account, over_id(hold_id))


def test_another_accounts_charge_is_404(parts: Runtime, account: str) -> None:
    fund(parts, account, 500)
    charge_id = charge(parts, account, 100, "a")["charge_id"]
    with pytest.raises(ChargeNotFound):
        refund(parts, f"{account}x", charge_id)


def test_a_refund_pays_a_debt_first(parts: Runtime, account: str) -> None:
    fund(parts, account, 500)
    charge_id = charge(parts, account, 400, "a")["charge_id"]
    owe(parts, account, 500)
    refund(parts, account, charge_id)
    wallet = audited(parts, account)
    assert (wallet.balance, wallet.debt) == (0, 0)


def test_a_refund_after_the_share_matured_takes_it_from_what_is_payable_and_then_from_the_next_earnings(
    parts: Runtime, account: str, creator: str, time_stands: Time
) -> None:
    fund(parts, account, 1_000)
    first = call(parts, account, creator, 100, "a")
    time_stands.forward(8 * 86_400)
    parts.creators.payouts.look_after(creator)
    assert shown(parts, creator)["payable_cents"] == 80
    refund(parts, account, first["charge_id"])
    assert shown(parts, creator)["payable_cents"] == 0
    no_violations(parts, account, creator)

    second = call(parts, account, creator, 500, "b")
    call(parts, account, creator, 250, "c")
    time_stands.forward(8 * 86_400)
    parts.creators.payouts.look_after(creator)
    # As if it had been paid: what is payable no longer suffices for the refund.
    parts.creators.store.apply(creator, lambda c: _paid_out(c, micros(400)))
    refund(parts, account, second["charge_id"])
    body = shown(parts, creator)
    assert (body["payable_cents"], body["owed_cents"]) == (0, 200)
    call(parts, account, creator, 500, "d")
    time_stands.forward(8 * 86_400)
    parts.creators.payouts.look_after(creator)
    assert shown(parts, creator)["payable_cents"] == 200
    no_violations(parts, account, creator)


def _paid_out(creator: Creator, amount: int) -> Change[Creator]:
    posting = CreatorPosting(creator)
    posting.begun("po_test", amount)
    posting.arrived("po_test", amount)
    return Change(posting.creator, posting.transfers)


def test_a_refund_that_is_overtaken_by_maturing_takes_the_share_from_what_is_payable(
    parts: Runtime, account: str, creator: str, time_stands: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    fund(parts, account, 1_000)
    charge_id = call(parts, account, creator, 100, "a")["charge_id"]
    time_stands.forward(8 * 86_400)
    read = parts.creators.store.get

    def overtaken(creator_id: str) -> Creator:
        found = read(creator_id)
        monkeypatch.setattr(parts.creators.store, "get", read)
        parts.creators.payouts._mature(creator_id)
        return found

    monkeypatch.setattr(parts.creators.store, "get", overtaken)
    refund(parts, account, charge_id)
    moved = [transfer.type for transfer in parts.creators.store.ledger.whole(partition(creator))]
    assert moved == ["earning", "earning_reversal"]
    no_violations(parts, account, creator)


def test_refunds_while_earnings_mature_lose_and_double_no_micro(
    parts: Runtime, processes: list[Runtime], account: str, creator: str, time_stands: Time
) -> None:
    fund(parts, account, 1_000)
    ids = [call(parts, account, creator, 10, f"k{i}")["charge_id"] for i in range(30)]
    time_stands.forward(8 * 86_400)
    acts: list[Callable[[], object]] = [
        lambda i=i, charge_id=charge_id: refund(processes[i % 8], account, charge_id, f"r{i}")  # type: ignore[misc]
        for i, charge_id in enumerate(ids[:15])
    ]
    acts[7:7] = [lambda i=i: processes[i].creators.payouts._mature(creator) for i in range(4)]  # type: ignore[misc]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda act: act(), acts))
    parts.creators.payouts._mature(creator)
    body = shown(parts, creator)
    assert (body["pending_cents"], body["payable_cents"]) == (0, 15 * 8)
    no_violations(parts, account, creator)


def test_a_refund_of_last_months_charge_gives_nothing_to_this_months_cap(
    parts: Runtime, account: str, time_stands: Time
) -> None:
    fund(parts, account, 1_000)
    parts.wallet.statement.cap(account, SpendCapRequest(monthly_cap_cents=100))
    old = charge(parts, account, 80, "old")
    time_stands.to(2026, 4, 1)
    new = charge(parts, account, 100, "new")
    refund(parts, account, str(old["charge_id"]), "back old")
    with pytest.raises(SpendCapReached):
        charge(parts, account, 1, "over")
    refund(parts, account, str(new["charge_id"]), "back new")
    charge(parts, account, 100, "again")
    audited(parts, account)
