"""What becomes of a queued charge that is refused: who is paged for it, and what a sender who is stopped may not do."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.values.errors import StoreUnavailable
from aerostack_billing.values.money import micros
from aerostack_billing.wallet.queue_refusals import FATES, fate_of
from aerostack_billing.wallet.queued_charges import CALLER, Message, Taken
from tests.rooms.conftest import ROOT
from tests.rooms.creators.test_tools import publish
from tests.rooms.wallet.test_queued_charges import told
from tests.rooms.worlds.usage import Letters
from tests.rooms.worlds.wallet import audited, charge, fund, queued

LEAKED = f"{CALLER}:AROALEAKED"
UNKNOWN = {"model": "no-such", "input_tokens": 1, "output_tokens": 1}


@pytest.fixture
def funded(parts: Runtime, account: str) -> str:
    fund(parts, account, 1_000)
    return account


@pytest.fixture
def leaked_is_stopped(parts: Runtime) -> Iterator[None]:
    parts.callers.block(LEAKED)
    yield
    parts.callers.unblock(LEAKED)


def sent(account: str, key: str, principal: str | None, **more: Any) -> Message:  # noqa: ANN401
    return replace(queued(key, {"account_id": account, "idempotency_key": key, **more}), principal=principal)


def codes(letters: Letters) -> list[str]:
    return [reason.partition(" ")[0] for _, reason, _ in letters.kept]


# Which refusal is which


def test_every_code_that_a_charge_is_refused_with_has_its_place() -> None:
    document = json.loads((ROOT / "docs/openapi.json").read_text(encoding="utf-8"))
    answers = document["paths"]["/api/balance/charges"]["post"]["responses"]
    documented = {code for status, answer in answers.items() if "400" <= status < "500" for code in _codes(answer)}
    assert documented - {"RATE_LIMIT_EXCEEDED"} == FATES.keys()


def _codes(node: object) -> Iterator[str]:
    """The codes that an answer of the document lists, wherever in it."""
    if isinstance(node, list):
        for each in node:
            yield from _codes(each)
    elif isinstance(node, dict):
        code = node.get("code")
        yield from code.get("enum", []) if isinstance(code, dict) else []
        for each in node.values():
            yield from _codes(each)


def test_what_nobody_foresaw_pages() -> None:
    assert fate_of("SOMETHING_NEW") == "fault"


@pytest.mark.parametrize("code", ["PRICE_CHANGED", "TOOL_NOT_FOUND"])
def test_what_a_tool_s_creator_changed_is_an_event_and_pages_nobody(
    parts: Runtime, funded: str, creator: str, letters: Letters, refused: Letters, code: str
) -> None:
    tool = f"{creator}-search"
    if code == "PRICE_CHANGED":
        publish(parts, creator, tool, 40)
    asked = {"account_id": funded, "kind": "tool_call", "tool_id": tool, "max_price_cents": 30}
    one = queued("m1", {"idempotency_key": "a", **asked}, {"account_id": funded, "idempotency_key": "b"})
    assert parts.wallet.queued.run([one]) == Taken(charged=1, unpaid=1)
    (event,) = told(parts, funded)
    assert (event["data"]["code"], event["data"]["idempotency_key"]) == (code, "a")
    assert (codes(refused), codes(letters)) == ([code], [])
    assert refused.senders == [CALLER]
    assert audited(parts, funded).balance == micros(998)


def _a_reused_key(parts: Runtime, account: str) -> dict[str, object]:
    charge(parts, account, 2, "used")
    return {"idempotency_key": "used", "amount_cents": 3}


@pytest.mark.parametrize(
    ("code", "asked"),
    [
        ("IDEMPOTENCY_KEY_REUSED", _a_reused_key),
        ("INVALID_REQUEST", lambda *_: {"idempotency_key": "a", "kind": "gift"}),
        ("INVALID_REQUEST", lambda *_: {"idempotency_key": "a", "amount_cents": 99_999_999}),
        ("UNKNOWN_MODEL", lambda *_: {"idempotency_key": "a", "usage": UNKNOWN}),
    ],
)
def test_what_somebody_has_to_mend_pages_and_is_no_event(
    parts: Runtime,
    funded: str,
    letters: Letters,
    refused: Letters,
    code: str,
    asked: Callable[[Runtime, str], dict[str, object]],
) -> None:
    wrong = {"account_id": funded, **asked(parts, funded)}
    assert parts.wallet.queued.run([queued("m1", wrong)]) == Taken(dead=1)
    assert (codes(letters), codes(refused), told(parts, funded)) == ([code], [], [])


# Whom an operator stopped


@pytest.mark.usefixtures("leaked_is_stopped")
def test_a_sender_whom_an_operator_stopped_charges_nothing_and_what_it_sent_is_told_and_pages_nobody(
    parts: Runtime, funded: str, letters: Letters, refused: Letters
) -> None:
    delivery = [sent(funded, "a", "AROALEAKED:one"), sent(funded, "b", "AROAOTHER"), sent(funded, "c", "AROALEAKED:2")]
    assert parts.wallet.queued.run(delivery) == Taken(charged=1, stopped=2)
    assert [json.loads(body)["charges"][0]["idempotency_key"] for body, _, _ in refused.kept] == ["a", "c"]
    assert codes(refused) == ["CALLER_BLOCKED"] * 2
    assert refused.senders == [LEAKED] * 2
    assert letters.kept == []
    assert {(each["data"]["code"], each["data"]["idempotency_key"]) for each in told(parts, funded)} == {
        ("CALLER_BLOCKED", "a"),
        ("CALLER_BLOCKED", "c"),
    }
    assert audited(parts, funded).balance == micros(998)


@pytest.mark.usefixtures("leaked_is_stopped")
@pytest.mark.parametrize("body", ["{", '{"charges": []}', '{"charges": [{"account_id": "a"}]}'])
def test_what_a_stopped_sender_sends_pages_nobody_though_it_is_no_charge(
    parts: Runtime, letters: Letters, refused: Letters, body: str
) -> None:
    assert parts.wallet.queued.run([Message("m1", body, "g", 0.0, "AROALEAKED")]) == Taken(stopped=1)
    assert (codes(refused), letters.kept) == (["CALLER_BLOCKED"], [])


@pytest.mark.usefixtures("leaked_is_stopped")
def test_what_a_stopped_sender_sent_stays_refused_when_it_is_moved_back_until_the_sender_may_go_on(
    parts: Runtime, funded: str, letters: Letters, refused: Letters
) -> None:
    parts.wallet.queued.run([sent(funded, "a", "AROALEAKED:one")])
    for turn in range(2):
        # SQS names the function that put it aside, as it moves it back.
        back = Message(f"back{turn}", refused.kept[-1][0], funded, 0.0, "AROAQUEUEFUNCTION:f", refused.senders[-1])
        assert parts.wallet.queued.run([back]) == Taken(stopped=1)
    assert refused.senders == [LEAKED] * 3
    parts.callers.unblock(LEAKED)
    parts.callers._read_at = None
    assert parts.wallet.queued.run([replace(back, message_id="at last")]) == Taken(charged=1)
    assert letters.kept == []
    assert audited(parts, funded).balance == micros(998)


def test_what_was_taken_before_its_sender_was_stopped_is_not_told_as_refused(
    parts: Runtime, funded: str, letters: Letters, refused: Letters
) -> None:
    before, other = sent(funded, "a", "AROALEAKED"), sent(funded, "a", "AROALEAKED", amount_cents=3)
    parts.wallet.queued.run([before])
    parts.callers.block(LEAKED)
    parts.callers._read_at = None
    try:
        assert parts.wallet.queued.run([before]) == Taken(charged=1)
        assert (refused.kept, told(parts, funded)) == ([], [])
        # Another charge under a key that was used is the stopped sender's all the same, and nobody's fault to mend.
        assert parts.wallet.queued.run([replace(other, message_id="m2")]) == Taken(stopped=1)
    finally:
        parts.callers.unblock(LEAKED)
    assert (codes(refused), letters.kept) == (["CALLER_BLOCKED"], [])
    assert audited(parts, funded).balance == micros(998)


@pytest.mark.usefixtures("leaked_is_stopped", "letters")
def test_while_it_is_not_known_what_a_stopped_sender_charged_before_its_message_comes_again(
    parts: Runtime, funded: str, refused: Letters, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(parts.ledger, "those", _down)
        assert parts.wallet.queued.run([sent(funded, "a", "AROALEAKED")]) == Taken(again=frozenset({"a"}))
    assert (refused.kept, told(parts, funded)) == ([], [])


def test_while_it_is_not_known_who_is_stopped_all_is_delivered_again(
    parts: Runtime, funded: str, letters: Letters, refused: Letters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts.callers, "check", _down)
    one = queued("m1", {"account_id": funded, "idempotency_key": "a"})
    assert parts.wallet.queued.run([one]) == Taken(again=frozenset({"m1"}))
    assert letters.kept == refused.kept == []


def _down(*_: object) -> None:
    raise StoreUnavailable("The store did not answer.")
