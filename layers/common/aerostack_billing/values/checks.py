"""Checks of what must be so, which no flag of the interpreter switches off: `assert` is gone under `python -O`."""

from __future__ import annotations

from typing import TypeVar

from aerostack_billing.values.errors import Inconsistent

Kind = TypeVar("Kind")


def required(value: Kind | None, what: str) -> Kind:
    """The value; Inconsistent where there is none."""
    if value is None:
        raise Inconsistent(f"{what} is missing")
    return value


def required_as(kind: type[Kind], value: object, what: str) -> Kind:
    """The value, if it is of the kind; Inconsistent if not. A truth value is no number."""
    if not isinstance(value, kind) or isinstance(value, bool) is not (kind is bool):
        raise Inconsistent(f"{what} is no {kind.__name__}")
    return value
