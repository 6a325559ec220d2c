"""What is printed. stdout belongs to the answer alone; questions, progress and warnings go to stderr."""

from __future__ import annotations

import csv
import importlib
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TextIO

from aerostack_billing.values.text import neutral, visible
from billingctl.errors import Refused

Step = Callable[[int, int], None]
"""Told how many are done, of how many."""


class Form(StrEnum):
    """How an answer is printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


@dataclass
class Console:
    """Prints as JSON or CSV for scripts, or as lines and tables for people. Made while stdout is still the caller's."""

    form: Form = Form.TABLE
    out: TextIO = field(default_factory=lambda: sys.stdout)
    err: TextIO = field(default_factory=lambda: sys.stderr)

    def show(self, answer: Mapping[str, object], summary: Mapping[str, object] | None = None) -> None:
        """The answer: one JSON object, its rows as CSV, or for people `summary`, where there is one, or else the same.

        Whoever reads may stop reading, as `head` does.
        """
        try:
            self._print(answer, summary)
            self.out.flush()
        except BrokenPipeError:
            # What is left over would be written, and complained about, when Python ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.out.fileno())

    def _print(self, answer: Mapping[str, object], summary: Mapping[str, object] | None) -> None:
        match self.form:
            case Form.JSON:
                # Stripe's SDK hands out decimals, which Stripe itself sends as text.
                print(json.dumps(answer, indent=2, default=str), file=self.out)
            case Form.CSV:
                rows = rows_of(answer)
                writer = csv.DictWriter(self.out, list(dict.fromkeys(name for row in rows for name in row)))
                writer.writeheader()
                writer.writerows({name: neutral(value) for name, value in row.items()} for row in rows)
            case Form.TABLE:
                importlib.import_module("billingctl.tables").show(self.out, summary or answer)

    def say(self, text: str) -> None:
        """A remark for people."""
        print(visible(text), file=self.err)

    @contextmanager
    def progress(self, doing: str) -> Iterator[Step]:
        """A bar on stderr, where that is a terminal, for work of unknown length."""
        if not self.err.isatty():
            yield lambda _done, _of: None
            return
        with importlib.import_module("billingctl.tables").bar(self.err, doing) as step:
            yield step

    def confirm(self, question: str, *, yes: bool) -> None:
        """Return if it may be done. Refused where the answer is no, or nobody is there to be asked."""
        if yes:
            return
        if not sys.stdin.isatty():
            raise Refused(f"{question} Nobody can be asked here: say --yes.")
        print(f"{visible(question)} [y/N] ", end="", file=self.err, flush=True)
        if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
            raise Refused("Nothing was done.")


def rows_of(answer: Mapping[str, object]) -> list[dict[str, object]]:
    """The rows that an answer is about: the first list of objects in it, or else the answer as one row.

    An object within a row has its fields named with dots, as in `wallet.balance_cents`; a list is JSON.
    """
    for value in answer.values():
        if isinstance(value, list) and value and all(isinstance(row, Mapping) for row in value):
            return [_flat(row) for row in value]
    return [_flat(answer)]


def _flat(row: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    flat: dict[str, object] = {}
    for name, value in row.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = json.dumps(value, default=str) if isinstance(value, (list, tuple)) else value
    return flat
