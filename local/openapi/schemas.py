"""The schemas of the document: the models that check requests, and the models that describe answers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue, models_json_schema
from pydantic_core.core_schema import LiteralSchema, WithDefaultSchema

from aerostack_billing.plans.catalog import Catalog
from aerostack_billing.prices.book import load as load_book
from local.openapi.answers import Error, GatewayMessage
from local.openapi.describing import Operation, Refusal, Schema

_REF = "#/components/schemas/{model}"


class _Plain(GenerateJsonSchema):
    """Without a title for each field, which would say its name again, and without null as a default.

    A generator takes a field with a default for one that is always there, also in a request.
    """

    def default_schema(self, schema: WithDefaultSchema) -> JsonSchemaValue:
        """The schema of a field that need not be given."""
        found = super().default_schema(schema)
        if found.get("default", ...) is None:
            del found["default"]
        return found

    def literal_schema(self, schema: LiteralSchema) -> JsonSchemaValue:
        """The schema of fixed values. A single one is an enum too: not every generator reads `const` in a union."""
        found = super().literal_schema(schema)
        if "const" in found:
            found["enum"] = [found.pop("const")]
        return found

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002 - the base class's signature
        return False


@dataclass(frozen=True)
class Schemas:
    """The components, and the reference of each model."""

    components: dict[str, Schema]
    references: dict[type[BaseModel], Schema]

    @classmethod
    def of(cls, operations: Iterable[Operation], catalog: Catalog) -> Schemas:
        """The schemas of everything that the operations take and answer."""
        modes: dict[type[BaseModel], JsonSchemaMode] = {GatewayMessage: "serialization", Error: "serialization"}
        for operation in operations:
            modes |= dict.fromkeys(operation.answers, "serialization")
            modes |= dict.fromkeys([operation.body] if operation.body else [], "validation")
        found, definitions = models_json_schema(list(modes.items()), ref_template=_REF, schema_generator=_Plain)
        components: dict[str, Schema] = definitions["$defs"]
        for schema in components.values():
            # That one field excludes another is said in words: a generator makes an untyped body of a `oneOf`.
            schema.pop("oneOf", None)
        _drop_null_defaults(components)
        _properties(components["ConsumeRequest"])["metric"]["enum"] = list(catalog.metrics)
        names = [name for model in load_book(0).data.models for name in (model.model, *model.aliases)]
        _properties(components["UsageRequest"])["model"] = {"type": "string", "enum": names}
        _properties(components["LeaseRequest"])["metric"]["enum"] = list(catalog.data.monthly_quotas)
        # The service checks each event on its own, so the model leaves the type of an event open.
        _properties(components["BatchRequest"])["events"]["items"] = {"$ref": _REF.format(model="ConsumeRequest")}
        return cls(components, {model: found[model, mode] for model, mode in modes.items()})

    def answer(self, operation: Operation) -> Schema:
        """The answer of an operation that succeeds."""
        found = [self.references[model] for model in operation.answers if model is not operation.rehearsal]
        return found[0] if len(found) == 1 else {"anyOf": found}


def _drop_null_defaults(value: object) -> None:
    """A field that may be left out is one that is not required: generators take one with a default as always there."""
    if isinstance(value, dict):
        if "default" in value and value["default"] is None:
            del value["default"]
        for inner in value.values():
            _drop_null_defaults(inner)
    elif isinstance(value, list):
        for inner in value:
            _drop_null_defaults(inner)


def path_parameters(model: type[BaseModel], catalog: Catalog) -> list[Schema]:
    """The variables of a path, from their model."""
    properties = _properties(model.model_json_schema(schema_generator=_Plain))
    if "kind" in properties:
        properties["kind"]["enum"] = list(catalog.data.resources)
    return [{"name": name, "in": "path", "required": True, "schema": schema} for name, schema in properties.items()]


def refusal(refusals: Iterable[Refusal]) -> Schema:
    """The body of a refusal whose code is one of these."""
    code = {"type": "string", "enum": sorted({refusal.code for refusal in refusals})}
    error = {"type": "object", "properties": {"code": code}, "required": ["code"]}
    only = {"type": "object", "properties": {"error": error}, "required": ["error"]}
    return {"allOf": [{"$ref": _REF.format(model=Error.__name__)}, only]}


def _properties(schema: Schema) -> dict[str, Schema]:
    properties = schema["properties"]
    assert isinstance(properties, dict)
    return properties
