"""DynamoDB tables in the template."""

from __future__ import annotations

from local.template.model import Index, Table
from local.template.section import Section


def read_table(logical_id: str, name: str, properties: Section) -> Table:
    """An AWS::DynamoDB::Table: its keys, indexes and TTL. What only matters in the cloud is passed over."""
    attributes = tuple(
        (definition.text("AttributeName"), definition.text("AttributeType"))
        for definition in properties.sections("AttributeDefinitions")
    )
    hash_key, range_key = _read_keys(properties)
    ttl = properties.section("TimeToLiveSpecification")
    return Table(
        logical_id=logical_id,
        name=name,
        hash_key=hash_key,
        range_key=range_key,
        attributes=attributes,
        global_indexes=tuple(_read_index(index) for index in properties.sections("GlobalSecondaryIndexes")),
        local_indexes=tuple(_read_index(index) for index in properties.sections("LocalSecondaryIndexes")),
        ttl_attribute=ttl.text("AttributeName") if ttl.flag("Enabled", default=False) else None,
    )


def _read_index(index: Section) -> Index:
    hash_key, range_key = _read_keys(index)
    projection = index.section("Projection")
    return Index(
        name=index.text("IndexName"),
        hash_key=hash_key,
        range_key=range_key,
        projection=projection.text("ProjectionType"),
        included=projection.texts("NonKeyAttributes"),
    )


def _read_keys(properties: Section) -> tuple[str, str | None]:
    keys = {key.text("KeyType"): key.text("AttributeName") for key in properties.sections("KeySchema")}
    if "HASH" not in keys or not keys.keys() <= {"HASH", "RANGE"}:
        raise properties.refuse("KeySchema must name one HASH key and at most one RANGE key")
    return keys["HASH"], keys.get("RANGE")
