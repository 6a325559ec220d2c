"""billingctl tools"""

from __future__ import annotations

from typing import Annotated

import typer

from billingctl.arguments import named
from billingctl.work import Json, at_work

app = typer.Typer(name="tools", help="Creators' tools with their prices.", no_args_is_help=True)


@app.command("list")
def listed(
    context: typer.Context,
    creator: Annotated[str, typer.Argument(metavar="CREATOR", help="The creator's id.")],
    *,
    as_json: Json = False,
) -> None:
    """List a creator's tools."""
    with at_work(context, as_json=as_json) as work:
        work.console.show(work.parts.creators.tools.list(named(creator)))


@app.command()
def show(
    context: typer.Context,
    tool: Annotated[str, typer.Argument(metavar="TOOL", help="The tool's id.")],
    *,
    as_json: Json = False,
) -> None:
    """Show what a tool costs, and whose it is."""
    with at_work(context, as_json=as_json) as work:
        work.console.show(work.parts.creators.tools.get(tool))
