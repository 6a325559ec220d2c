"""billingctl prices"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aerostack_billing.platform import clock
from aerostack_billing.prices import book, community
from aerostack_billing.prices.models import BookData
from billingctl.errors import Refused, WrongUsage
from billingctl.work import Json, chosen_in

app = typer.Typer(name="prices", help="The price book of this release. No stack is asked.", no_args_is_help=True)
File = Annotated[Path, typer.Argument(metavar="FILE", help="Prices as the `litellm` package ships them: a JSON.")]
Model = Annotated[list[str] | None, typer.Option("--model", help="Only this model, by the file's name; repeat it.")]


@app.command()
def show(context: typer.Context, *, as_json: Json = False) -> None:
    """Show the prices that are in force, and those that follow; dollars a million tokens."""
    chosen_in(context, as_json=as_json).console.show(book.load(0).published({}))


@app.command()
def diff(context: typer.Context, file: File, *, model: Model = None, as_json: Json = False) -> None:
    """Say what a file prices otherwise; of the models named, also what the book does not have."""
    found = _differences(file, model)
    chosen_in(context, as_json=as_json).console.show({"differences": [each.view() for each in found]})


@app.command("import")
def import_(
    context: typer.Context,
    file: File,
    *,
    effective_from: Annotated[str, typer.Option(help="The day on which the new prices start, like 2026-09-01.")],
    model: Model = None,
    write: Annotated[Path | None, typer.Option(help="Write the new book here; without, only say what changes.")] = None,
    as_json: Json = False,
) -> None:
    """Take a file's prices into the book, from a day to come; every price it had stays.

    The book is part of the release: read the change, commit it, deploy it.
    """
    today = clock.now().strftime("%Y-%m-%d")
    if effective_from <= today:
        raise WrongUsage(f"--effective-from must be after {today}: what was charged today keeps its price.")
    found = _differences(file, model)
    data = book.load(0).data
    merged = community.merged(data, found, effective_from, today)
    if write is not None:
        write.write_text(community.written(BookData.model_validate(merged.model_dump())), encoding="utf-8")
    chosen_in(context, as_json=as_json).console.show(
        {
            "effective_from": effective_from,
            "changed": [each.view() for each in found],
            "written": None if write is None else str(write),
        }
    )


def _differences(file: Path, model: list[str] | None) -> list[community.Difference]:
    try:
        text = file.read_bytes()
    except OSError as error:
        raise Refused(f"{file} cannot be read: {error.strerror}.") from error
    return community.compare(book.load(0).data, community.read(text), model or ())
