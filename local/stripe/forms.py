"""Stripe's form encoding: `a[b][0]=c` to nested values."""

from __future__ import annotations

import re
from collections.abc import Iterable

from local.stripe.errors import invalid
from local.stripe.objects import Json

_KEY = re.compile(r"[^\[\]]+|\[[^\[\]]*\]")
_DEEPEST = 12


def decode(pairs: Iterable[tuple[str, str]]) -> Json:
    """The parameters as nested dicts and lists; leaves are strings. A crooked key is a 400."""
    root: Json = {}
    for key, value in pairs:
        _place(root, _segments(key), value)
    listed = _listed(root)
    return listed if isinstance(listed, dict) else root


def _segments(key: str) -> list[str]:
    parts = _KEY.findall(key)
    if "".join(parts) != key or not parts or parts[0].startswith("[") or len(parts) > _DEEPEST:
        raise invalid(f"Invalid parameter name: {key[:200]}", "parameter_unknown", key[:200])
    return [parts[0], *[part[1:-1] for part in parts[1:]]]


def _place(root: Json, segments: list[str], value: str) -> None:
    here = root
    for segment in segments[:-1]:
        name = segment or str(len(here))
        inner = here.setdefault(name, {})
        if not isinstance(inner, dict):
            raise invalid(f"Invalid parameter: {segments[0]}", "parameter_unknown", segments[0])
        here = inner
    here[segments[-1] or str(len(here))] = value


def _listed(value: object) -> object:
    """Turn dicts whose keys are 0, 1, 2, … into lists."""
    if not isinstance(value, dict):
        return value
    inner = {key: _listed(item) for key, item in value.items()}
    if inner and all(key.isdigit() for key in inner):
        return [inner[key] for key in sorted(inner, key=int)]
    return inner
