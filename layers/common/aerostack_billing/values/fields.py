"""Field types that several rooms' request models share."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, StringConstraints, TypeAdapter, ValidationError

from aerostack_billing.values.errors import InvalidRequest

Model = TypeVar("Model", bound=BaseModel)
Kind = TypeVar("Kind")

# Letters, digits and the marks that identity providers use in a `sub`; never `#`, which separates parts of our keys.
_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.:@|+=,-]*$"

AccountId = Annotated[str, StringConstraints(pattern=_NAME, min_length=1, max_length=128)]
ResourceId = Annotated[str, StringConstraints(pattern=_NAME, min_length=1, max_length=128)]
IdempotencyKey = Annotated[str, StringConstraints(min_length=1, max_length=255)]


class RequestModel(BaseModel):
    """A request as it must be: exact JSON types, no field that is not ours.

    Checked by a schema that is built on first use: a function builds those of the requests it takes.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, defer_build=True)


@functools.cache
def adapter(kind: type[Kind]) -> TypeAdapter[Kind]:
    """What makes a `kind` of plain data; built on first use, since a function needs few of those it imports."""
    return TypeAdapter(kind)


def validated(model: type[Model], data: Mapping[str, object]) -> Model:
    """`data` as `model`; InvalidRequest (422) that says of each wrong field what is wrong with it."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise _named(error) from error


def _named(error: ValidationError) -> InvalidRequest:
    details = {
        ".".join(map(str, e["loc"])) or "body": e["msg"] for e in error.errors(include_url=False, include_input=False)
    }
    fields = ", ".join(sorted(details))
    return InvalidRequest(f"These fields are wrong: {fields}. See details.", details)
