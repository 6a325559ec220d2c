"""Where the simulation runs: DynamoDB Local, in memory, and nobody else in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from local.aws.dynamodb_local import dynamodb_local
from local.paths import STATE

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient


@contextmanager
def dynamodb() -> Iterator[DynamoDBClient]:
    """A client of a DynamoDB Local that ends with the block."""
    with dynamodb_local(STATE / "dynamodb", None) as url:
        yield boto3.client(
            "dynamodb",
            endpoint_url=url,
            region_name="us-east-1",
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
            config=Config(retries={"total_max_attempts": 1}),
        )
