"""The tool as a process: exit status 0 when it did what was asked, 1 when it was refused, 2 when asked wrongly."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from types import TracebackType

import typer
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import ValidationError
from typer.exceptions import TyperException

from aerostack_billing.values.errors import BillingError, Misconfigured
from billingctl import aws
from billingctl.app import app
from billingctl.console import Console
from billingctl.errors import Refused, WrongUsage
from billingctl.work import Chosen

_REFUSED, _USAGE = 1, 2


def main(arguments: Sequence[str], console: Console | None = None) -> int:
    """Run a command; its exit status. What fails is told in one sentence on stderr, and to scripts as JSON as well."""
    chosen = Chosen(console=console or Console())
    try:
        done = typer.main.get_command(app).main(
            args=list(arguments), prog_name="billingctl", standalone_mode=False, obj=chosen
        )
    except (
        TyperException,
        typer.Abort,
        BillingError,
        Misconfigured,
        ClientError,
        BotoCoreError,
        ValidationError,
    ) as error:
        refusal = _refusal(error)
        print(f"billingctl: {refusal.message}", file=chosen.console.err)
        for name, wrong in refusal.details.items():
            print(f"  {name}: {wrong}", file=chosen.console.err)
        if chosen.console.as_json:
            chosen.console.show(refusal.view())
        return _USAGE if refusal.status == 422 else _REFUSED
    return done if isinstance(done, int) else 0


def _refusal(error: Exception) -> BillingError:
    """What failed, as a refusal of one sentence that holds nothing of the request."""
    if isinstance(error, BillingError):
        return error
    if isinstance(error, TyperException):
        return WrongUsage(error.format_message())
    if isinstance(error, ClientError):
        return Refused(aws.sentence("AWS refused", error))
    reasons = {
        Misconfigured: f"The stack is not set up for this: {error}.",
        BotoCoreError: f"AWS could not be asked: {error}",
        ValidationError: "What is stored, at Stripe or here, has another shape than this version reads.",
    }
    told = next((reason for kind, reason in reasons.items() if isinstance(error, kind)), "Broken off.")
    return Refused(told)


def _unforeseen(kind: type[BaseException], _error: BaseException, trace: TracebackType | None) -> None:
    """One sentence in place of a stack trace, which may show what is secret; the place finds the mistake."""
    frames = traceback.extract_tb(trace)
    place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "its start"
    reason = "broken off" if issubclass(kind, KeyboardInterrupt) else f"{kind.__name__} at {place} was not foreseen"
    print(f"billingctl: {reason}. `billingctl log` shows whether an act was begun and not ended.", file=sys.stderr)


if __name__ == "__main__":
    sys.excepthook = _unforeseen
    sys.exit(main(sys.argv[1:]))
