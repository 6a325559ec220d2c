"""Charges by a queue that delivers at least once: taken once, by few writes, in order, and nothing lost silently."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.platform.dynamo import Write
from aerostack_billing.values.errors import StoreUnavailable
from aerostack_billing.values.money import micros
from aerostack_billing.wallet.queued_charges import CALLER, Message, Taken
from tests.rooms.conftest import Meter, Time
from tests.rooms.worlds.usage import Letters
from tests.rooms.worlds.wallet import audited, charge, fund, queued


@pytest.fixture
def funded(parts: Runtime, account: str) -> str:
    fund(parts, account, 1_000)
    return account


def told(parts: Runtime, account: str) -> list[dict[str, Any]]:
    """The events of an account that wait to be sent."""
    details = [json.loads(record.detail) for record in parts.outbox.store.waiting()]
    return [detail for detail in details if (detail["type"], detail["account_id"]) == ("charge.refused", account)]


def broken_for(parts: Runtime, account: str, monkeypatch: pytest.MonkeyPatch) -> None:
    transact = parts.dynamo.transact

    def down_for_one(writes: Sequence[Write]) -> None:
        if any((write.put or {}).get("account_id") == account for write in writes):
            raise StoreUnavailable("The store did not answer.")
        transact(writes)

    monkeypatch.setattr(parts.dynamo, "transact", down_for_one)


# Once, and in order


@pytest.mark.usefixtures("letters")
def test_a_message_is_one_charge_or_a_batch(parts: Runtime, funded: str) -> None:
    one = queued("m1", {"account_id": funded, "idempotency_key": "a"})
    two = queued("m2", *({"account_id": funded, "idempotency_key": key, "amount_cents": "0.34"} for key in "bc"))
    assert parts.wallet.queued.run([one, two]) == Taken(charged=3)
    assert audited(parts, funded).balance == micros(998) - 6_800


@pytest.mark.usefixtures("letters")
def test_each_charge_names_who_sent_its_message_also_where_several_come_in_one_delivery(
    parts: Runtime, funded: str
) -> None:
    senders = ["AROAJOBS:nightly", "AROAJOBS:hourly", "AIDASHIPPER", None, "AROAJOBS:nightly"]
    messages = [
        replace(queued(f"m{place}", {"account_id": funded, "idempotency_key": str(place)}), principal=sender)
        for place, sender in enumerate(senders)
    ]
    assert parts.wallet.queued.run(messages) == Taken(charged=5)
    jobs, shipper = f"{CALLER}:AROAJOBS", f"{CALLER}:AIDASHIPPER"
    lines = [transfer for transfer in parts.ledger.whole(funded) if transfer.type == "charge"]
    assert [line.caller for line in lines] == [jobs, jobs, shipper, CALLER, jobs]
    assert audited(parts, funded).balance == micros(990)


@pytest.mark.usefixtures("letters")
def test_what_is_delivered_again_is_charged_once_with_whatever_it_comes(parts: Runtime, funded: str) -> None:
    first = queued("m1", *({"account_id": funded, "idempotency_key": key} for key in "ab"))
    second = queued("m2", {"account_id": funded, "idempotency_key": "c"})
    for delivery in ([first], [first, second], [second, first], [queued("m3", *json.loads(first.body)["charges"])]):
        assert parts.wallet.queued.run(delivery).again == frozenset()
    assert audited(parts, funded).balance == micros(994)


@pytest.mark.usefixtures("letters")
def test_a_key_is_the_same_one_in_a_message_and_in_a_call(parts: Runtime, funded: str) -> None:
    made = charge(parts, funded, 2, "k")
    assert parts.wallet.queued.run([queued("m1", {"account_id": funded, "idempotency_key": "k"})]).charged == 1
    assert audited(parts, funded).balance == micros(998)
    assert made["charge_id"] == parts.ledger.whole(funded)[-1].transfer_id


@pytest.mark.usefixtures("letters")
def test_the_charges_of_an_account_are_taken_in_the_order_in_which_they_were_sent(parts: Runtime, account: str) -> None:
    fund(parts, account, 10)
    asked = [{"account_id": account, "idempotency_key": f"k{n}", "amount_cents": n} for n in (6, 5, 4)]
    done = parts.wallet.queued.run([queued(f"m{n}", one) for n, one in enumerate(asked)])
    assert done == Taken(charged=2, unpaid=1)
    assert [line.amount for line in parts.ledger.whole(account)[1:]] == [micros(6), micros(4)]


@pytest.mark.usefixtures("letters")
def test_the_ledger_says_that_it_came_by_the_queue(parts: Runtime, funded: str) -> None:
    parts.wallet.queued.run([queued("m1", {"account_id": funded, "idempotency_key": "a"})])
    assert parts.ledger.whole(funded)[-1].caller == CALLER


# Few writes


@pytest.mark.usefixtures("letters")
def test_ten_messages_of_one_account_are_one_transaction(parts: Runtime, funded: str, meter: Meter) -> None:
    messages = [queued(f"m{n}", {"account_id": funded, "idempotency_key": f"k{n}"}) for n in range(10)]
    parts.callers.check(CALLER)  # Remembered for half a minute.
    meter.reset()
    parts.wallet.queued.run(messages)
    assert meter.operations == ["GetItem", "GetItem", "TransactWriteItems"]


@pytest.mark.usefixtures("letters")
def test_a_delivery_of_a_thousand_charges_is_taken(parts: Runtime, account: str) -> None:
    fund(parts, account, 10_000)
    asked = [{"account_id": account, "idempotency_key": f"k{n}"} for n in range(1_000)]
    messages = [queued(f"m{n}", *asked[n * 100 : n * 100 + 100]) for n in range(10)]
    assert parts.wallet.queued.run(messages) == Taken(charged=1_000)
    assert audited(parts, account).balance == micros(8_000)


# Unpaid


def test_what_the_wallet_cannot_pay_is_an_event_and_kept_with_the_reason_where_it_rings_nobody(
    parts: Runtime, account: str, letters: Letters, refused: Letters
) -> None:
    fund(parts, account, 3)
    dear = {"account_id": account, "idempotency_key": "b", "amount_cents": "4.5", "labels": {"agent": "a"}}
    one = queued("m1", {"account_id": account, "idempotency_key": "a"}, {**dear, "reference": "run-1"})
    assert parts.wallet.queued.run([one]) == Taken(charged=1, unpaid=1)
    (event,) = told(parts, account)
    assert event["correlation_id"] == event["data"]["message_id"] == "m1"
    del event["data"]["charge_id"]
    assert event["data"] == {
        "idempotency_key": "b",
        "kind": "bot_conversation",
        "billing_mode": "wallet",
        "amount_cents": 4.5,
        "code": "INSUFFICIENT_BALANCE",
        "reference": "run-1",
        "labels": {"agent": "a"},
        "message_id": "m1",
    }
    (letter,) = refused.kept
    assert letters.kept == []
    assert [raw["idempotency_key"] for raw in json.loads(letter[0])["charges"]] == ["b"]
    assert letter[1].startswith("INSUFFICIENT_BALANCE ")


@pytest.mark.usefixtures("letters")
def test_the_event_of_an_unpaid_charge_is_the_same_at_every_delivery(
    parts: Runtime, account: str, time_stands: Time
) -> None:
    one = queued("m1", {"account_id": account, "idempotency_key": "a"})
    for _ in range(2):
        parts.wallet.queued.run([one])
        time_stands.forward(190)
    assert len(told(parts, account)) == 1


@pytest.mark.usefixtures("letters")
def test_an_unpaid_charge_that_stands_twice_in_a_message_is_one_event(
    parts: Runtime, account: str, refused: Letters
) -> None:
    one = {"account_id": account, "idempotency_key": "a"}
    assert parts.wallet.queued.run([queued("m1", one, one)]) == Taken(unpaid=2)
    assert len(told(parts, account)) == 1
    assert len(refused.kept) == 1


@pytest.mark.usefixtures("letters")
def test_an_unpaid_charge_is_paid_once_when_its_letter_is_sent_again(
    parts: Runtime, account: str, refused: Letters
) -> None:
    parts.wallet.queued.run([queued("m1", {"account_id": account, "idempotency_key": "a"})])
    fund(parts, account, 10)
    for name in ("m2", "m3"):
        assert parts.wallet.queued.run([Message(name, refused.kept[0][0], account, 0.0)]).charged == 1
    assert audited(parts, account).balance == micros(8)


# Dead


@pytest.mark.parametrize(
    "body", ["", "{", "[]", '{"charges": []}', '{"charges": [1]}', json.dumps({"charges": [{}] * 101})]
)
def test_a_body_that_is_neither_charge_nor_batch_is_put_aside_as_it_is(
    parts: Runtime, letters: Letters, body: str
) -> None:
    assert parts.wallet.queued.run([Message("m1", body, "g", 0.0)]) == Taken(dead=1)
    (kept,) = letters.kept
    assert (kept[0], kept[2]) == (body, "m1")
    assert kept[1].startswith("INVALID_")


def test_a_charge_that_can_never_be_taken_is_put_aside_and_the_others_are_taken(
    parts: Runtime, funded: str, letters: Letters, refused: Letters
) -> None:
    charge(parts, funded, 2, "used")
    wrong: list[dict[str, Any]] = [
        {"account_id": funded, "idempotency_key": "w1", "amount_cents": -1},
        {"account_id": funded, "idempotency_key": "w2", "kind": "gift"},
        {"account_id": funded, "idempotency_key": "used", "amount_cents": 3},
        {"account_id": funded},
    ]
    fine = [{"account_id": funded, "idempotency_key": key} for key in "ab"]
    assert parts.wallet.queued.run([queued("m1", fine[0], *wrong, fine[1])]) == Taken(charged=2, dead=4)
    by_code = {reason.partition(" ")[0]: json.loads(body)["charges"] for body, reason, _ in letters.kept}
    assert {code: len(charges) for code, charges in by_code.items()} == {
        "INVALID_REQUEST": 3,
        "IDEMPOTENCY_KEY_REUSED": 1,
    }
    assert (told(parts, funded), refused.kept) == ([], [])


def test_what_could_not_be_put_aside_comes_again_with_what_its_account_sent_after_it(
    parts: Runtime, funded: str, account: str, letters: Letters
) -> None:
    letters.down = True
    other = f"{account}x"
    fund(parts, other, 10)
    messages = [
        Message("m1", "{", funded, 0.0),
        queued("m2", {"account_id": funded, "idempotency_key": "a"}),
        queued("m3", {"account_id": other, "idempotency_key": "a"}),
    ]
    assert parts.wallet.queued.run(messages) == Taken(charged=1, again=frozenset({"m1", "m2"}))
    letters.down = False
    assert parts.wallet.queued.run(messages[:2]) == Taken(charged=1, dead=1)
    assert audited(parts, funded).balance == micros(998)


# Again


def test_what_the_store_did_not_take_comes_again_and_other_accounts_are_done_with(
    parts: Runtime, funded: str, account: str, letters: Letters, refused: Letters, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = f"{account}x"
    fund(parts, other, 1)
    messages = [
        queued("m1", {"account_id": funded, "idempotency_key": "a"}),
        queued("m2", {"account_id": other, "idempotency_key": "a"}),
        queued("m3", {"account_id": funded, "idempotency_key": "b", "kind": "gift"}),
    ]
    with monkeypatch.context() as patch:
        broken_for(parts, funded, patch)
        done = parts.wallet.queued.run(messages)
    assert done == Taken(unpaid=1, again=frozenset({"m1", "m3"}))
    assert ([letter[2] for letter in refused.kept], letters.kept) == (["m2"], [])
    assert parts.wallet.queued.run([messages[0], messages[2]]) == Taken(charged=1, dead=1)


@pytest.mark.usefixtures("letters")
def test_nothing_of_an_account_is_taken_before_what_it_sent_earlier(
    parts: Runtime, funded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [{"account_id": funded, "idempotency_key": f"k{n}"} for n in range(200)]
    messages = [queued("m1", *asked[:100]), queued("m2", *asked[100:])]
    with monkeypatch.context() as patch:
        broken_for(parts, funded, patch)
        patch.setattr(parts.wallet.batch, "run", _only_once(parts.wallet.batch.run))
        assert parts.wallet.queued.run(messages).again == {"m1", "m2"}
    assert len(parts.ledger.whole(funded)) == 1


def _only_once(run: Any) -> Any:  # noqa: ANN401
    """The batch, which refuses to be called a second time with anything."""
    calls: list[int] = []

    def once(charges: Sequence[dict[str, object]]) -> object:
        assert not (calls and charges), "the later message was taken all the same"
        calls.append(1)
        return run(charges)

    return once


@pytest.mark.usefixtures("letters")
def test_a_crash_between_event_and_letter_loses_neither(
    parts: Runtime, account: str, refused: Letters, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = queued("m1", {"account_id": account, "idempotency_key": "a"})
    with monkeypatch.context() as patch:
        patch.setattr(parts.outbox.store, "put", _down)
        assert parts.wallet.queued.run([one]).again == {"m1"}
    assert (refused.kept, told(parts, account)) == ([], [])
    refused.down = True
    assert parts.wallet.queued.run([one]).again == {"m1"}
    refused.down = False
    assert parts.wallet.queued.run([one]) == Taken(unpaid=1)
    assert (len(refused.kept), len(told(parts, account))) == (1, 1)


def _down(_: object) -> None:
    raise StoreUnavailable("The store did not answer.")
