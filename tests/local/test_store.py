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
