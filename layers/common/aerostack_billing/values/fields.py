"""Field types that several rooms' request models share."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, TypeAdapter, ValidationError

from aerostack_billing.values import authority
from aerostack_billing.values.errors import BillingError, InvalidRequest
from aerostack_billing.values.wording import worded

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

Model = TypeVar("Model", bound=BaseModel)
Kind = TypeVar("Kind")

# Letters, digits and the marks that identity providers use in a `sub`; never `#`, which separates parts of our keys.
_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.:@|+=,-]*$"
# A `sub` of Entra ID is base64url, which may begin with any of its letters.
_SUBJECT = r"^[A-Za-z0-9_-][A-Za-z0-9_.:@|+=,-]*$"

CREATORS: Final = "creator:"
"""How the ledger's partition of a creator begins: an account of such a name would be that creator."""


def _of_an_account(name: str) -> str:
    if name.startswith(CREATORS):
        raise ValueError(f"must not begin with {CREATORS}")
    return name


AccountId = Annotated[
    str, StringConstraints(pattern=_SUBJECT, min_length=1, max_length=128), AfterValidator(_of_an_account)
]
ResourceId = Annotated[str, StringConstraints(pattern=_NAME, min_length=1, max_length=128)]
IdempotencyKey = Annotated[str, StringConstraints(min_length=1, max_length=255)]


class WrongField(ValueError):
    """What is wrong with one field in the light of others: raised by a validator of the whole model."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class RequestModel(BaseModel):
    """A request as it must be: exact JSON types, no field that is not ours.

    Checked by a schema that is built on first use: a function builds those of the requests it takes.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, defer_build=True)

    most_bytes: ClassVar[int] = 64 * 1024
    """How long the body may be. A request that carries many others allows more."""

    @classmethod
    def needs_nothing(cls) -> bool:
        """Whether every field may be left out."""
        return not any(field.is_required() for field in cls.model_fields.values())


@functools.cache
def adapter(kind: type[Kind]) -> TypeAdapter[Kind]:
    """What makes a `kind` of plain data; built on first use, since a function needs few of those it imports."""
    return TypeAdapter(kind)


def validated(model: type[Model], data: Mapping[str, object]) -> Model:
    """`data` as `model`; InvalidRequest (422) that says of each wrong field what is wrong with it.

    TokenRestricted (403) where it names an account, or a kind of charge, that the service's token is not for.
    """
    try:
        made = model.model_validate(data)
    except ValidationError as error:
        raise _named(error) from error
    _check_authority(made)
    return made


def validated_each(model: type[Model], rows: Sequence[Mapping[str, object]]) -> list[Model | BillingError]:
    """Each of the rows as `validated` makes it, or the error that it raises: all by one pass of one schema.

    The rows that are wrong are then looked at one by one, for their own errors.
    """
    try:
        made, wrong = _each(model).validate_python(rows), frozenset[int]()
    except ValidationError as error:
        wrong = frozenset(int(e["loc"][0]) for e in error.errors(include_url=False, include_input=False))
        made = _each(model).validate_python([row for place, row in enumerate(rows) if place not in wrong])
    right = iter(made)
    return [_one(model, row, None if place in wrong else next(right)) for place, row in enumerate(rows)]


@functools.cache
def _each(model: type[Model]) -> TypeAdapter[list[Model]]:
    return TypeAdapter(list[model])  # type: ignore[valid-type]


def _one(model: type[Model], row: Mapping[str, object], made: Model | None) -> Model | BillingError:
    try:
        if made is None:
            return validated(model, row)
        _check_authority(made)
    except BillingError as error:
        return error
    return made


def _check_authority(made: BaseModel) -> None:
    """Return if the service's token is for what the request names; TokenRestricted (403) if not."""
    fields, allowed = type(made).model_fields, authority.current()
    if "account_id" in fields:
        allowed.check_account(made.account_id)  # type: ignore[attr-defined]
        if "kind" in fields and isinstance(kind := made.kind, str):  # type: ignore[attr-defined]
            allowed.check_kind(kind)


def _named(error: ValidationError) -> InvalidRequest:
    details = {_place(e): worded(e) for e in error.errors(include_url=False, include_input=False)}
    fields = ", ".join(sorted(details))
    return InvalidRequest(f"These fields are wrong: {fields}. See details.", details)


def _place(error: ErrorDetails) -> str:
    found = error.get("ctx", {}).get("error")
    place = (*error["loc"], found.field) if isinstance(found, WrongField) else error["loc"]
    return ".".join(map(str, place)) or "body"
