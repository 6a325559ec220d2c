"""JSON as it comes from outside: an object, exact, each name once."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal, InvalidOperation
from typing import NoReturn

from aerostack_billing.values.errors import InvalidJson, InvalidRequest


def parse_object(raw: bytes | str) -> dict[str, object]:
    """The object that a body is, numbers with a fraction as Decimal.

    InvalidJson (400) for what is not JSON; InvalidRequest (422) for another value, or an object with a name twice.
    """
    try:
        data = json.loads(raw, parse_float=_decimal, parse_constant=_no_constant, object_pairs_hook=_each_name_once)
    except (ValueError, RecursionError) as error:
        raise InvalidJson("The body is not valid JSON.") from error
    if not isinstance(data, dict):
        raise InvalidRequest("The body must be a JSON object.", {"body": "must be an object"})
    return data


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise ValueError("a number beyond all bounds") from error


def _each_name_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """The object; InvalidRequest (422) where a name stands twice: what reads it elsewhere may take the other value."""
    data = dict(pairs)
    if len(data) != len(pairs):
        repeated = [name for name, times in Counter(name for name, _ in pairs).items() if times > 1]
        raise InvalidRequest("Give each field once.", dict.fromkeys(repeated, "given more than once"))
    return data


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
