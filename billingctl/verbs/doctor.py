"""billingctl doctor"""

from __future__ import annotations

from functools import partial
from typing import Annotated, cast

import typer

from billingctl.acts import Facts
from billingctl.doctor import inside
from billingctl.doctor.findings import look, report
from billingctl.doctor.stack import Stack
from billingctl.work import Json, at_work

app = typer.Typer(name="doctor")


@app.command()
def doctor(
    context: typer.Context,
    *,
    secret_days: Annotated[int, typer.Option(min=1, max=3_650, help="How old a secret may be, in days.")] = 365,
    as_json: Json = False,
) -> None:
    """Say what is wrong with this stack, each finding with its fix; exit status 1 where something is.

    What cannot be looked at here is said to be `not looked at`, with the reason: it may be fine or not.
    """
    with at_work(context, as_json=as_json) as work:
        stack = Stack(work.target)
        checks = {
            "alarms": stack.alarms,
            "dead letters": stack.dead_letters,
            "schedules": stack.schedules,
            "template": stack.template,
            "stripe": partial(inside.stripe, work),
            "secrets": partial(inside.secrets, work, secret_days),
            "outbox": partial(inside.outbox, work),
            "audit": partial(inside.audit, work),
            "reconciler": partial(inside.reconciler, work),
        }
        answer = report([look(name, lambda find=find: list(find())) for name, find in checks.items()])  # type: ignore[misc]
        work.console.show(answer, _for_people(answer))
        if not answer["healthy"]:
            raise typer.Exit(1)


def _for_people(answer: Facts) -> Facts:
    findings = cast("list[Facts]", answer["findings"])
    lines: Facts = {}
    for number, found in enumerate(findings, 1):
        lines[f"{number}. {found['check']}"] = {"wrong": found["what"], "fix": found["fix"]}
    checks = cast("list[Facts]", answer["checks"])
    lines["checks"] = {str(check["check"]): f"{check['state']}{_because(check)}" for check in checks}
    return lines


def _because(check: Facts) -> str:
    return "" if check["why"] is None else f": {check['why']}"
