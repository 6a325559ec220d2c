"""What is printed. stdout belongs to the answer alone; questions, progress and warnings go to stderr."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TextIO, TypeGuard

from rich.console import Console as RichConsole
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from billingctl.errors import Refused

Step = Callable[[int, int], None]
"""Told how many are done, of how many."""
_ROWS = 2


class _Screen(RichConsole):
    def on_broken_pipe(self) -> None:
        """Left to whoever prints; rich would end the process, and look for a stdout that is redirected here."""
        raise BrokenPipeError


@dataclass
class Console:
    """Prints as JSON for scripts, or as lines and tables for people. Made while stdout is still the caller's."""

    as_json: bool = False
    out: TextIO = field(default_factory=lambda: sys.stdout)
    err: TextIO = field(default_factory=lambda: sys.stderr)

    def show(self, answer: Mapping[str, object]) -> None:
        """The answer: one JSON object, or the same for people. Whoever reads may stop reading, as `head` does."""
        try:
            self._print(answer)
            self.out.flush()
        except BrokenPipeError:
            # What is left over would be written, and complained about, when Python ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.out.fileno())

    def _print(self, answer: Mapping[str, object]) -> None:
        if self.as_json:
            # Stripe's SDK hands out decimals, which Stripe itself sends as text.
            print(json.dumps(answer, indent=2, default=str), file=self.out)
            return
        # Wide enough where nobody looks: a pipe has no width, and cutting would lose what the next program reads.
        screen = _Screen(file=self.out, highlight=False, markup=False, width=None if self.out.isatty() else 200)
        _lines(screen, answer, 0)

    def say(self, text: str) -> None:
        """A remark for people."""
        print(text, file=self.err)

    @contextmanager
    def progress(self, doing: str) -> Iterator[Step]:
        """A bar on stderr, where that is a terminal, for work of unknown length."""
        if not self.err.isatty():
            yield lambda _done, _of: None
            return
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=RichConsole(file=self.err), transient=True) as bar:
            task = bar.add_task(doing, total=None)
            yield lambda done, of: bar.update(task, completed=done, total=of)

    def confirm(self, question: str, *, yes: bool) -> None:
        """Return if it may be done. Refused where the answer is no, or nobody is there to be asked."""
        if yes:
            return
        if not sys.stdin.isatty():
            raise Refused(f"{question} Nobody can be asked here: say --yes.")
        print(f"{question} [y/N] ", end="", file=self.err, flush=True)
        if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
            raise Refused("Nothing was done.")


def _lines(screen: RichConsole, value: Mapping[str, object], depth: int) -> None:
    for name, inner in value.items():
        indent = "  " * depth
        if _is_table(inner):
            screen.print(f"{indent}{name}")
            screen.print(_table([{"": key, **row} for key, row in inner.items()]))
        elif isinstance(inner, Mapping) and inner:
            screen.print(f"{indent}{name}")
            _lines(screen, inner, depth + 1)
        elif isinstance(inner, Sequence) and inner and isinstance(inner[0], Mapping):
            screen.print(f"{indent}{name}")
            screen.print(_table(inner))
        else:
            screen.print(f"{indent}{name}  {_plain(inner)}", soft_wrap=True)


def _is_table(value: object) -> TypeGuard[Mapping[str, Mapping[str, object]]]:
    """Whether an object's values are alike: then it is rows under their names."""
    if not isinstance(value, Mapping) or len(value) < _ROWS:
        return False
    rows = list(value.values())
    return all(isinstance(row, Mapping) and row.keys() == rows[0].keys() for row in rows)


def _table(rows: Sequence[object]) -> Table:
    shown = [row for row in rows if isinstance(row, Mapping)]
    names = list(dict.fromkeys(name for row in shown for name in row))
    table = Table(box=None, padding=(0, 2, 0, 2))
    for name in names:
        table.add_column(name, overflow="fold")
    for row in shown:
        table.add_row(*(_plain(row.get(name)) for name in names))
    return table


def _plain(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    if isinstance(value, (Mapping, Sequence)):
        return json.dumps(value, default=str) if value else "none"
    return str(value)
