"""billingctl callers"""

from __future__ import annotations

from typing import Annotated

import typer

from aerostack_billing.operators.callers import KNOWN_SECONDS
from billingctl.acts import Act, DryRun, Facts, Reason, Yes, carry_out
from billingctl.errors import WrongUsage
from billingctl.work import Json, at_work

app = typer.Typer(name="callers", help="The services that call, by the name in their tokens.", no_args_is_help=True)

CallerName = Annotated[
    str, typer.Argument(metavar="CALLER", help="The client id, or the subject, of the service's tokens.")
]
_LONGEST = 128


@app.command("blocked")
def blocked(context: typer.Context, *, as_json: Json = False) -> None:
    """List the callers that are stopped, and since when."""
    with at_work(context, as_json=as_json) as work:
        stopped = work.parts.callers.blocked()
        work.console.show({"callers": [{"caller": name, "since": since} for name, since in sorted(stopped.items())]})


@app.command()
def block(
    context: typer.Context,
    caller: CallerName,
    *,
    reason: Reason = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Refuse every request of a caller, on every stack process within half a minute, until `unblock`."""
    _change(context, "block", caller, reason, yes=yes, dry_run=dry_run, as_json=as_json)


@app.command()
def unblock(
    context: typer.Context,
    caller: CallerName,
    *,
    reason: Reason = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Let a caller go on."""
    _change(context, "unblock", caller, reason, yes=yes, dry_run=dry_run, as_json=as_json)


def _change(
    context: typer.Context, verb: str, caller: str, reason: str | None, *, yes: bool, dry_run: bool, as_json: bool
) -> None:
    with at_work(context, as_json=as_json) as work:
        if not 1 <= len(caller) <= _LONGEST or not caller.isprintable():
            raise WrongUsage(f"A caller's name has 1 to {_LONGEST} printable characters.")
        callers, to_stop = work.parts.callers, verb == "block"

        def preview() -> Facts:
            before = caller in callers.blocked()
            return {"caller": caller, "before": _state(before), "after": _state(to_stop)}

        def effect() -> Facts:
            if to_stop:
                callers.block(caller)
            else:
                callers.unblock(caller)
            stopped = caller in callers.blocked()
            return {"caller": caller, "state": _state(stopped), "in_effect_within_seconds": KNOWN_SECONDS}

        question = f"Refuse every request of {caller}?" if to_stop else f"Let {caller} call again?"
        act = Act(f"callers {verb}", {"caller": caller}, reason, dry_run, question=question, yes=yes)
        carry_out(work, act, preview, effect)


def _state(stopped: bool) -> str:  # noqa: FBT001
    return "blocked" if stopped else "allowed"
