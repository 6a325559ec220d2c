"""The schemas of the document: the models that requests are checked by, and those that describe the answers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, models_json_schema

from aerostack_billing.plans.catalog import Catalog
from local.openapi.answers import Error, GatewayMessage
from local.openapi.operations import Operation, Refusal, Schema

_REF = "#/components/schemas/{model}"


class _Plain(GenerateJsonSchema):
    """Without a title for each field: it would say the field's name again."""

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002 - the base class's signature
        return False


@dataclass(frozen=True)
class Schemas:
    """The components, and for each model the reference to its own."""

    components: dict[str, Schema]
    references: dict[type[BaseModel], Schema]

    @classmethod
    def of(cls, operations: Iterable[Operation], catalog: Catalog) -> Schemas:
        """All that the operations take and answer."""
        modes: dict[type[BaseModel], JsonSchemaMode] = {GatewayMessage: "serialization", Error: "serialization"}
        for operation in operations:
            modes |= dict.fromkeys(operation.answers, "serialization")
            modes |= dict.fromkeys([operation.body] if operation.body else [], "validation")
        found, definitions = models_json_schema(list(modes.items()), ref_template=_REF, schema_generator=_Plain)
        components: dict[str, Schema] = definitions["$defs"]
        _properties(components["ConsumeRequest"])["metric"]["enum"] = list(catalog.metrics)
        _properties(components["LeaseRequest"])["metric"]["enum"] = list(catalog.data.monthly_quotas)
        # Each event is checked on its own, so that the model leaves open what it is.
        _properties(components["BatchRequest"])["events"]["items"] = {"$ref": _REF.format(model="ConsumeRequest")}
        return cls(components, {model: found[model, mode] for model, mode in modes.items()})

    def answer(self, operation: Operation) -> Schema:
        """What an operation answers when it does what it was asked."""
        found = [self.references[model] for model in operation.answers]
        return found[0] if len(found) == 1 else {"anyOf": found}


def path_parameters(model: type[BaseModel], catalog: Catalog) -> list[Schema]:
    """The variables of a path, as the model of them says."""
    properties = _properties(model.model_json_schema(schema_generator=_Plain))
    if "kind" in properties:
        properties["kind"]["enum"] = list(catalog.data.resources)
    return [{"name": name, "in": "path", "required": True, "schema": schema} for name, schema in properties.items()]


def refusal(refusals: Iterable[Refusal]) -> Schema:
    """The body of a refusal whose code is one of these."""
    codes = {"code": {"enum": sorted({refusal.code for refusal in refusals})}}
    return {"allOf": [{"$ref": _REF.format(model=Error.__name__)}, {"properties": {"error": {"properties": codes}}}]}


def _properties(schema: Schema) -> dict[str, Schema]:
    properties = schema["properties"]
    assert isinstance(properties, dict)
    return properties
