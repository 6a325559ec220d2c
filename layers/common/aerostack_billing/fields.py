"""Field types that several rooms' request models share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from aerostack_billing.errors import InvalidRequest

Model = TypeVar("Model", bound=BaseModel)

# Letters, digits and the marks that identity providers use in a `sub`; never `#`, which separates parts of our keys.
_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.:@|+=,-]*$"

AccountId = Annotated[str, StringConstraints(pattern=_NAME, min_length=1, max_length=128)]
ResourceId = Annotated[str, StringConstraints(pattern=_NAME, min_length=1, max_length=128)]
IdempotencyKey = Annotated[str, StringConstraints(min_length=1, max_length=255)]


class RequestModel(BaseModel):
    """A request as it must be: exact JSON types, no field that is not ours."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


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
