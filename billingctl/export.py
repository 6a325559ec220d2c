"""Ledgers as a file: every transfer of every account, in order, as an accountant's program reads it."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Final, TextIO

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.creators.posting import partition
from aerostack_billing.ledger.models import Split, Transfer
from aerostack_billing.values.text import neutral
from billingctl.console import Step
from billingctl.errors import Refused

COLUMNS: Final = (
    "account_id",
    "seq",
    "transfer_id",
    "type",
    "debit",
    "credit",
    "amount_micros",
    "balance_after_micros",
    "held_after_micros",
    "debt_after_micros",
    "created_at",
    "description",
    "reference",
    "part_of",
)
"""`part_of` names the transfer that a line is a second movement of: a creator's share of a price."""


class Format(StrEnum):
    """How the file is written."""

    JSONL = "jsonl"
    CSV = "csv"


def export_ledgers(
    parts: Runtime, account_id: str | None, output: Path, form: Format, step: Step, *, force: bool
) -> dict[str, object]:
    """Write the ledger of one account, as a wallet and as a creator, or all; how much there was.

    The file is there only when it is whole. Refused for a file that is there already, unless `force`.
    """
    if output.exists() and not force:
        raise Refused(f"{output} is there already: name another file, or say --force.")
    unfinished = output.with_name(f"{output.name}.part")
    owners = _owners(parts, account_id)
    lines = 0
    try:
        with unfinished.open("w", encoding="utf-8", newline="") as file:
            write = _writer(file, form)
            for done, owner in enumerate(owners):
                step(done, len(owners))
                for line in _movements(parts.ledger.whole(owner)):
                    write(line)
                    lines += 1
        unfinished.replace(output)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise Refused(f"{output} cannot be written: {error.strerror}.") from error
    return {"file": str(output), "ledgers": len(owners), "movements": lines}


def _owners(parts: Runtime, account_id: str | None) -> list[str]:
    """The ledgers' names; a creator's is beside the wallet's of the same account."""
    if account_id is not None:
        return [account_id, partition(account_id)]
    return [*parts.wallet.store.all_accounts(), *map(partition, parts.creators.store.all_creators())]


def _movements(transfers: list[Transfer]) -> Iterator[dict[str, object]]:
    """A line a movement: of a transfer, and of the share that it carries. So the amounts by account sum to zero."""
    for transfer in transfers:
        yield _line(transfer, transfer)
        if transfer.split is not None:
            yield _line(transfer, transfer.split)


def _line(transfer: Transfer, movement: Transfer | Split) -> dict[str, object]:
    own = movement is transfer
    return {
        "account_id": transfer.account_id,
        "seq": transfer.seq,
        "transfer_id": transfer.transfer_id if own else None,
        "type": transfer.type if own else "earning",
        "debit": movement.debit,
        "credit": movement.credit,
        "amount_micros": movement.amount,
        "balance_after_micros": transfer.balance_after,
        "held_after_micros": transfer.held_after,
        "debt_after_micros": transfer.debt_after,
        "created_at": transfer.created_at,
        "description": transfer.description,
        "reference": transfer.reference,
        "part_of": None if own else transfer.transfer_id,
    }


def _writer(file: TextIO, form: Format) -> Callable[[dict[str, object]], None]:
    if form is Format.JSONL:
        return lambda line: print(json.dumps(line), file=file)
    counters_item = csv.DictWriter(file, COLUMNS)
    counters_item.writeheader()
    return lambda line: counters_item.writerow({name: neutral(value) for name, value in line.items()}) and None
