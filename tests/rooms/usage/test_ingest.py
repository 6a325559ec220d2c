"""Usage by a queue that delivers at least once: counted once, by few writes, and nothing lost without a trace."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.platform.dynamo import Write
from aerostack_billing.usage.ingest import CALLER, KEPT_SECONDS, Ingested, Message
from aerostack_billing.values.errors import StoreUnavailable
from tests.rooms.conftest import Meter, Time
from tests.rooms.worlds.usage import Letters, consume, counter, event, message, move_to


@dataclass
class Heard:
    """What is told, kept in lists."""

    refused: list[tuple[str, str, int, str]] = field(default_factory=list)
    done: list[Ingested] = field(default_factory=list)
    callers: list[str] = field(default_factory=list)

    def threshold_passed(self, *_: object) -> None:
        """Of no interest here."""

    def given_back(self, *_: object) -> None:
        """Of no interest here."""

    def usage_refused(self, account_id: str, metric: str, quantity: int, message_id: str) -> None:
        self.refused.append((account_id, metric, quantity, message_id))

    def ingested(self, done: Ingested, callers: Sequence[str]) -> None:
        self.done.append(done)
        self.callers += callers


@pytest.fixture
def heard(parts: Runtime) -> Heard:
    heard = Heard()
    parts.telemetry = heard  # type: ignore[assignment]
    return heard


def answer(done: Ingested) -> tuple[int, int, int, set[str]]:
    return done.counted, done.refused, done.dead, set(done.again)


# Once


@pytest.mark.usefixtures("letters")
def test_a_message_is_one_event_or_a_batch(parts: Runtime, account: str) -> None:
    done = parts.usage.ingest.run(
        [
            message("m1", event(account, 3)),
            message("m2", event(account, 4), event(account, 5, "ai_tokens"), event(account, 6, "storage_bytes")),
        ]
    )
    assert answer(done) == (4, 0, 0, set())
    assert counter(parts, account)[0] == 7
    assert counter(parts, account, "ai_tokens")[0] == 5
    assert consume(parts, account, 1, "storage_bytes")["used"] == 7


@pytest.mark.usefixtures("letters")
def test_what_is_delivered_again_is_counted_once_with_whatever_it_comes(parts: Runtime, account: str) -> None:
    first = message("m1", event(account, 3), event(account, 4, idempotency_key="k"), event(account, 5, "storage_bytes"))
    second = message("m2", event(account, 10))
    parts.usage.ingest.run([first])
    assert answer(parts.usage.ingest.run([second, first])) == (4, 0, 0, set())
    assert answer(parts.usage.ingest.run([first, second])) == (4, 0, 0, set())
    assert counter(parts, account)[0] == 17
    assert consume(parts, account, 1, "storage_bytes")["used"] == 6


@pytest.mark.usefixtures("letters")
def test_equal_events_in_two_messages_are_two(parts: Runtime, account: str) -> None:
    parts.usage.ingest.run([message("m1", event(account)), message("m2", event(account))])
    assert counter(parts, account)[0] == 2


@pytest.mark.usefixtures("letters")
def test_a_key_is_the_same_one_in_a_message_and_in_a_call(parts: Runtime, account: str) -> None:
    consume(parts, account, 5, idempotency_key="k")
    done = parts.usage.ingest.run([message("m1", event(account, 5, idempotency_key="k"))])
    assert answer(done) == (1, 0, 0, set())
    assert counter(parts, account)[0] == 5


@pytest.mark.usefixtures("letters")
def test_one_message_counts_for_many_accounts_once_each(parts: Runtime, account: str) -> None:
    both = message("m1", event(account, 2), event(f"{account}x", 3))
    parts.usage.ingest.run([both])
    parts.usage.ingest.run([both])
    assert (counter(parts, account)[0], counter(parts, f"{account}x")[0]) == (2, 3)


def test_eight_deliveries_at_once_of_the_same_messages_count_each_once(processes: list[Runtime], account: str) -> None:
    for parts in processes:
        parts.usage.dead_letters = parts.usage.refused_usage = Letters()  # type: ignore[assignment]
    messages = [message(f"m{n}", event(account, n), event(account, 1, idempotency_key=f"k{n}")) for n in range(20)]
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda parts: parts.usage.ingest.run(messages), processes))
    # Who was too late for all attempts has it delivered again.
    again = [one for one in messages if any(one.message_id in d.again for d in done)]
    processes[0].usage.ingest.run(again)
    assert counter(processes[0], account)[0] == sum(range(20)) + 20


@pytest.mark.usefixtures("letters")
def test_a_message_is_known_for_longer_than_the_queue_keeps_it(parts: Runtime, account: str, time_stands: Time) -> None:
    one = message("m1", event(account, 3), event(account, 4, idempotency_key="k"))
    parts.usage.ingest.run([one])
    time_stands.forward(KEPT_SECONDS - 1)
    parts.usage.ingest.run([one])
    assert counter(parts, account)[0] == 7


@pytest.mark.usefixtures("letters")
def test_a_message_of_one_month_delivered_again_in_the_next_is_counted_once(
    parts: Runtime, account: str, time_stands: Time
) -> None:
    time_stands.to(2026, 3, 31, 23, 59, 59)
    one = message("m1", event(account, 3))
    parts.usage.ingest.run([one])
    time_stands.forward(10)
    parts.usage.ingest.run([one])
    assert counter(parts, account)[0] == 3
    assert consume(parts, account)["used"] == 1


# Few writes


@pytest.mark.usefixtures("letters")
def test_a_delivery_of_ten_messages_of_one_account_is_one_transaction(
    parts: Runtime, account: str, meter: Meter
) -> None:
    consume(parts, account)
    parts.callers.check(CALLER)  # Remembered for half a minute.
    meter.reset()
    parts.usage.ingest.run([message(f"m{n}", event(account)) for n in range(10)])
    # The read is for the thresholds. Units are not looked at: DynamoDB Local adds the small items of a transaction up
    # before it rounds, where AWS counts two units for each of the eleven.
    assert meter.operations == ["TransactWriteItems", "BatchGetItem"]


@pytest.mark.usefixtures("letters")
def test_a_hundred_events_in_one_message_are_four_write_units(parts: Runtime, account: str, meter: Meter) -> None:
    consume(parts, account)
    parts.callers.check(CALLER)
    meter.reset()
    parts.usage.ingest.run([message("m1", *(event(account) for _ in range(100)))])
    assert meter.spent() == (2, 4, 1)


@pytest.mark.usefixtures("letters")
def test_more_messages_than_a_transaction_holds_are_several(parts: Runtime, account: str) -> None:
    messages = [message(f"m{n}", event(account)) for n in range(100)]
    assert answer(parts.usage.ingest.run(messages)) == (100, 0, 0, set())
    assert answer(parts.usage.ingest.run(messages[::-1])) == (100, 0, 0, set())
    assert counter(parts, account)[0] == 100


@pytest.mark.usefixtures("letters")
def test_an_account_under_load_is_counted_all_the_same(parts: Runtime, account: str) -> None:
    move_to(parts, account, "pro")
    consume(parts, account)
    with ThreadPoolExecutor(9) as pool:
        others = [pool.submit(consume, parts, account, 1, "gateway_requests") for _ in range(200)]
        done = [parts.usage.ingest.run([message(f"m{n}", event(account, 1, "gateway_requests"))]) for n in range(10)]
        for other in others:
            other.result()
    assert sum(d.counted for d in done) == 10
    assert counter(parts, account, "gateway_requests")[0] == 210


# Refused


def test_what_the_limit_refuses_is_told_and_not_tried_again(
    parts: Runtime, account: str, letters: Letters, heard: Heard
) -> None:
    consume(parts, account, 54_990)
    messages = [message(f"m{n}", event(account, quantity)) for n, quantity in enumerate((6, 5, 4, 1))]
    assert answer(parts.usage.ingest.run(messages)) == (2, 2, 0, set())
    assert counter(parts, account) == (55_000, 0)
    assert letters.kept == []
    assert heard.refused == [(account, "api_requests", 5, "m1"), (account, "api_requests", 1, "m3")]
    assert heard.done == [Ingested(counted=2, refused=2)]


@pytest.mark.usefixtures("letters")
def test_what_is_refused_or_dead_is_a_metric_of_the_delivery(
    parts: Runtime, account: str, capsys: pytest.CaptureFixture[str]
) -> None:
    consume(parts, account, 55_000)
    capsys.readouterr()
    parts.usage.ingest.run([message("m1", event(account), event(account), event(account, 1, "no_such_metric"))])
    counted = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    assert [(line.get("IngestRefused"), line.get("IngestDead")) for line in counted] == [([2.0], None), (None, [1.0])]


@pytest.mark.usefixtures("letters")
def test_what_was_refused_is_not_counted_when_its_message_comes_again(parts: Runtime, account: str) -> None:
    consume(parts, account, 54_990)
    one = message("m1", event(account, 6), event(account, 5))
    assert answer(parts.usage.ingest.run([one]))[:2] == (1, 1)
    move_to(parts, account, "pro")
    parts.usage.ingest.run([one])
    assert counter(parts, account)[0] == 54_996


@pytest.mark.usefixtures("letters")
def test_usage_by_the_queue_is_under_no_burst_limit(parts: Runtime, account: str) -> None:
    for n in range(3):
        parts.usage.ingest.run([message(f"m{n}-{i}", event(account)) for i in range(60)])
    assert counter(parts, account)[0] == 180


# Dead


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("", "INVALID_JSON"),
        ("{", "INVALID_JSON"),
        ("[]", "INVALID_REQUEST"),
        ('{"events": []}', "INVALID_REQUEST"),
        ('{"events": [1]}', "INVALID_REQUEST"),
        (json.dumps({"events": [{}] * 101}), "INVALID_REQUEST"),
        ('{"events": [], "events": []}', "INVALID_REQUEST"),
    ],
)
def test_a_body_that_is_neither_event_nor_batch_is_put_aside_as_it_is(
    parts: Runtime, letters: Letters, body: str, code: str
) -> None:
    assert answer(parts.usage.ingest.run([Message("m1", body)])) == (0, 0, 1, set())
    (kept,) = letters.kept
    assert (kept[0], kept[2]) == (body, "m1")
    assert kept[1].startswith(code)


def test_an_event_that_can_never_be_counted_is_put_aside_and_the_others_counted(
    parts: Runtime, account: str, letters: Letters
) -> None:
    wrong: list[dict[str, Any]] = [
        event(account, 1, "no_such_metric"),
        event(account, 0),
        event(account, -1),
        {"metric": "api_requests"},
        event(account, 1, dry_run=True),
        event(account, 1, extra=True),
    ]
    one = message("m1", event(account, 2), *wrong, event(account, 3))
    assert answer(parts.usage.ingest.run([one])) == (2, 0, 6, set())
    assert counter(parts, account)[0] == 5
    (kept,) = letters.kept
    assert json.loads(kept[0]) == {
        "events": [{**raw, "idempotency_key": f"sqs:m1:{place}"} for place, raw in enumerate(wrong, 1)]
    }
    assert "UNKNOWN_METRIC" in kept[1]


def test_a_key_that_stands_for_another_request_is_put_aside(parts: Runtime, account: str, letters: Letters) -> None:
    consume(parts, account, 5, idempotency_key="k")
    assert answer(parts.usage.ingest.run([message("m1", event(account, 6, idempotency_key="k"))])) == (0, 0, 1, set())
    assert letters.kept[0][1] == "IDEMPOTENCY_KEY_REUSED"


def test_what_is_put_aside_counts_once_when_it_is_sent_again_mended(
    parts: Runtime, account: str, letters: Letters
) -> None:
    parts.usage.ingest.run([message("m1", event(account, 2, "no_such_metric"), event(account, 3))])
    mended = letters.kept[0][0].replace("no_such_metric", "api_requests")
    for name in ("m2", "m3"):
        assert parts.usage.ingest.run([Message(name, mended)]).counted == 1
    assert counter(parts, account)[0] == 5


def test_what_could_not_be_put_aside_comes_again(parts: Runtime, account: str, letters: Letters) -> None:
    letters.down = True
    messages = [Message("m1", "{"), message("m2", event(account))]
    assert answer(parts.usage.ingest.run(messages)) == (1, 0, 0, {"m1"})
    letters.down = False
    assert answer(parts.usage.ingest.run(messages)) == (1, 0, 1, set())
    assert counter(parts, account)[0] == 1


# Again


def test_what_the_store_did_not_count_comes_again_and_the_rest_is_done_with(
    parts: Runtime, account: str, letters: Letters, monkeypatch: pytest.MonkeyPatch
) -> None:
    transact = parts.dynamo.transact

    def down_for_one(writes: Sequence[Write]) -> None:
        if any(write.key.get("account_id") == account for write in writes):
            raise StoreUnavailable("The store did not answer.")
        transact(writes)

    messages = [
        message("m1", event(account, 2), event(f"{account}x", 3), event(account, 1, "nothing")),
        message("m2", event(f"{account}x", 4)),
    ]
    with monkeypatch.context() as patch:
        patch.setattr(parts.dynamo, "transact", down_for_one)
        assert answer(parts.usage.ingest.run(messages)) == (2, 0, 0, {"m1"})
        assert letters.kept == []
    assert answer(parts.usage.ingest.run(messages[:1])) == (2, 0, 1, set())
    assert (counter(parts, account)[0], counter(parts, f"{account}x")[0]) == (2, 7)


@pytest.mark.usefixtures("letters")
def test_storage_that_is_given_back_before_it_was_taken_comes_again(parts: Runtime, account: str) -> None:
    back = message("m1", event(account, -5, "storage_bytes"), event(account, 1))
    assert answer(parts.usage.ingest.run([back])) == (1, 0, 0, {"m1"})
    parts.usage.ingest.run([message("m2", event(account, 8, "storage_bytes"))])
    assert answer(parts.usage.ingest.run([back])) == (2, 0, 0, set())
    assert consume(parts, account, 1, "storage_bytes")["used"] == 4
    assert counter(parts, account)[0] == 1


@pytest.mark.usefixtures("letters")
def test_a_crash_after_the_count_and_before_the_threshold_was_told_counts_once(
    parts: Runtime, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object, **__: object) -> None:
        raise StoreUnavailable("The store did not answer.")

    one = message("m1", event(account, 45_000))
    with monkeypatch.context() as patch:
        patch.setattr(parts.usage.metering, "tell", breaks)
        assert answer(parts.usage.ingest.run([one])) == (0, 0, 0, {"m1"})
    assert answer(parts.usage.ingest.run([one])) == (1, 0, 0, set())
    assert counter(parts, account)[0] == 45_000
