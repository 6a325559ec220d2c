"""Answers read into frozen dataclasses. A field that is new to this client is passed over."""

from __future__ import annotations

import dataclasses
import functools
import json
import types
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import TypeVar, Union, cast, get_args, get_origin, get_type_hints

from aerostack_billing_client.errors import UnexpectedAnswer

T = TypeVar("T")


class _Unfit(Exception):
    """The value is not what is expected at this place."""


def parsed(body: bytes) -> object:
    """JSON with its decimals exact; UnexpectedAnswer if it is none."""
    try:
        return cast("object", json.loads(body, parse_float=Decimal))
    except ValueError as error:
        raise UnexpectedAnswer("The answer is not JSON.") from error


def read(kind: type[T], value: object) -> T:
    """The value as `kind`; UnexpectedAnswer, naming the place, where a field is missing or of another type."""
    try:
        return cast("T", _read(kind, value, kind.__name__))
    except _Unfit as unfit:
        raise UnexpectedAnswer(f"The answer is not as documented: {unfit}.") from unfit


def _read(hint: object, value: object, where: str) -> object:
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return _record(hint, value, where)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in {Union, types.UnionType}:
        return _either(arguments, value, where)
    if origin is tuple:
        items = _expected(list, value, where)
        return tuple(_read(arguments[0], item, f"{where}[{place}]") for place, item in enumerate(items))
    if origin is Mapping:
        pairs = _expected(dict, value, where)
        return {name: _read(arguments[1], item, f"{where}.{name}") for name, item in pairs.items()}
    return _SIMPLE[hint](value, where)


def _record(kind: type, value: object, where: str) -> object:
    given = _expected(dict, value, where)
    fields: dict[str, object] = {}
    for name, (hint, needed) in _fields(kind).items():
        # A name that Python keeps for itself has an underscore after it here.
        told = name.rstrip("_")
        if told in given:
            fields[name] = _read(hint, given[told], f"{where}.{told}")
        elif needed:
            raise _Unfit(f"{where}.{name} is missing")
    return cast("object", kind(**fields))


@functools.cache
def _fields(kind: type) -> dict[str, tuple[object, bool]]:
    """Name, type, and whether an answer must have it."""
    hints = get_type_hints(kind)
    return {field.name: (hints[field.name], field.default is dataclasses.MISSING) for field in dataclasses.fields(kind)}


def _either(hints: tuple[object, ...], value: object, where: str) -> object:
    for hint in hints[:-1]:
        try:
            return _read(hint, value, where)
        except _Unfit:
            continue
    return _read(hints[-1], value, where)


def _expected(kind: type[T], value: object, where: str) -> T:
    # True is no number here.
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise _Unfit(f"{where} is no {kind.__name__}")
    return value


def _none(value: object, where: str) -> None:
    if value is not None:
        raise _Unfit(f"{where} is not null")


def _number(value: object, where: str) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(_expected(int, value, where))


def _moment(value: object, where: str) -> datetime:
    try:
        return datetime.fromisoformat(_expected(str, value, where))
    except ValueError as error:
        raise _Unfit(f"{where} is no time") from error


def _day(value: object, where: str) -> date:
    try:
        return date.fromisoformat(_expected(str, value, where))
    except ValueError as error:
        raise _Unfit(f"{where} is no date") from error


_SIMPLE: Mapping[object, Callable[[object, str], object]] = {
    str: functools.partial(_expected, str),
    int: functools.partial(_expected, int),
    bool: functools.partial(_expected, bool),
    Decimal: _number,
    datetime: _moment,
    date: _day,
    types.NoneType: _none,
    object: lambda value, _: value,
}
