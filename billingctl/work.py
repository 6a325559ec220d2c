"""One command at work: its stack, the rooms on it, and where it prints."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

import typer
from aws_lambda_powertools import Logger

from aerostack_billing.assembly.runtime import Runtime
from billingctl import aws
from billingctl.chosen import Chosen
from billingctl.console import Console, Form
from billingctl.errors import WrongUsage
from billingctl.targets import Target, local_target

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object, and nothing else, on stdout.")]
Account = Annotated[str, typer.Argument(metavar="ACCOUNT", help="The account's id.")]


@dataclass(frozen=True)
class Work:
    """What a verb works with."""

    target: Target
    parts: Runtime
    console: Console


@contextmanager
def at_work(context: typer.Context, *, as_json: bool) -> Iterator[Work]:
    """The stack that was chosen, inside the block. NoTarget where there is none; WrongUsage where the choice is odd."""
    chosen = chosen_in(context, as_json=as_json)
    with _target(chosen) as target, rooms(chosen, target) as work:
        yield work


def chosen_in(context: typer.Context, *, as_json: bool) -> Chosen:
    """What was chosen before the verb."""
    chosen: Chosen = context.obj
    if as_json:
        chosen.console.form = Form.JSON
    return chosen


@contextmanager
def rooms(chosen: Chosen, target: Target) -> Iterator[Work]:
    """The rooms on a stack. What they log is shown with --verbose; nothing of it ever reaches stdout."""
    log = sys.stderr if chosen.verbose else io.StringIO()
    # Metrics are printed to stdout, for Lambda to take; there is no Lambda here.
    with contextlib.redirect_stdout(io.StringIO()):
        parts = target.runtime()
        parts.logger = Logger(service="billingctl", level="INFO", stream=log)
        yield Work(target, parts, chosen.console)


@contextmanager
def _target(chosen: Chosen) -> Iterator[Target]:
    if chosen.stack is not None:
        yield aws.stack_target(aws.session(chosen.profile, chosen.region), chosen.stack)
        return
    if chosen.profile is not None or chosen.region is not None:
        raise WrongUsage("--profile and --region need --stack; without it the local stack is meant.")
    with local_target(chosen.port) as target:
        yield target
