"""The command line: what stands before the verb, and the verbs."""

from __future__ import annotations

from typing import Annotated

import typer

from billingctl.verbs import account, ledger, payouts, stripe, usage, webhooks
from billingctl.verbs.log import log
from billingctl.verbs.reconcile import reconcile
from billingctl.work import Chosen

app = typer.Typer(
    name="billingctl",
    help="Look at and mend what a billing stack holds. Without --stack, the local stack that `make run` started.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for noun in (account, usage, ledger, webhooks, payouts, stripe):
    app.add_typer(noun.app)
for verb in (reconcile, log):
    app.command()(verb)


@app.callback()
def choose(
    context: typer.Context,
    stack: Annotated[
        str | None, typer.Option(envvar="BILLINGCTL_STACK", help="A CloudFormation stack's name: work on AWS.")
    ] = None,
    profile: Annotated[str | None, typer.Option(help="The AWS profile, with --stack.")] = None,
    region: Annotated[str | None, typer.Option(help="The AWS region, with --stack.")] = None,
    port: Annotated[int, typer.Option(envvar="PORT", help="The local stack's port.")] = 3000,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show on stderr what the rooms log.")] = False,  # noqa: FBT002
) -> None:
    """Choose the stack."""
    chosen: Chosen = context.obj
    chosen.stack, chosen.profile, chosen.region = stack or None, profile, region
    chosen.port, chosen.verbose = port, verbose
