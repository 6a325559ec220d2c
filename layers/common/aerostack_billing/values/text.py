"""Foreign text where it is taken and where it is shown: printable, no formula, nothing that a terminal obeys."""

from __future__ import annotations

import json
from typing import Final

PRINTABLE: Final = r"^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]+$"
"""A field's pattern: no control characters, and no ends of lines. What is no text at all is refused by pydantic."""
MOST_ANSWERED: Final = 5_000_000
"""Bytes that an answer may come to: a function answers 6 MB, and what is longer is an error that nobody asked for."""
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def neutral(value: object) -> object:
    """A cell that no spreadsheet takes for a formula, also where it drops the spaces before one."""
    formula = isinstance(value, str) and (value.startswith(_FORMULA) or value.lstrip().startswith(_FORMULA))
    return f"'{value}" if formula else value


def answered_bytes(value: object) -> int:
    """How many bytes a value comes to in an answer, at most: as JSON, which is a text of the function's own answer."""
    text = json.dumps(value)
    return len(text) + text.count('"') + text.count("\\")


def visible(text: str) -> str:
    """The text with what a terminal would obey, and not show, written out as escape sequences."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)
