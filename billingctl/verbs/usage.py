"""billingctl usage"""

from __future__ import annotations

from typing import Annotated

import typer

from billingctl.acts import Act, DryRun, Reason, carry_out
from billingctl.arguments import named
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
        work.console.show({"account_id": account, **work.parts.usage.overview.view(named(account), period)})


@app.command()
def reset(
    context: typer.Context,
    account: Account,
    metric: Annotated[str, typer.Argument(metavar="METRIC", help="Like api_requests.")],
    *,
    reason: Reason = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Set a metric's counter of this month back to zero, with all its room; open leases are settled for nothing."""
    with at_work(context, as_json=as_json) as work:
        account_id = named(account)
        act = Act("usage reset", {"account": account_id, "metric": metric}, reason, dry_run, account_id)
        carry_out(
            work,
            act,
            lambda: {"account_id": account_id, **work.parts.usage.resets.preview(account_id, metric).view()},
            lambda: {"account_id": account_id, **work.parts.usage.resets.reset(account_id, metric).view()},
        )
