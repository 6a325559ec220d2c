"""What is wrong with a field of a request, in the API's own words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_WORDS: Mapping[str, str] = {
    "missing": "is missing",
    "extra_forbidden": "is no field of this request",
    "literal_error": "must be {expected}",
    "string_type": "must be a string",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "must match {pattern}",
    "too_short": "must have at least {min_length} items",
    "too_long": "must have at most {max_length} items",
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be more than {gt}",
    "less_than_equal": "must be at most {le}",
    "less_than": "must be less than {lt}",
    "value_error": "{error}",
}
"""By the kind of the error, what is to be said of it with its figures."""


def worded(error: ErrorDetails) -> str:
    """What is wrong with the field, as a sentence goes on after its name. It repeats nothing that was sent."""
    words = _WORDS.get(error["type"])
    if words is None:
        return error["msg"].replace("Input should be", "must be")
    return words.format(**error.get("ctx", {}))
