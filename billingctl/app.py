"""The command line: what stands before the verb, and the verbs, each loaded when it is typed."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Annotated, Final

import typer
from typer._click import Command, Context, HelpFormatter
from typer.core import TyperGroup

from billingctl.chosen import Chosen
from billingctl.console import Form
from billingctl.errors import WrongUsage

VERSION: Final = "0.1.0"


@dataclass(frozen=True)
class Verb:
    """Where a noun or a verb is, and what `--help` says of it without loading it."""

    module: str
    about: str


VERBS: Final = {
    "account": Verb("account", "An account: its plan, its money."),
    "usage": Verb("usage", "What an account used and may use."),
    "ledger": Verb("ledger", "The transfers of wallets and creators."),
    "spending": Verb("spending", "What an account spent, by day and by what it was for."),
    "webhooks": Verb("webhooks", "Stripe's events, and what became of them here."),
    "payouts": Verb("payouts", "What creators are paid."),
    "callers": Verb("callers", "The services that call, by the name in their tokens."),
    "tools": Verb("tools", "Creators' tools with their prices."),
    "prices": Verb("prices", "The price book of this release. No stack is asked."),
    "stripe": Verb("stripe", "What must be there at Stripe."),
    "reconcile": Verb("reconcile", "Look for what no webhook reported."),
    "doctor": Verb("doctor", "Say what is wrong with this stack, and how to mend it."),
    "log": Verb("log", "Show what operators did."),
}


class _Verbs(TyperGroup):
    """Loads the module of a verb when it is called: most of them need AWS's and Stripe's SDKs, `--help` does not."""

    def list_commands(self, ctx: Context) -> list[str]:  # noqa: ARG002 - typer calls it so
        return list(VERBS)

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:  # noqa: ARG002 - typer calls it so
        verb = VERBS.get(cmd_name)
        if verb is None:
            return None
        command = typer.main.get_command(importlib.import_module(f"billingctl.verbs.{verb.module}").app)
        command.name = cmd_name
        return command

    def resolve_command(self, ctx: Context, args: list[str]) -> tuple[str | None, Command | None, list[str]]:
        """The command that is typed; a slip of the pen is told with what may be meant."""
        meant = get_close_matches(args[0], VERBS) if args and args[0] not in VERBS else []
        if meant:
            raise WrongUsage(f"There is no {args[0]}. Did you mean {' or '.join(meant)}?")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:  # noqa: ARG002 - typer calls it so
        with formatter.section("Commands"):
            formatter.write_dl([(name, verb.about) for name, verb in VERBS.items()])


app = typer.Typer(
    name="billingctl",
    cls=_Verbs,
    help="Look at and mend what a billing stack holds. Without --stack, the local stack that `make run` started.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _version(asked: bool) -> None:  # noqa: FBT001 - typer calls it so
    if asked:
        typer.echo(f"billingctl {VERSION}")
        raise typer.Exit


@app.callback()
def choose(
    context: typer.Context,
    stack: Annotated[
        str | None, typer.Option(envvar="BILLINGCTL_STACK", help="A CloudFormation stack's name: work on AWS.")
    ] = None,
    profile: Annotated[str | None, typer.Option(help="The AWS profile, with --stack.")] = None,
    region: Annotated[str | None, typer.Option(help="The AWS region, with --stack.")] = None,
    port: Annotated[int, typer.Option(envvar="PORT", help="The local stack's port.")] = 3000,
    output: Annotated[Form, typer.Option(help="How the answer is printed; --json after a verb is short for json.")] = (
        Form.TABLE
    ),
    verbose: Annotated[bool, typer.Option("--verbose", help="Show on stderr what the rooms log.")] = False,  # noqa: FBT002
    version: Annotated[  # noqa: ARG001 - answered by its callback
        bool | None, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = None,
) -> None:
    """Choose the stack."""
    chosen: Chosen = context.obj
    chosen.stack, chosen.profile, chosen.region = stack or None, profile, region
    chosen.port, chosen.verbose = port, verbose
    chosen.console.form = output
