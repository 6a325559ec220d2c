"""Field types that several rooms' request models share."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

# Letters, digits and the marks that identity providers use in a `sub`; never `#`, which separates parts of our keys.
_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.:@|+=,-]*$"

AccountId = Annotated[str, StringConstraints(pattern=_NAME, min_length=1, max_length=128)]
ResourceId = Annotated[str, StringConstraints(pattern=_NAME, min_length=1, max_length=128)]
IdempotencyKey = Annotated[str, StringConstraints(min_length=1, max_length=255)]


class RequestModel(BaseModel):
    """A request as it must be: exact JSON types, no field that is not ours."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
