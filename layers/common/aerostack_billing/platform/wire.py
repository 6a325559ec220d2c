"""Items as DynamoDB's API writes them.

boto3's own serializer does the same and more; importing boto3 for it would cost every cold start.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef


def to_wire(item: Mapping[str, object]) -> dict[str, AttributeValueTypeDef]:
    """The item as DynamoDB's API takes it; TypeError for a value of any other type, such as a float."""
    return {name: _tagged(value) for name, value in item.items()}


def from_wire(item: Mapping[str, AttributeValueTypeDef]) -> dict[str, object]:
    """The item as the stores use it; TypeError for a type that no store writes."""
    return {name: _plain(value) for name, value in item.items()}


def _tagged(value: object) -> AttributeValueTypeDef:
    match value:
        case str():
            return {"S": value}
        case bool():  # before int, which a bool is too
            return {"BOOL": value}
        case int():
            return {"N": str(value)}
        case None:
            return {"NULL": True}
        case list() | tuple():
            return {"L": [_tagged(each) for each in value]}
        case Mapping():
            return {"M": to_wire(value)}
    raise TypeError(f"{type(value).__name__} is not kept in an item")


def _plain(value: AttributeValueTypeDef) -> object:
    ((tag, content),) = value.items()
    match tag:
        case "S" | "BOOL":
            return content
        case "N":
            return int(cast("str", content))
        case "NULL":
            return None
        case "L":
            return [_plain(each) for each in cast("list[AttributeValueTypeDef]", content)]
        case "M":
            return from_wire(cast("dict[str, AttributeValueTypeDef]", content))
    raise TypeError(f"an attribute of type {tag} is not ours")
