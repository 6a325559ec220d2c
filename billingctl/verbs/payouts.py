"""billingctl payouts"""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

import typer

from billingctl.acts import Act, DryRun, Facts, Reason, Yes, carry_out
from billingctl.arguments import named
from billingctl.work import Json, at_work

app = typer.Typer(name="payouts", help="What creators are paid.", no_args_is_help=True)
_MOST = 1_000


class StateFilter(StrEnum):
    """Where a payout stands."""

    PENDING = "pending"
    PAID = "paid"
    FAILED = "failed"
    REVERSED = "reversed"


@app.command("list")
def listed(
    context: typer.Context,
    *,
    creator: Annotated[str | None, typer.Option(help="One creator; all of them if not given.")] = None,
    state: Annotated[StateFilter | None, typer.Option(help="Only those that stand so.")] = None,
    as_json: Json = False,
) -> None:
    """List payouts, newest first."""
    with at_work(context, as_json=as_json) as work:
        store = work.parts.creators.store
        creators = store.all_creators() if creator is None else [named(creator)]
        payouts = [payout for one in creators for payout in store.payouts(one, _MOST)]
        shown = sorted(
            (payout for payout in payouts if state in (None, payout.state)),
            key=lambda payout: (payout.created_at, payout.payout_id),
            reverse=True,
        )
        work.console.show({"payouts": [{"creator_id": payout.creator_id, **payout.view()} for payout in shown]})


@app.command()
def run(
    context: typer.Context,
    *,
    reason: Reason = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Run the sweep that the schedule runs: mature what is due, pay what is payable; exit status 1 if one failed."""
    with at_work(context, as_json=as_json) as work:
        expected = [seen.view() for seen in work.parts.creators.payouts.preview()]

        def effect() -> Facts:
            return dict(asdict(work.parts.creators.payouts.sweep()))

        act = Act(
            "payouts run",
            {"creators": len(expected)},
            reason,
            dry_run,
            question=f"Look after {len(expected)} creators, and pay those who are to be paid?",
            yes=yes,
            looks_first=False,
        )
        done = carry_out(work, act, lambda: {"creators": expected}, effect)
        result = done.get("result")
        if isinstance(result, dict) and result["failed"]:
            raise typer.Exit(1)
