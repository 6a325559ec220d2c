"""A request's parameters against Stripe's schema: typed values out, or Stripe's 400."""

from __future__ import annotations

import re

from local.stripe.errors import StripeError, invalid
from local.stripe.objects import Json
from local.stripe.spec import Operation, resolve

_INTEGER = re.compile(r"-?\d{1,18}")
_DECIMAL = re.compile(r"-?\d+(\.\d+)?")


def checked(operation: Operation, params: Json) -> Json:
    """The parameters with the types that the schema gives them.

    Raises Stripe's error for an unknown parameter, a missing one, a wrong type or a value outside an enum.
    """
    return _object(operation.parameters, params, "")


def _value(schema: Json, value: object, name: str) -> object:
    schema = resolve(schema)
    if "anyOf" in schema:
        return _any_of(schema["anyOf"], value, name)
    kind = schema.get("type", "string")
    if kind == "object":
        if not isinstance(value, dict):
            raise invalid("Invalid object", None, name)
        return _object(schema, value, name)
    if kind == "array":
        if not isinstance(value, list):
            raise invalid("Invalid array", None, name)
        return [_value(schema["items"], item, f"{name}[{index}]") for index, item in enumerate(value)]
    if not isinstance(value, str):
        raise invalid(f"Invalid {kind}", None, name)
    return _scalar(schema, kind, value, name)


def _scalar(schema: Json, kind: str, value: str, name: str) -> object:
    if kind == "integer":
        if not _INTEGER.fullmatch(value):
            raise invalid(f"Invalid integer: {value[:100]}", "parameter_invalid_integer", name)
        return int(value)
    if kind == "boolean":
        if value not in ("true", "false"):
            raise invalid(f"Invalid boolean: {value[:100]}", None, name)
        return value == "true"
    if kind == "number" or schema.get("format") == "decimal":
        if not _DECIMAL.fullmatch(value):
            raise invalid(f"Invalid decimal: {value[:100]}", None, name)
        return value
    return _text(schema, value, name)


def _text(schema: Json, value: str, name: str) -> str:
    allowed = schema.get("enum")
    if allowed is not None:
        if value not in allowed:
            # An enum of nothing but the empty string stands beside an object or a list: it unsets.
            answer = "Invalid object" if allowed == [""] else f"Invalid {name}: must be one of {_worded(allowed)}"
            raise invalid(answer, None, name)
        return value
    if value == "":
        raise invalid(
            f"You passed an empty string for '{name}'. We assume empty values are an attempt to unset a parameter; "
            f"however '{name}' cannot be unset. You should remove '{name}' from your request or supply a non-empty "
            "value.",
            "parameter_invalid_empty",
            name,
        )
    longest = schema.get("maxLength")
    if longest is not None and len(value) > longest:
        raise invalid(f"Invalid string: {value[:20]}...; must be at most {longest} characters", None, name)
    return value


def _any_of(options: list[Json], value: object, name: str) -> object:
    """The first alternative that takes the value; else the complaint of the one that resembles it most."""
    complaint: StripeError | None = None
    for option in sorted(options, key=lambda candidate: not _resembles(resolve(candidate), value)):
        try:
            return _value(option, value, name)
        except StripeError as refused:
            complaint = complaint or refused
    raise complaint or invalid(f"Invalid {name}", None, name)


def _resembles(schema: Json, value: object) -> bool:
    if isinstance(value, dict):
        return schema.get("type") == "object"
    if isinstance(value, list):
        return schema.get("type") == "array"
    return schema.get("type") not in ("object", "array")


def _object(schema: Json, value: Json, name: str) -> Json:
    properties, others = schema.get("properties", {}), schema.get("additionalProperties", False)
    found: Json = {}
    for key, item in value.items():
        inner = f"{name}[{key}]" if name else key
        if key in properties:
            found[key] = _value(properties[key], item, inner)
        elif isinstance(others, dict) and others:
            # A metadata value may be empty: that removes the key.
            found[key] = "" if item == "" else _value(others, item, inner)
        else:
            raise invalid(f"Received unknown parameter: {inner}", "parameter_unknown", inner)
    for key in schema.get("required", []):
        if key not in value:
            inner = f"{name}[{key}]" if name else key
            raise invalid(f"Missing required param: {inner}.", "parameter_missing", inner)
    return found


def _worded(values: list[str]) -> str:
    shown = [value for value in values if value]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])}, or {shown[-1]}"
