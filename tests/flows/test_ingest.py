"""Usage by the queue, all the way: from a message to the account's figures, or to the dead letters."""

from __future__ import annotations

import json
from collections.abc import Callable

import requests

from tests.flows.client import Account, Json


def send(account: Account, *events: Json) -> str:
    """Put events on the queue, one alone as it is, several as a batch; the message's id."""
    asked = [{"account_id": account.id, "metric": "api_requests", **event} for event in events]
    return put(account, json.dumps(asked[0] if len(asked) == 1 else {"events": asked}))


def put(account: Account, body: str) -> str:
    url = f"{account.api.stack.base_url}/_local/sqs/IngestQueue"
    answer = requests.post(url, data=body.encode(), timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json()["message_id"]


def dead_letters(account: Account, message_id: str) -> list[Json]:
    """What was put aside of a message, by the function, or of it as a whole, by SQS."""
    letters = account.api.door("sqs/IngestDeadLetterQueue")["messages"]
    return [one for one in letters if message_id in (one["message_id"], one["attributes"].get("message_id"))]


def used(account: Account, metric: str = "api_requests") -> int:
    return account.usage(metric)["used"]


def test_an_event_and_a_batch_are_counted(new_account: Callable[[], Account]) -> None:
    one, other = new_account(), new_account()
    send(one, {"quantity": 3})
    send(one, {"quantity": 4}, {"account_id": other.id, "quantity": 5}, {"metric": "ai_tokens", "quantity": 812})
    assert (used(one), used(one, "ai_tokens"), used(other)) == (7, 812, 5)


def test_what_has_a_key_is_counted_once_by_whatever_way_it_comes(account: Account) -> None:
    for _ in range(2):
        send(account, {"quantity": 5, "idempotency_key": "k"})
    assert account.consume(quantity=5, idempotency_key="k").json()["used"] == 5
    assert used(account) == 5


def test_over_the_limit_it_is_refused_and_not_tried_again(account: Account) -> None:
    message_id = send(account, {"quantity": 54_999}, {"quantity": 2}, {"quantity": 1})
    assert used(account) == 55_000
    account.buy("starter")
    account.api.advance(minutes=10)
    assert used(account) == 55_000
    assert dead_letters(account, message_id) == []


def test_what_can_never_be_counted_is_put_aside_at_once_and_blocks_nothing(account: Account) -> None:
    broken = put(account, "{")
    mixed = send(account, {"metric": "no_such_metric"}, {"quantity": 2})
    send(account, {})
    assert used(account) == 3
    (letter,) = dead_letters(account, broken)
    assert (letter["body"], letter["attributes"]["reason"][:12]) == ("{", "INVALID_JSON")
    (letter,) = dead_letters(account, mixed)
    assert [event["metric"] for event in json.loads(letter["body"])["events"]] == ["no_such_metric"]
    account.api.advance(minutes=30)
    assert used(account) == 3
    assert len(dead_letters(account, broken)) == 1


def test_storage_given_back_too_early_waits_for_what_it_was_taken_by(account: Account) -> None:
    send(account, {"metric": "storage_bytes", "quantity": -300})
    assert used(account, "storage_bytes") == 0
    send(account, {"metric": "storage_bytes", "quantity": 1_000})
    account.api.advance(minutes=4)
    assert used(account, "storage_bytes") == 700


def test_what_fails_every_time_ends_among_the_dead_letters(account: Account) -> None:
    message_id = send(account, {"metric": "storage_bytes", "quantity": -300})
    for _ in range(6):
        account.api.advance(minutes=4)
    (letter,) = dead_letters(account, message_id)
    assert json.loads(letter["body"])["quantity"] == -300
    send(account, {"quantity": 1})
    assert used(account) == 1
