"""Charges by the queue, all the way: to the ledger, to an event and what was refused, or to the dead letters."""

from __future__ import annotations

import json

import requests

from tests.flows.client import Account, Json
from tests.flows.test_wallet_deposits import (
    audited_accounts,  # noqa: F401 - audits each test's accounts
    balance,
    deposit,
    lines,
)


def send(account: Account, once: str, *charges: Json) -> str:
    """Put charges on the queue, one alone as it is, several as a batch; the message's id."""
    usual = {"account_id": account.id, "kind": "bot_conversation", "billing_mode": "wallet"}
    asked = [{**usual, "idempotency_key": f"{once}:{n}", **charge} for n, charge in enumerate(charges)]
    answer = requests.post(
        f"{account.api.stack.base_url}/_local/sqs/ChargeQueue",
        params={"MessageGroupId": account.id, "MessageDeduplicationId": once},
        data=json.dumps(asked[0] if len(asked) == 1 else {"charges": asked}).encode(),
        timeout=60,
    )
    assert answer.status_code == 200, answer.text
    return answer.json()["message_id"]


def letters(account: Account, message_id: str, queue: str = "ChargeDeadLetterQueue") -> list[Json]:
    """What was put aside of a message."""
    found = account.api.door(f"sqs/{queue}")["messages"]
    return [one for one in found if message_id == one["attributes"].get("message_id")]


def test_a_charge_and_a_batch_are_taken_and_a_key_is_one_by_whatever_way_it_comes(account: Account) -> None:
    deposit(account, 1_000)
    send(account, "a", {"amount_cents": 100})
    send(account, "b", {"amount_cents": "0.5"}, {"amount_cents": 20})
    send(account, "again", {"amount_cents": 100, "idempotency_key": "a:0"})
    assert balance(account)["balance_micros"] == 8_795_000
    assert lines(account)[1:] == [("charge", -100), ("charge", -0.5), ("charge", -20)]


def test_what_the_wallet_cannot_pay_is_kept_with_an_event_rings_nobody_and_is_paid_when_it_is_sent_again(
    account: Account,
) -> None:
    deposit(account, 500)
    message_id = send(account, "a", {"amount_cents": 400}, {"amount_cents": 300, "reference": "run-7"})
    assert balance(account)["balance_cents"] == 100
    (letter,) = letters(account, message_id, "RefusedChargesQueue")
    assert letter["attributes"]["reason"].startswith("INSUFFICIENT_BALANCE")
    assert letters(account, message_id) == []
    account.api.advance(minutes=2)
    told = [one["detail"] for one in account.api.door("events")["data"] if one["detail-type"] == "charge.refused"]
    assert [one["data"]["reference"] for one in told if one["account_id"] == account.id] == ["run-7"]
    deposit(account, 500)
    (charge,) = json.loads(letter["body"])["charges"]
    send(account, "sent again", charge)
    assert balance(account)["balance_cents"] == 300


def test_what_can_never_be_taken_is_put_aside_and_blocks_nothing(account: Account) -> None:
    deposit(account, 500)
    message_id = send(account, "a", {"amount_cents": 1, "kind": "gift"}, {"amount_cents": 2})
    send(account, "b", {"amount_cents": 3})
    assert balance(account)["balance_cents"] == 495
    (letter,) = letters(account, message_id)
    assert letter["attributes"]["reason"].startswith("INVALID_REQUEST")
    assert letters(account, message_id, "RefusedChargesQueue") == []
