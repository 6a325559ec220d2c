"""billingctl usage"""

from __future__ import annotations

from typing import Annotated

import typer

from billingctl.verbs.account import named
from billingctl.work import Account, Json, at_work

app = typer.Typer(name="usage", help="What an account used and may use.", no_args_is_help=True)


@app.command()
def show(
    context: typer.Context,
    account: Account,
    *,
    period: Annotated[str | None, typer.Option(help="A month, like 2026-03; this one if not given.")] = None,
    as_json: Json = False,
) -> None:
    """Show the counters of a month, with their limits."""
    with at_work(context, as_json=as_json) as work:
        work.console.show({"account_id": account, **work.parts.usage_overview.view(named(account), period)})
