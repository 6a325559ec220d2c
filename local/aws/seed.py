"""What a deployment would have made before the first request: the tables, and the secret with Stripe's keys."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from local.template import Index, Table
from local.template.errors import TemplateError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import (
        CreateTableInputTypeDef,
        GlobalSecondaryIndexTypeDef,
        KeySchemaElementTypeDef,
        ProjectionTypeDef,
        TableDescriptionTypeDef,
    )
    from mypy_boto3_secretsmanager.client import SecretsManagerClient


def create_tables(client: DynamoDBClient, tables: Iterable[Table]) -> None:
    """Make each table that is not there yet. TemplateError if one is there with other keys or indexes."""
    there = {name for page in client.get_paginator("list_tables").paginate() for name in page["TableNames"]}
    for table in tables:
        if table.name in there:
            _check_unchanged(table, client.describe_table(TableName=table.name)["Table"])
            continue
        client.create_table(**_definition(table))
        if table.ttl_attribute is not None:
            ttl = {"Enabled": True, "AttributeName": table.ttl_attribute}
            client.update_time_to_live(TableName=table.name, TimeToLiveSpecification=ttl)  # type: ignore[arg-type]


def create_secret(client: SecretsManagerClient, identifier: str, value: Mapping[str, str | list[str]]) -> None:
    """Store the value as JSON under the name that the identifier (a name, or an ARN) ends with."""
    client.create_secret(Name=identifier.rpartition(":")[2], SecretString=json.dumps(value))


def _definition(table: Table) -> CreateTableInputTypeDef:
    definition: CreateTableInputTypeDef = {
        "TableName": table.name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": n, "AttributeType": t} for n, t in table.attributes],  # type: ignore[typeddict-item]
        "KeySchema": _keys(table),
    }
    # An empty list of indexes is refused.
    if table.global_indexes:
        definition["GlobalSecondaryIndexes"] = [_index(index) for index in table.global_indexes]
    if table.local_indexes:
        definition["LocalSecondaryIndexes"] = [_index(index) for index in table.local_indexes]
    return definition


def _index(index: Index) -> GlobalSecondaryIndexTypeDef:
    projection: ProjectionTypeDef = {"ProjectionType": index.projection}  # type: ignore[typeddict-item]
    if index.included:
        projection["NonKeyAttributes"] = list(index.included)
    return {"IndexName": index.name, "KeySchema": _keys(index), "Projection": projection}


def _keys(keyed: Table | Index) -> list[KeySchemaElementTypeDef]:
    keys: list[KeySchemaElementTypeDef] = [{"AttributeName": keyed.hash_key, "KeyType": "HASH"}]
    if keyed.range_key is not None:
        keys.append({"AttributeName": keyed.range_key, "KeyType": "RANGE"})
    return keys


def _check_unchanged(table: Table, found: TableDescriptionTypeDef) -> None:
    indexes = [*found.get("GlobalSecondaryIndexes", []), *found.get("LocalSecondaryIndexes", [])]
    stored = {index["IndexName"]: index["KeySchema"] for index in indexes}
    wanted = {index.name: _keys(index) for index in (*table.global_indexes, *table.local_indexes)}
    if found["KeySchema"] != _keys(table) or stored != wanted:
        raise TemplateError(
            f"{table.logical_id}: the template changed its keys or indexes since the local data was written: "
            "delete .local/data to start over"
        )
