"""billingctl reconcile"""

from __future__ import annotations

from dataclasses import asdict

import typer

from billingctl.acts import Act, DryRun, Facts, Reason, Yes, carry_out
from billingctl.work import Json, at_work

app = typer.Typer(name="reconcile")


@app.command()
def reconcile(
    context: typer.Context, *, reason: Reason = None, yes: Yes = False, dry_run: DryRun = False, as_json: Json = False
) -> None:
    """Take in what no webhook told of, as the schedule does; exit status 1 if something could not be."""
    with at_work(context, as_json=as_json) as work:

        def effect() -> Facts:
            return dict(asdict(work.parts.webhooks.reconciler.run()))

        act = Act(
            "reconcile",
            {},
            reason,
            dry_run,
            question="Take in what was missed? It may credit wallets and change plans.",
            yes=yes,
            looks_first=False,
        )
        done = carry_out(work, act, lambda: dict(asdict(work.parts.webhooks.reconciler.preview())), effect)
        result = done.get("result")
        if isinstance(result, dict) and result["failed"]:
            raise typer.Exit(1)
