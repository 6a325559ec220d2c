"""Is an answer what Stripe's OpenAPI document says? Every field there, none invented, at every depth."""

from __future__ import annotations

import functools
import json
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from local.stripe.spec import Json, document

_ROOT = "urn:stripe"

# Objects Stripe sends although its document leaves their shape open.
_OPEN = frozenset({"notification_event_data"})


def complaint(schema: Json, value: object) -> str | None:
    """The first way in which the value departs from the schema, or None."""
    error = best_match(_validator(_key(schema)).iter_errors(value))
    return None if error is None else f"{error.json_path}: {error.message[:300]}"


def complaint_of_object(stored: Json) -> str | None:
    """The same for an object by its `object` field; what was found is remembered, whatever the object's id."""
    kind = f"deleted_{stored['object']}" if stored.get("deleted") else stored["object"]
    return _of_object(kind, json.dumps({**stored, "id": "id"} if "id" in stored else stored))


@functools.lru_cache(maxsize=4096)
def _of_object(kind: str, text: str) -> str | None:
    return complaint({"$ref": f"#/components/schemas/{kind}"}, json.loads(text))


def _key(schema: Json) -> str:
    return json.dumps(schema, sort_keys=True)


@functools.cache
def _validator(key: str) -> Draft202012Validator:
    return Draft202012Validator(_strict(json.loads(key), ""), registry=_registry())


@functools.cache
def _registry() -> Registry[Any]:
    schemas = {name: _strict(schema, name) for name, schema in document()["components"]["schemas"].items()}
    resource = Resource(contents={"components": {"schemas": schemas}}, specification=DRAFT202012)
    return Registry().with_resource(_ROOT, resource)


def _strict(schema: Json, name: str) -> Json:
    """OpenAPI's `nullable` as JSON Schema says it; objects may carry only what is named."""
    if "$ref" in schema:
        return {"$ref": _ROOT + schema["$ref"]}
    made: Json = {}
    for key in ("type", "enum", "maxLength", "minimum", "maximum", "pattern", "required"):
        if key in schema:
            made[key] = schema[key]
    if "anyOf" in schema:
        made["anyOf"] = [_strict(option, "") for option in schema["anyOf"]]
    if "items" in schema:
        made["items"] = _strict(schema["items"], "")
    if schema.get("properties"):
        made["properties"] = {key: _strict(inner, "") for key, inner in schema["properties"].items()}
        if name not in _OPEN:
            made["additionalProperties"] = False
    if isinstance(schema.get("additionalProperties"), dict) and schema["additionalProperties"]:
        made["additionalProperties"] = _strict(schema["additionalProperties"], "")
    return {"anyOf": [made, {"type": "null"}]} if schema.get("nullable") else made
