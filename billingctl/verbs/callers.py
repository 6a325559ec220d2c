"""billingctl callers"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from aerostack_billing.operators.callers import KNOWN_SECONDS
from aerostack_billing.operators.log import Entry
from aerostack_billing.usage.held import Held
from aerostack_billing.wallet.doings import Span
from billingctl.acts import Act, DryRun, Facts, Reason, Yes, carry_out
from billingctl.arguments import named
from billingctl.errors import WrongUsage
from billingctl.work import Json, Work, at_work

app = typer.Typer(name="callers", help="The services that call, by the name in their tokens.", no_args_is_help=True)

CallerName = Annotated[
    str,
    typer.Argument(
        metavar="CALLER",
        help="The client id, or the subject, of the service's tokens; for who sends to a queue, charge-queue: or "
        "usage-queue: and the IAM id.",
    ),
]
Since = Annotated[str | None, typer.Option("--since", help="A day or a time, like 2026-03-01T09:30, in UTC.")]
Until = Annotated[str | None, typer.Option("--until", help="Likewise; itself not included.")]
_LONGEST = 128
_MONTHS = 3
"""Of so many months operators' acts are listed."""


@app.command("list")
def listed(
    context: typer.Context,
    caller: CallerName,
    account: Annotated[str | None, typer.Option(help="In this account alone.")] = None,
    *,
    since: Since = None,
    until: Until = None,
    as_json: Json = False,
) -> None:
    """List what a caller did: transfers, leases, places, counts above a size, and what operators did about it.

    Without an account the whole ledger and all usage are read. What it gave back is in the functions' log.
    """
    one, span = None if account is None else named(account), Span.asked(since, until)
    with at_work(context, as_json=as_json) as work:
        parts = work.parts
        done = parts.wallet.doings.view(caller, span, one)
        held = [each.view() for each in _held(work, caller, span, one)]
        acts = [entry.view() for entry in parts.operator_log.entries(_MONTHS) if _concerns(entry, caller)]
        state = _state(caller in parts.callers.blocked())
        work.console.show({**done, "state": state, "usage": held, "operators": acts})


def _held(work: Work, caller: str, span: Span, account: str | None) -> list[Held]:
    return [each for each in work.parts.usage.held.of_caller(caller, account) if span.covers(each.moment)]


def _concerns(entry: Entry, caller: str) -> bool:
    return entry.intent.who == caller or entry.intent.arguments.get("caller") == caller


@app.command()
def reverse(
    context: typer.Context,
    caller: CallerName,
    *,
    account: Annotated[str | None, typer.Option(help="In this account alone.")] = None,
    since: Since = None,
    until: Until = None,
    reason: Reason = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Refund all that a caller charged, release its open holds, give back leases, places and counts of this month.

    Exit status 1 if something could not be.
    """
    one, span = None if account is None else named(account), Span.asked(since, until)
    with at_work(context, as_json=as_json) as work:
        take_back(work, "callers reverse", Reversal(caller, one, span, since, until), reason, yes=yes, dry_run=dry_run)


@dataclass(frozen=True)
class Reversal:
    """Whose doings are taken back: in one account or all, in a span that was asked for by these words."""

    caller: str
    account: str | None
    span: Span
    since: str | None
    until: str | None


def take_back(work: Work, verb: str, wanted: Reversal, reason: str | None, *, yes: bool, dry_run: bool) -> None:
    """Carry a reversal out once it was confirmed."""
    doings, caller, one = work.parts.wallet.doings, wanted.caller, wanted.account
    to_give_back = [each for each in _held(work, caller, wanted.span, one) if each.open]
    foreseen = {**doings.foresee(caller, wanted.span, one), "to_give_back": len(to_give_back)}

    def effect() -> Facts:
        with work.console.progress("Taking back") as step:
            taken_back = doings.take_back(caller, wanted.span, one, step)
        # What was settled or freed since it was looked for needs nothing any more.
        given_back = sum(each.give_back() for each in to_give_back)
        return {"caller": caller, **taken_back.view(), "given_back": given_back}

    act = Act(
        verb,
        {"caller": caller, "account": one, "since": wanted.since, "until": wanted.until},
        reason,
        dry_run,
        one,
        question=(
            f"Refund {foreseen['to_refund']} charges of {caller}, {foreseen['to_refund_cents']} cents in all, "
            f"and give back {len(to_give_back)} leases, places and counts?"
        ),
        yes=yes,
        looks_first=False,
    )
    done = carry_out(work, act, lambda: foreseen, effect)
    result = done.get("result")
    if isinstance(result, dict) and result["failed"]:
        raise typer.Exit(1)


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
