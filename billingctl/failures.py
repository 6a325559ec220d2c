"""What failed, as one sentence for whoever typed the command."""

from __future__ import annotations

import typer
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import ValidationError
from typer.exceptions import TyperException

from aerostack_billing.values.errors import BillingError, Misconfigured
from billingctl import aws
from billingctl.errors import Refused, WrongUsage


def refusal(error: Exception) -> BillingError | None:
    """The failure as a refusal that holds nothing of the request; None for what nobody expected."""
    if isinstance(error, BillingError):
        return error
    if isinstance(error, TyperException):
        return WrongUsage(_with_what_helps(error))
    reason = _reason(error)
    return None if reason is None else Refused(reason)


def _with_what_helps(error: TyperException) -> str:
    """What was typed wrongly, and what to type to see what there is."""
    said, context = error.format_message(), getattr(error, "ctx", None)
    if context is None:
        return said
    return f"{said}{'' if said.endswith(('.', '?')) else '.'} `{context.command_path} --help` shows what there is."


def _reason(error: Exception) -> str | None:
    match error:
        case ClientError():
            return aws.sentence("AWS refused", error)
        case Misconfigured():
            return f"The stack is not set up for this: {error}."
        case BotoCoreError():
            return f"AWS could not be asked: {error}"
        case ValidationError():
            return "What is stored, at Stripe or here, has another shape than this version reads."
        case typer.Abort():
            return "Broken off."
        case _:
            return None
