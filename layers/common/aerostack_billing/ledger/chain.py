"""The chain of hashes: each transfer of a wallet seals the one before, so that none can be changed unseen.

A line is what the statement shows of a transfer: whole numbers, strings, and objects of these, without what is empty.
Its canonical form is JSON in UTF-8 with sorted keys, no white space, and no escapes but those that JSON needs; `hash`
itself stands outside of it. `hash` is its SHA-256 in hexadecimal. This is version 1, for ever: another form would be
another `v`, and lines of this one are read as they were written.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from aerostack_billing.ledger.models import Split, Transfer

VERSION: Final = 1
_HASH, _PREVIOUS = "hash", "previous_hash"


def line(transfer: Transfer) -> dict[str, object]:
    """The transfer as its owner can check it; amounts in micros (10,000 to the cent)."""
    line: dict[str, object] = {
        "v": VERSION,
        "account_id": transfer.account_id,
        "seq": transfer.seq,
        "id": transfer.transfer_id,
        "type": transfer.type,
        "debit": transfer.debit,
        "credit": transfer.credit,
        "amount_micros": transfer.amount,
        "effect_micros": transfer.effect,
        "balance_after_micros": transfer.balance_after,
        "held_after_micros": transfer.held_after,
        "debt_after_micros": transfer.debt_after,
        "created_at": transfer.created_at,
        "description": transfer.description,
        "reference": transfer.reference,
        "details": transfer.details,
        "labels": transfer.labels,
        "caller": transfer.caller,
        "granted_micros": transfer.granted or None,
        "shared": None if transfer.split is None else _shared(transfer.split),
        _PREVIOUS: transfer.previous_hash,
        _HASH: transfer.hash,
    }
    return _present(line)


def canonical(line: Mapping[str, object]) -> bytes:
    """What is hashed of a line."""
    sealed = {name: value for name, value in line.items() if name != _HASH}
    text = json.dumps(sealed, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "surrogatepass")


def digest(line: Mapping[str, object]) -> str:
    """The hash that a line must carry."""
    return hashlib.sha256(canonical(line)).hexdigest()


def sealed(transfer: Transfer, previous_hash: str | None) -> Transfer:
    """The transfer chained to the one before; None: it is the wallet's first."""
    chained = replace(transfer, previous_hash=previous_hash)
    return replace(chained, hash=digest(line(chained)))


@dataclass(frozen=True)
class Break:
    """The first line that does not fit, and why."""

    seq: int
    id: str
    reason: str


@dataclass(frozen=True)
class Checked:
    """What a statement's lines come to. `hash` is that of the last line: the wallet must hold the same."""

    lines: int
    first_seq: int | None = None
    last_seq: int | None = None
    balance_micros: int | None = None
    hash: str | None = None
    wrong: Break | None = None


def verify(lines: Iterable[Mapping[str, object]]) -> Checked:
    """Check lines, oldest first, by themselves alone: numbers, hashes, and the balance of each.

    They may begin anywhere: the first line's own `previous_hash` and balance are taken as given. Lines from before the
    chain was begun carry no hash; where the very first is among them, theirs are worked out, and the first line that
    has one must seal them.
    """
    checked, before = Checked(0), None
    for line in lines:
        reason = next(_reasons(line, before, checked.hash), None)
        if reason is not None:
            return replace(checked, wrong=Break(_whole(line, "seq"), str(line.get("id")), reason))
        before = line
        checked = Checked(
            checked.lines + 1,
            _whole(line, "seq") if checked.first_seq is None else checked.first_seq,
            _whole(line, "seq"),
            _whole(line, "balance_after_micros"),
            _sealing(line, checked.hash),
        )
    return checked


def _sealing(line: Mapping[str, object], running: str | None) -> str | None:
    """The hash that the next line must seal; None where that is not known."""
    own = line.get(_HASH)
    if isinstance(own, str):
        return own
    if running is None and line.get("seq") != 1:
        return None
    return digest({**line, **({_PREVIOUS: running} if running else {})})


def _reasons(line: Mapping[str, object], before: Mapping[str, object] | None, running: str | None) -> Iterator[str]:
    """Why a line does not fit, if it does not."""
    if line.get("v") != VERSION:
        yield f"its version is not {VERSION}"
    if before is None:
        if line.get("seq") == 1 and line.get("balance_after_micros") != line.get("effect_micros"):
            yield "its balance does not follow from nothing"
    else:
        if line.get("seq") != _whole(before, "seq") + 1:
            yield "it does not follow the line before: a line is missing, twice, or in another place"
        if line.get("balance_after_micros") != _whole(before, "balance_after_micros") + _whole(line, "effect_micros"):
            yield "its balance does not follow from the one before"
    if line.get(_HASH) is None:
        if before is not None and before.get(_HASH) is not None:
            yield "it has no hash"
        return
    if before is not None and running is not None and line.get(_PREVIOUS) != running:
        yield "it does not seal the line before"
    if line.get(_HASH) != digest(line):
        yield "its hash is not that of what it says"


def _whole(line: Mapping[str, object], name: str) -> int:
    found = line.get(name)
    return found if isinstance(found, int) else 0


def _shared(split: Split) -> dict[str, object]:
    return {
        "debit": split.debit,
        "credit": split.credit,
        "amount_micros": split.amount,
        "creator_id": split.creator_id,
        "due_day": split.due_day,
        "granted_micros": split.granted or None,
        "fee_fraction": split.fee_fraction or None,
    }


def _present(line: Mapping[str, object]) -> dict[str, object]:
    """Without what is None or empty, within too: a line read back from the table is the one that was written."""
    kept = {name: _present(value) if isinstance(value, Mapping) else value for name, value in line.items()}
    return {name: value for name, value in kept.items() if value is not None and value != {}}
