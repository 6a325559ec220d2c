"""billingctl spending"""

from __future__ import annotations

from typing import Annotated

import typer

from aerostack_billing.wallet.spending_view import Question
from billingctl.acts import Act, DryRun, Facts, Reason, carry_out
from billingctl.arguments import named
from billingctl.errors import WrongUsage
from billingctl.work import Account, Json, at_work

app = typer.Typer(name="spending", help="What an account spent, by day and by what it was for.", no_args_is_help=True)
FirstDay = Annotated[str | None, typer.Option("--from", help="The first day; the first of that month if not given.")]
LastDay = Annotated[str | None, typer.Option("--to", help="The last day, included; today if not given.")]


@app.command()
def show(
    context: typer.Context,
    account: Account,
    *,
    start: FirstDay = None,
    end: LastDay = None,
    bucket: Annotated[str, typer.Option(help="day, month or total.")] = "day",
    by: Annotated[str, typer.Option(help="kind, model, billing_mode, or the name of a label.")] = "kind",
    as_json: Json = False,
) -> None:
    """Show what an account spent."""
    question = Question.asked(start, end, bucket, by)
    with at_work(context, as_json=as_json) as work:
        answer = work.parts.wallet.spending.show(named(account), question)
        if as_json:
            work.console.show(answer)
            return
        buckets = answer.pop("buckets")
        rows = [{"start": each["start"], **group} for each in buckets for group in each["groups"]]  # type: ignore[attr-defined]
        work.console.show({**answer, "groups": rows})


@app.command()
def rebuild(
    context: typer.Context,
    account: Annotated[str | None, typer.Argument(metavar="[ACCOUNT]", help="The account's id.")] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="Every account that has a wallet.")] = False,
    reason: Reason = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Rebuild an account's spending from its ledger. Safe to repeat; nobody is shown it meanwhile."""
    if (account is None) != every:
        raise WrongUsage("Name one account, or say --all.")
    with at_work(context, as_json=as_json) as work:
        accounts = work.parts.wallet.store.all_accounts() if account is None else [named(account)]

        def effect() -> Facts:
            with work.console.progress("Adding up") as step:
                lines = 0
                for done, each in enumerate(accounts):
                    step(done, len(accounts))
                    lines += work.parts.wallet.spending_fold.rebuild(each)
            return {"accounts": len(accounts), "lines": lines}

        only = accounts[0] if account is not None else None
        act = Act("spending rebuild", {"account": only or "all"}, reason, dry_run, only)
        carry_out(work, act, lambda: {"accounts": len(accounts)}, effect)
