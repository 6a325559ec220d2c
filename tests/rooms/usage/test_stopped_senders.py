"""Whom an operator stopped counts nothing by the queue either; what it sent is kept, and nobody is paged for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.usage.ingest import CALLER, Ingested, Message
from aerostack_billing.values.errors import StoreUnavailable
from tests.rooms.worlds.usage import Letters, consume, counter, event, message

LEAKED = f"{CALLER}:AROALEAKED"


@pytest.fixture
def leaked_is_stopped(parts: Runtime) -> Iterator[None]:
    parts.callers.block(LEAKED)
    yield
    parts.callers.unblock(LEAKED)


def sent(name: str, principal: str | None, *events: object) -> Message:
    return replace(message(name, *events), principal=principal)


@pytest.mark.usefixtures("leaked_is_stopped")
def test_a_sender_whom_an_operator_stopped_counts_nothing_and_what_it_sent_is_kept_and_pages_nobody(
    parts: Runtime, account: str, letters: Letters, refused: Letters
) -> None:
    delivery = [
        sent("a", "AROALEAKED:one", event(account, 5), event(account, 1, "no_such_metric")),
        sent("b", "AROAOTHER", event(account, 2)),
        sent("c", "AROALEAKED:two", event(account, -4, "storage_bytes")),
    ]
    assert parts.usage.ingest.run(delivery) == Ingested(counted=1, stopped=3)
    assert counter(parts, account)[0] == 2
    assert [json.loads(body)["events"] for body, _, _ in refused.kept] == [
        [
            event(account, 5, idempotency_key="sqs:a:0"),
            event(account, 1, "no_such_metric", idempotency_key="sqs:a:1"),
        ],
        [event(account, -4, "storage_bytes", idempotency_key="sqs:c:0")],
    ]
    assert [reason.partition(" ")[0] for _, reason, _ in refused.kept] == ["CALLER_BLOCKED"] * 2
    assert refused.senders == [LEAKED] * 2
    assert letters.kept == []


@pytest.mark.usefixtures("leaked_is_stopped")
def test_what_a_stopped_sender_sends_pages_nobody_though_it_is_no_usage(
    parts: Runtime, letters: Letters, refused: Letters
) -> None:
    assert parts.usage.ingest.run([Message("m1", "{", "AROALEAKED")]) == Ingested(stopped=1)
    assert [body for body, _, _ in refused.kept] == ["{"]
    assert letters.kept == []


@pytest.mark.usefixtures("leaked_is_stopped", "letters")
def test_what_a_stopped_sender_sent_counts_once_when_it_is_moved_back_and_not_before_the_sender_may_go_on(
    parts: Runtime, account: str, refused: Letters
) -> None:
    parts.usage.ingest.run([sent("a", "AROALEAKED", event(account, 5))])
    # SQS names the function that put it aside, as it moves it back.
    back = Message("b", refused.kept[0][0], "AROAINGEST:function", refused.senders[0])
    assert parts.usage.ingest.run([back]) == Ingested(stopped=1)
    assert refused.senders == [LEAKED] * 2
    parts.callers.unblock(LEAKED)
    parts.callers._read_at = None
    for name in ("c", "d"):
        assert parts.usage.ingest.run([replace(back, message_id=name)]) == Ingested(counted=1)
    assert counter(parts, account)[0] == 5


@pytest.mark.usefixtures("leaked_is_stopped")
def test_who_is_stopped_on_one_queue_is_not_on_the_other(parts: Runtime, account: str, letters: Letters) -> None:
    parts.callers.block("charge-queue:AROASHIPPER")
    try:
        assert parts.usage.ingest.run([sent("a", "AROASHIPPER", event(account))]) == Ingested(counted=1)
    finally:
        parts.callers.unblock("charge-queue:AROASHIPPER")
    assert letters.kept == []


def test_while_it_is_not_known_who_is_stopped_all_is_delivered_again(
    parts: Runtime, account: str, letters: Letters, refused: Letters, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(_caller: str | None) -> None:
        raise StoreUnavailable("The store did not answer.")

    consume(parts, account)
    monkeypatch.setattr(parts.callers, "check", unknown)
    assert parts.usage.ingest.run([sent("a", "AROAOTHER", event(account))]) == Ingested(again=frozenset({"a"}))
    assert letters.kept == refused.kept == []
    assert counter(parts, account)[0] == 1


@pytest.mark.usefixtures("letters")
def test_the_log_names_who_sent_a_delivery(parts: Runtime, account: str, caplog: pytest.LogCaptureFixture) -> None:
    parts.usage.ingest.run([sent(name, f"AROA{name}:x", event(account)) for name in "BAB"])
    told = [vars(record)["callers"] for record in caplog.records if record.message == "ingest"]
    assert told == [[f"{CALLER}:AROAA", f"{CALLER}:AROAB"]]
