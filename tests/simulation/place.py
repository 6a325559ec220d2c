"""Where the simulation runs: DynamoDB Local, in memory, and nobody else in it."""

from __future__ import annotations

from contextlib import AbstractContextManager

from local.aws.dynamodb_local import dynamodb_local
from local.paths import STATE


def dynamodb() -> AbstractContextManager[str]:
    """The address of a DynamoDB Local that ends with the block."""
    return dynamodb_local(STATE / "dynamodb", None)
