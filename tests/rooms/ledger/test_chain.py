"""The chain of hashes: one canonical form for ever, and the first line that does not fit is named."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aerostack_billing.ledger import chain
from aerostack_billing.ledger.models import Transfer
from aerostack_billing.wallet.bill import as_csv, ndjson
from aerostack_billing.wallet.models import Wallet
from aerostack_billing.wallet.rules import WalletPosting

CANONICAL = (
    '{"account_id":"acct_1","amount_micros":3400,"balance_after_micros":996600,"caller":"svc_bots",'
    '"created_at":"2026-03-10T12:00:00.000000Z","credit":"revenue","debit":"wallet:acct_1","debt_after_micros":0,'
    '"description":"Agent execution","details":{"billing_mode":"wallet","kind":"agent_execution"},'
    '"effect_micros":-3400,"held_after_micros":0,"id":"ch_1","labels":{"agent":"größer \\"a\\" / b"},'
    '"previous_hash":"00ff","seq":2,'
    '"type":"charge","v":1}'
)
HASH = "6681a1b6d695400bf4158d911f8e5652495391d44f4bda8ab0381ace2e5c345b"
VECTOR = Transfer(
    account_id="acct_1",
    transfer_id="ch_1",
    seq=2,
    type="charge",
    debit="wallet:acct_1",
    credit="revenue",
    amount=3_400,
    effect=-3_400,
    balance_after=996_600,
    held_after=0,
    debt_after=0,
    created_at="2026-03-10T12:00:00.000000Z",
    description="Agent execution",
    fingerprint="no part of it",
    correlation_id="no part of it",
    details={"kind": "agent_execution", "billing_mode": "wallet"},
    labels={"agent": 'größer "a" / b'},
    caller="svc_bots",
)


def test_the_canonical_form_and_its_hash_are_what_the_document_says() -> None:
    sealed = chain.sealed(VECTOR, "00ff")
    assert chain.canonical(chain.line(sealed)).decode() == CANONICAL
    assert sealed.hash == hashlib.sha256(CANONICAL.encode()).hexdigest() == HASH


def bill(amounts: list[int]) -> list[dict[str, object]]:
    """The statement of a wallet that these amounts were credited to, or charged."""
    posting = WalletPosting(Wallet("acct_1"))
    for i, amount in enumerate(amounts):
        debit, credit = ("stripe", "wallet:acct_1") if amount >= 0 else ("wallet:acct_1", "revenue")
        kind = "grant" if amount >= 0 else "charge"
        posting.move(kind, f"t{i}", debit, credit, abs(amount), "Moved", labels={"n": str(i)})  # type: ignore[arg-type]
    text = ndjson(list(map(chain.line, posting.transfers)))
    lines: list[dict[str, object]] = [json.loads(line) for line in text.splitlines()]
    return lines


amounts = st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=12)


@given(amounts, st.data())
def test_whole_bills_fit_from_wherever_they_begin(moved: list[int], data: st.DataObject) -> None:
    lines = bill(moved)
    start = data.draw(st.integers(0, len(lines) - 1))
    checked = chain.verify(lines[start:])
    assert checked.wrong is None
    assert (checked.lines, checked.balance_micros) == (len(lines) - start, sum(moved))
    assert checked.hash == lines[-1]["hash"]


@given(amounts, st.data())
def test_any_change_of_any_line_is_found_at_that_line_or_the_next(moved: list[int], data: st.DataObject) -> None:
    lines = bill(moved)
    place = data.draw(st.integers(0, len(lines) - 1))
    name = data.draw(st.sampled_from(sorted(set(lines[place]) - {"hash", "previous_hash", "v", "seq"})))
    value = lines[place][name]
    lines[place][name] = value + 1 if isinstance(value, int) else f"{value}!"
    wrong = chain.verify(lines).wrong
    assert wrong is not None
    assert wrong.seq == place + 1


@given(amounts.filter(lambda moved: len(moved) > 2), st.data())
def test_a_line_left_out_or_moved_is_found(moved: list[int], data: st.DataObject) -> None:
    lines = bill(moved)
    place = data.draw(st.integers(1, len(lines) - 2))
    left_out = lines[:place] + lines[place + 1 :]
    swapped = [*lines[:place], lines[place + 1], lines[place], *lines[place + 2 :]]
    for wrong in (chain.verify(left_out).wrong, chain.verify(swapped).wrong):
        assert wrong is not None
        assert wrong.seq == place + 2


def test_lines_from_before_the_chain_are_sealed_by_the_first_that_has_a_hash() -> None:
    hashes = {"hash", "previous_hash"}
    old = [{name: line[name] for name in line if name not in hashes} for line in bill([5, -2])]
    head = chain.verify(old).hash
    later = chain.line(chain.sealed(replace(VECTOR, seq=3, balance_after=3 - 3_400), head))
    assert chain.verify([*old, later]).wrong is None
    changed: Mapping[str, object] = {**old[0], "description": "Another"}
    wrong = chain.verify([changed, old[1], later]).wrong
    assert wrong is not None
    assert wrong.seq == 3


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"])
def test_a_spreadsheet_takes_no_text_of_a_bill_for_a_formula(text: str) -> None:
    transfer = replace(VECTOR, description=text, reference=text)
    assert f",'{text}," in as_csv([chain.line(transfer)])
