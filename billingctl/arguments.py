"""What is typed, as the rooms take it: refused by the same models as a request."""

from __future__ import annotations

from typing import Annotated, TypeVar

from pydantic import BaseModel, Field

from aerostack_billing.values.fields import AccountId, RequestModel, validated

Model = TypeVar("Model", bound=BaseModel)


class _Named(RequestModel):
    account: AccountId


class SuspensionRequest(RequestModel):
    """A text that a user will read."""

    message: Annotated[str, Field(min_length=1, max_length=300)]


def named(account: str) -> str:
    """The account's id if it can be one; InvalidRequest if not."""
    return request_of(_Named, account=account).account


def request_of(model: type[Model], **fields: object) -> Model:
    """The request that the command line makes; InvalidRequest with what is wrong with which field."""
    return validated(model, fields)
