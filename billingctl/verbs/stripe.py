"""billingctl stripe"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from billingctl import aws
from billingctl.acts import Act, DryRun, Facts, Reason, carry_out
from billingctl.errors import Refused, WrongUsage
from billingctl.work import Json, Work, at_work, chosen_in, rooms

app = typer.Typer(name="stripe", help="What must be there at Stripe.", no_args_is_help=True)
SecretArn = Annotated[
    str | None,
    typer.Option(help="Before there is a stack: the secret with Stripe's API key, in AWS Secrets Manager."),
]
WebhookUrl = Annotated[str | None, typer.Option(help="Where Stripe is to send events; the stack's own if not given.")]


@app.command()
def check(
    context: typer.Context, *, secret_arn: SecretArn = None, webhook_url: WebhookUrl = None, as_json: Json = False
) -> None:
    """Say what differs from what must be there; exit status 1 if something does."""
    with _account(context, secret_arn, as_json=as_json) as work:
        url = webhook_url or work.target.webhook_url
        report = work.parts.payments.setup(lambda _id, _secret: None).run(url, write=False)
        work.console.show(report.view())
        if report.findings:
            raise typer.Exit(1)


@app.command()
def bootstrap(
    context: typer.Context,
    *,
    secret_arn: SecretArn = None,
    webhook_url: WebhookUrl = None,
    secret_file: Annotated[
        Path | None,
        typer.Option(help="Write new signing secrets to this new file, for whoever may not write the secret itself."),
    ] = None,
    prune_secrets: Annotated[
        bool,
        typer.Option("--prune-secrets", help="Drop signing secrets that were made here for endpoints that are gone."),
    ] = False,
    reason: Reason = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Make an account at Stripe ready, and mend what differs; safe to repeat.

    Products, two prices a plan, the customers' portal, the webhook endpoints. New signing secrets go straight into the
    stack's secret, beside the ones that are there, and are never shown.
    """
    if prune_secrets and secret_file is not None:
        raise WrongUsage("--prune-secrets writes the stack's secret: whoever may not do that leaves it out.")
    with _account(context, secret_arn, as_json=as_json) as work:
        keep = _keeper(work, secret_file)
        prune = work.parts.payments.signing if prune_secrets else None
        url = webhook_url or work.target.webhook_url

        def preview() -> Facts:
            return work.parts.payments.setup(keep).run(url, write=False, prune=prune).view()

        def effect() -> Facts:
            return work.parts.payments.setup(keep).run(url, write=True, prune=prune).view()

        arguments = {
            "webhook_url": url,
            "secret_file": None if secret_file is None else str(secret_file),
            "prune_secrets": prune_secrets,
        }
        carry_out(work, Act("stripe bootstrap", arguments, reason, dry_run, looks_first=False), preview, effect)
        if not work.target.recorded and not dry_run:
            work.console.say("There is no stack yet, so that nothing was noted in the operators' log.")
        if url is None:
            work.console.say("There is no webhook URL yet: deploy, then do this again with --stack.")


def _keeper(work: Work, file: Path | None) -> Callable[[str, str], None]:
    """Where a signing secret goes: into the stack's secret, or to a new file that only its owner can read."""
    if file is None:
        return work.parts.payments.signing.add_webhook_secret
    if file.exists():
        raise Refused(f"{file} is there already: name a new file.")

    def write(_endpoint_id: str, signing_secret: str) -> None:
        try:
            handle = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as opened:
                print(signing_secret, file=opened)
        except OSError as error:
            raise Refused(f"{file} cannot be written: {error.strerror}.") from error
        work.console.say(
            f"A signing secret is in {file}: add it to webhook_secrets in the stack's secret, then delete it."
        )

    return write


@contextmanager
def _account(context: typer.Context, secret_arn: str | None, *, as_json: bool) -> Iterator[Work]:
    """The Stripe account: a stack's, or of a secret that no stack uses yet."""
    if secret_arn is None:
        with at_work(context, as_json=as_json) as work:
            yield work
        return
    chosen = chosen_in(context, as_json=as_json)
    if chosen.stack is not None:
        raise WrongUsage("--secret-arn is for an account that no stack uses yet: leave it or --stack out.")
    target = aws.bare_target(aws.session(chosen.profile, chosen.region), secret_arn)
    with rooms(chosen, target) as work:
        yield work
