"""billingctl log"""

from __future__ import annotations

from itertools import islice
from typing import Annotated

import typer

from billingctl.arguments import named
from billingctl.work import Json, Work, at_work

_FOR_PEOPLE = ("at", "who", "verb", "arguments", "reason", "state")
"""What fits on a line; --json shows all of it."""

app = typer.Typer(name="log")


@app.command()
def log(
    context: typer.Context,
    *,
    account: Annotated[str | None, typer.Option(help="Only what was about this account.")] = None,
    months: Annotated[int, typer.Option(min=1, max=120, help="How many months back, this one included.")] = 3,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 50,
    as_json: Json = False,
) -> None:
    """Show what operators did, newest first; `unknown` is an act that broke off."""
    with at_work(context, as_json=as_json) as work:
        one = None if account is None else named(account)
        found = operations(work, one, months, limit)
        for_people = [{name: entry[name] for name in _FOR_PEOPLE} for entry in found]
        work.console.show({"operations": found}, {"operations": for_people})


def operations(work: Work, account_id: str | None, months: int, limit: int) -> list[dict[str, object]]:
    """The acts of the months, newest first, about one account or all."""
    entries = work.parts.operator_log.entries(months)
    found = (entry.view() for entry in entries if account_id in (None, entry.intent.account_id))
    return list(islice(found, limit))
