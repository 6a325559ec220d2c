"""The store behind the small app is exact at any concurrency."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Iterator

import boto3
import pytest

from local.stack import Stack

TABLE = "aerostack-local-Counters"


@pytest.fixture
def _switching_often() -> Iterator[None]:
    """Threads take turns all the time, so that a race shows that otherwise would one time in many."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("_switching_often")
def test_conditional_writes_of_many_threads_are_exact(stack: Stack) -> None:
    room, threads, tries = 60, 16, 8
    boto3.client("dynamodb").put_item(TableName=TABLE, Item={"id": {"S": "c"}, "room": {"N": str(room)}})
    statuses: Counter[object] = Counter()
    together = threading.Barrier(threads)

    def take() -> None:
        together.wait()
        for _ in range(tries):
            answer = stack.host.invoke("TakeFunction", {})
            assert isinstance(answer, dict)
            statuses[answer["statusCode"]] += 1

    workers = [threading.Thread(target=take) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    item = boto3.client("dynamodb").get_item(TableName=TABLE, Key={"id": {"S": "c"}})["Item"]
    assert item == {"id": {"S": "c"}, "room": {"N": "0"}, "taken": {"N": str(room)}}
    assert statuses == {200: room, 409: threads * tries - room}


def test_a_refused_transaction_leaves_every_item_as_it_was(stack: Stack) -> None:
    client = boto3.client("dynamodb")
    client.put_item(TableName=TABLE, Item={"id": {"S": "kept"}, "room": {"N": "5"}})
    update = {
        "TableName": TABLE,
        "Key": {"id": {"S": "kept"}},
        "UpdateExpression": "ADD room :one",
        "ExpressionAttributeValues": {":one": {"N": "1"}},
    }
    put = {"TableName": TABLE, "Item": {"id": {"S": "new"}}}
    check = {"TableName": TABLE, "Key": {"id": {"S": "none"}}, "ConditionExpression": "attribute_exists(id)"}
    with pytest.raises(client.exceptions.TransactionCanceledException):
        client.transact_write_items(TransactItems=[{"Update": update}, {"Put": put}, {"ConditionCheck": check}])  # type: ignore[list-item]
    assert client.get_item(TableName=TABLE, Key={"id": {"S": "kept"}})["Item"]["room"] == {"N": "5"}
    assert "Item" not in client.get_item(TableName=TABLE, Key={"id": {"S": "new"}})
    client.transact_write_items(TransactItems=[{"Update": update}, {"Put": put}])  # type: ignore[list-item]
    assert client.get_item(TableName=TABLE, Key={"id": {"S": "kept"}})["Item"]["room"] == {"N": "6"}
