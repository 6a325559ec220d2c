"""The tool as a process: exit status 0 when it did what was asked, 1 when it was refused, 2 when asked wrongly."""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Sequence
from types import TracebackType

import typer

from aerostack_billing.values.text import visible
from billingctl.app import app
from billingctl.chosen import Chosen
from billingctl.console import Console, Form

_REFUSED, _USAGE = 1, 2


def main(arguments: Sequence[str], console: Console | None = None) -> int:
    """Run a command; its exit status. What fails is told in one sentence on stderr, and to scripts as JSON as well."""
    chosen = Chosen(console=console or Console())
    try:
        done = typer.main.get_command(app).main(
            args=list(arguments), prog_name="billingctl", standalone_mode=False, obj=chosen
        )
    except Exception as error:
        # What a failure is told as is known by the rooms and SDKs, which are not loaded for what succeeds without them.
        refusal = importlib.import_module("billingctl.failures").refusal(error)
        if refusal is None:
            raise
        print(f"billingctl: {visible(refusal.message)}", file=chosen.console.err)
        for name, wrong in refusal.details.items():
            print(visible(f"  {name}: {wrong}"), file=chosen.console.err)
        if chosen.console.form is Form.JSON:
            chosen.console.show(refusal.view())
        return _USAGE if refusal.status == 422 else _REFUSED
    return done if isinstance(done, int) else 0


def _unexpected(kind: type[BaseException], _error: BaseException, trace: TracebackType | None) -> None:
    """One sentence in place of a stack trace, which may show what is secret; the place finds the mistake."""
    frames = traceback.extract_tb(trace)
    place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "its start"
    reason = "broken off" if issubclass(kind, KeyboardInterrupt) else f"{kind.__name__} at {place} was not foreseen"
    print(f"billingctl: {reason}. `billingctl log` shows whether an act was begun and not ended.", file=sys.stderr)


if __name__ == "__main__":
    sys.excepthook = _unexpected
    sys.exit(main(sys.argv[1:]))
