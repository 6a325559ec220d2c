"""billingctl ledger"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from aerostack_billing.ledger.chain import verify as verified
from aerostack_billing.values.json_object import parse_object
from aerostack_billing.wallet.doings import Span
from billingctl.acts import Act, DryRun, Facts, Reason, Yes, carry_out
from billingctl.arguments import named
from billingctl.errors import Refused, WrongUsage
from billingctl.export import Format, export_ledgers
from billingctl.verbs.callers import Reversal, Since, Until
from billingctl.verbs.callers import take_back as take_back_of
from billingctl.work import Json, at_work, chosen_in

app = typer.Typer(name="ledger", help="The transfers of wallets and creators.", no_args_is_help=True)
OneOrAll = Annotated[str | None, typer.Argument(metavar="[ACCOUNT]", help="One account; all of them if not given.")]


@app.command()
def show(
    context: typer.Context,
    account: OneOrAll = None,
    *,
    limit: Annotated[int, typer.Option(help="How many, 100 at most.")] = 25,
    kind: Annotated[str | None, typer.Option("--type", help="Only this type, like charge.")] = None,
    cursor: Annotated[str | None, typer.Option(help="The next_cursor of the page before.")] = None,
    caller: Annotated[str | None, typer.Option(help="What this service asked for; without an account, of all.")] = None,
    since: Since = None,
    until: Until = None,
    as_json: Json = False,
) -> None:
    """Show an account's transactions, newest first; or what one service did, everywhere or in one account."""
    if caller is None and account is None:
        raise WrongUsage("Name an account, or a service by --caller.")
    if caller is None and (since or until):
        raise WrongUsage("--since and --until go with --caller.")
    one = None if account is None else named(account)
    with at_work(context, as_json=as_json) as work:
        wallet = work.parts.wallet
        if caller is not None:
            work.console.show(wallet.doings.view(caller, Span.asked(since, until), one))
        elif one is not None:
            work.console.show(wallet.statement.transactions(one, str(limit), cursor, kind))


@app.command("take-back")
def take_back(
    context: typer.Context,
    caller: Annotated[str, typer.Argument(metavar="CALLER", help="The client id, or the subject, of its tokens.")],
    *,
    account: Annotated[str | None, typer.Option(help="In this account alone.")] = None,
    since: Since = None,
    until: Until = None,
    reason: Reason = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Do what `callers reverse` does, by its former name."""
    one, span = None if account is None else named(account), Span.asked(since, until)
    with at_work(context, as_json=as_json) as work:
        take_back_of(
            work, "ledger take-back", Reversal(caller, one, span, since, until), reason, yes=yes, dry_run=dry_run
        )


@app.command()
def chain(
    context: typer.Context,
    account: OneOrAll = None,
    *,
    reason: Reason = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Begin the chain of hashes of wallets that are older than it. No line is changed. Safe to repeat."""
    with at_work(context, as_json=as_json) as work:
        chaining, one = work.parts.wallet.chaining, None if account is None else named(account)
        accounts = chaining.accounts(one)

        def effect() -> Facts:
            with work.console.progress("Chaining") as step:
                return dict(asdict(chaining.run(accounts, step)))

        act = Act("ledger chain", {"account": one}, reason, dry_run, one, looks_first=False)
        carry_out(work, act, lambda: dict(asdict(chaining.preview(accounts))), effect)


@app.command()
def export(
    context: typer.Context,
    account: OneOrAll = None,
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write.")],
    form: Annotated[Format, typer.Option("--format", help="A JSON object a line, or CSV.")] = Format.JSONL,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    as_json: Json = False,
) -> None:
    """Write every transfer, with its debit and credit, to a file; amounts in micros (10,000 to the cent)."""
    with at_work(context, as_json=as_json) as work, work.console.progress("Exporting") as step:
        one = None if account is None else named(account)
        done = export_ledgers(work.parts, one, output, form, step, force=force)
        work.console.show(done)


@app.command()
def verify(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A statement, as NDJSON.")],
    *,
    as_json: Json = False,
) -> None:
    """Check a statement by itself: numbers, balances and hashes; exit status 1 at the first line that does not fit.

    It asks no stack. Whoever has one compares `hash` with the one that the account's wallet holds.
    """
    chosen = chosen_in(context, as_json=as_json)
    try:
        with file.open("rb") as lines:
            checked = verified(parse_object(line) for line in lines if line.strip())
    except OSError as error:
        raise Refused(f"{file} cannot be read: {error.strerror}.") from error
    chosen.console.show(asdict(checked))
    if checked.wrong is not None:
        raise typer.Exit(1)


@app.command()
def audit(context: typer.Context, account: OneOrAll = None, *, as_json: Json = False) -> None:
    """Recompute every balance from the ledger; exit status 1 if one does not fit."""
    with at_work(context, as_json=as_json) as work:
        with work.console.progress("Auditing") as step:
            report = work.parts.audit.service.run(None if account is None else named(account), step)
        work.console.show(asdict(report))
        if report.violations:
            raise typer.Exit(1)
