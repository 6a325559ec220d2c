"""What changes something: shown first, confirmed, recorded before and after.

Every act takes the same options. With --dry-run it says what would change and ends there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated

import typer

from aerostack_billing.platform import correlation
from aerostack_billing.values.errors import BillingError, StoreUnavailable
from billingctl.errors import WrongUsage
from billingctl.work import Work

Reason = Annotated[
    str | None, typer.Option("--reason", help="Why: kept in the operators' log. Needed unless --dry-run.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before money moves.")]

Facts = dict[str, object]
_LONGEST_REASON = 500


@dataclass(frozen=True)
class Act:
    """An act as it was asked for. `question` is put before money moves; an act without one moves none."""

    verb: str
    arguments: Mapping[str, object]
    reason: str | None
    dry_run: bool
    account_id: str | None = None
    question: str | None = None
    yes: bool = False
    looks_first: bool = True
    """Whether it is foreseen before it is done, so that a refusal comes before the question and the log."""


def carry_out(work: Work, act: Act, preview: Callable[[], Facts], effect: Callable[[], Facts]) -> Facts:
    """Show what `preview` says, or do what `effect` does: asked first, and with a line in the log on either side.

    WrongUsage without a reason; Refused where the answer is no. What `effect` refuses is noted as failed, and raised.
    """
    if act.dry_run:
        answer: Facts = {"verb": act.verb, "dry_run": True, "would": preview()}
        work.console.show(answer)
        return answer
    reason = _checked(act.reason)
    if act.looks_first:
        preview()
    if act.question is not None:
        work.console.confirm(f"{act.question} On {work.target.name}.", yes=act.yes)
    result, operation_id = _recorded(work, act, reason, effect) if work.target.recorded else (effect(), None)
    answer = {"verb": act.verb, "dry_run": False, "operation_id": operation_id, "result": result}
    work.console.show(answer)
    return answer


def _checked(reason: str | None) -> str:
    if reason is None or not reason.strip():
        raise WrongUsage('Say why: --reason "…". It is kept in the operators\' log.')
    if len(reason) > _LONGEST_REASON:
        raise WrongUsage(f"A reason has {_LONGEST_REASON} characters at most.")
    return reason.strip()


def _recorded(work: Work, act: Act, reason: str, effect: Callable[[], Facts]) -> tuple[Facts, str]:
    log = work.parts.operator_log
    intent = log.intend(work.target.who, act.verb, act.arguments, reason, act.account_id)
    try:
        # What the act writes carries its id, by which the account's timeline leads from the one to the other.
        with correlation.using(intent.operation_id):
            result = effect()
    except BillingError as error:
        log.end(intent, "failed", {"code": error.code, "message": error.message})
        raise
    try:
        log.end(intent, "done", result)
    except StoreUnavailable:
        work.console.say(f"It is done, but the log could not be told: {intent.operation_id} stays unknown there.")
    return result, intent.operation_id
