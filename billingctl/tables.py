"""What people read: lines and tables. Sums in dollars, aligned by their point; an id is never broken over two lines."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Final, TextIO, TypeGuard

from rich.console import Console as RichConsole
from rich.measure import Measurement
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from aerostack_billing.values.text import visible

CENTS: Final = "_cents"
_ROWS: Final = 2
_PIPE_WIDTH: Final = 200
_WIDEST: Final = 10_000


class _Screen(RichConsole):
    def on_broken_pipe(self) -> None:
        """Left to whoever prints; rich would end the process, and look for a stdout that is redirected here."""
        raise BrokenPipeError


def show(out: TextIO, answer: Mapping[str, object]) -> None:
    """Print an answer for a person."""
    # Wide enough where nobody looks: a pipe has no width, and cutting would lose what the next program reads.
    screen = _Screen(file=out, highlight=False, markup=False, width=None if out.isatty() else _PIPE_WIDTH)
    _lines(screen, answer, 0)


@contextmanager
def bar(err: TextIO, doing: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal, inside the block."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=RichConsole(file=err), transient=True) as progress:
        task = progress.add_task(doing, total=None)
        yield lambda done, of: progress.update(task, completed=done, total=of)


def dollars(cents: object) -> str:
    """US cents, as the API shows them, in dollars: `$31.99`, or `$0.0034` where there are fractions of a cent."""
    value = Decimal(str(cents)) / 100
    places = max(2, -int(value.normalize().as_tuple().exponent))
    return f"{'-' if value < 0 else ''}${abs(value):,.{places}f}"


def _lines(screen: RichConsole, value: Mapping[str, object], depth: int) -> None:
    for name, inner in value.items():
        indent = "  " * depth
        if _is_table(inner):
            screen.print(f"{indent}{visible(name)}")
            _print_table(screen, [{"": str(key), **row} for key, row in inner.items()])
        elif isinstance(inner, Mapping) and inner:
            screen.print(f"{indent}{visible(name)}")
            _lines(screen, inner, depth + 1)
        elif isinstance(inner, Sequence) and inner and isinstance(inner[0], Mapping):
            screen.print(f"{indent}{visible(name)}")
            _print_table(screen, [row for row in inner if isinstance(row, Mapping)])
        else:
            screen.print(f"{indent}{visible(name.removesuffix(CENTS))}  {_plain(name, inner)}", soft_wrap=True)


def _is_table(value: object) -> TypeGuard[Mapping[str, Mapping[str, object]]]:
    """Whether an object's values are alike: then it is rows under their names."""
    if not isinstance(value, Mapping) or len(value) < _ROWS:
        return False
    rows = list(value.values())
    return all(isinstance(row, Mapping) and row.keys() == rows[0].keys() for row in rows)


def _print_table(screen: RichConsole, rows: Sequence[Mapping[str, object]]) -> None:
    """As wide as it must be: what does not fit is wrapped by the terminal, which copies an id as it is."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    table = Table(box=None, padding=(0, 2, 0, 2))
    for name in names:
        table.add_column(
            visible(name.removesuffix(CENTS)), no_wrap=True, justify="right" if _is_figure(name, rows) else "left"
        )
    for row in rows:
        table.add_row(*(_plain(name, row.get(name)) for name in names))
    width = Measurement.get(screen, screen.options.update(max_width=_WIDEST), table).maximum
    before, screen.width = screen.width, max(width, screen.width)
    screen.print(table)
    screen.width = before


def _is_figure(name: str, rows: Sequence[Mapping[str, object]]) -> bool:
    values = [row.get(name) for row in rows]
    numbers = [value for value in values if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)]
    return bool(numbers) and len(numbers) + values.count(None) == len(values)


def _plain(name: str, value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, (int, float, Decimal)):
        return dollars(value) if name.endswith(CENTS) else f"{value:,}"
    if isinstance(value, (Mapping, Sequence)):
        return json.dumps(value, default=str) if value else "none"
    return visible(str(value))
