"""Retries never do a thing twice: what certainly did not happen is repeated, what may have happened is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from aerostack_billing.platform.dynamo import ConditionFailed, Dynamo, TransactionRefused, Write, from_wire, to_wire
from aerostack_billing.values.errors import StoreUnavailable

UPDATE = Write("t", {"id": "1"}, update="ADD n :one", values={":one": 1})
THROTTLED = "ProvisionedThroughputExceededException"


def failure(code: str, **more: object) -> ClientError:
    return ClientError(cast("dict[str, object]", {"Error": {"Code": code, "Message": ""}, **more}), "op")  # type: ignore[arg-type]


def lost() -> ReadTimeoutError:
    return ReadTimeoutError(endpoint_url="http://store")


class Client:
    """Answers with each of `script` in turn, raising what is an exception, and keeps what it was asked."""

    def __init__(self, *script: object) -> None:
        self.script = list(script)
        self.asked: list[dict[str, object]] = []

    def __getattr__(self, name: str) -> Callable[..., object]:
        def call(**params: object) -> object:
            self.asked.append(params)
            answer = self.script.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call


def dynamo(client: Client) -> Dynamo:
    return Dynamo(cast("object", client), sleep=lambda _: None)  # type: ignore[arg-type]


@pytest.mark.parametrize("code", [THROTTLED, "ThrottlingException", "TransactionConflictException"])
def test_a_write_that_was_not_carried_out_is_made_again(code: str) -> None:
    client = Client(failure(code), failure(code), {"Attributes": {"n": {"N": "1"}}})
    assert dynamo(client).update(UPDATE) == {"n": 1}
    assert len(client.asked) == 3


@pytest.mark.parametrize("error", [lost(), failure("InternalServerError")])
def test_a_plain_write_whose_answer_is_lost_is_told_and_not_made_again(error: Exception) -> None:
    client = Client(error, {"Attributes": {}})
    with pytest.raises(StoreUnavailable):
        dynamo(client).update(UPDATE)
    assert len(client.asked) == 1


@pytest.mark.parametrize("error", [lost(), failure("InternalServerError")])
def test_a_transaction_whose_answer_is_lost_is_made_again_under_the_same_token(error: Exception) -> None:
    client = Client(error, {})
    dynamo(client).transact([UPDATE])
    first, second = (asked["ClientRequestToken"] for asked in client.asked)
    assert first == second


def test_a_read_whose_answer_is_lost_is_made_again() -> None:
    client = Client(lost(), {"Item": {"n": {"N": "7"}}})
    assert dynamo(client).get("t", {"id": "1"}) == {"n": 7}


def test_a_transaction_in_conflict_is_made_again() -> None:
    reasons = [{"Code": "None"}, {"Code": "TransactionConflict"}]
    client = Client(failure("TransactionCanceledException", CancellationReasons=reasons), {})
    dynamo(client).transact([UPDATE, UPDATE])
    assert len(client.asked) == 2


def test_a_condition_that_failed_beside_a_conflict_is_told_with_its_item() -> None:
    reasons = [{"Code": "TransactionConflict"}, {"Code": "ConditionalCheckFailed", "Item": {"n": {"N": "3"}}}]
    client = Client(failure("TransactionCanceledException", CancellationReasons=reasons))
    with pytest.raises(TransactionRefused) as refused:
        dynamo(client).transact([UPDATE, UPDATE])
    assert [(reason.failed, reason.item) for reason in refused.value.reasons] == [(False, None), (True, {"n": 3})]


def test_a_failed_condition_hands_back_what_stood_there() -> None:
    client = Client(failure("ConditionalCheckFailedException", Item={"n": {"N": "3"}}))
    with pytest.raises(ConditionFailed) as failed:
        dynamo(client).update(UPDATE)
    assert failed.value.item == {"n": 3}


def test_retries_end() -> None:
    client = Client(*[failure(THROTTLED)] * 50)
    with pytest.raises(StoreUnavailable):
        dynamo(client).update(UPDATE)
    assert len(client.asked) < 20


@pytest.mark.parametrize("error", [lost(), failure("InternalServerError")])
def test_lost_answers_are_asked_for_three_times_at_most(error: Exception) -> None:
    client = Client(*[error] * 50)
    with pytest.raises(StoreUnavailable):
        dynamo(client).get("t", {"id": "1"})
    assert len(client.asked) == 3


def test_what_is_our_own_mistake_is_not_dressed_up() -> None:
    client = Client(failure("ValidationException"))
    with pytest.raises(ClientError):
        dynamo(client).update(UPDATE)


def test_keys_that_a_batch_did_not_serve_are_asked_for_again() -> None:
    left = {"t": {"Keys": [{"id": {"S": "2"}}]}}
    client = Client(
        {"Responses": {"t": [{"id": {"S": "1"}}]}, "UnprocessedKeys": left},
        {"Responses": {"t": [{"id": {"S": "2"}}]}, "UnprocessedKeys": {}},
    )
    found = dynamo(client).batch_get({"t": [{"id": "1"}, {"id": "2"}]})
    assert found == {"t": [{"id": "1"}, {"id": "2"}]}


def test_items_keep_whole_numbers_and_refuse_floats() -> None:
    item = {"s": "x", "n": 10**24 + 1, "b": True, "l": [1, None], "m": {"k": -5}}
    assert from_wire(to_wire(item)) == item
    with pytest.raises(TypeError):
        to_wire({"f": 0.5})
