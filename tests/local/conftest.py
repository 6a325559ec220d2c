"""A stack of a small app, shared by the tests of one file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.stack import Stack
from local.testing import running_stack
from tests.local.harness import HEAD, PUBLIC, function, idle_stripe, route, write

TABLE = """\
  Counters:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
"""

ECHO = """
    import time
    from aerostack_billing.platform import clock

    def handler(event, context):
        if event.get("rawQueryString") == "raise":
            raise ValueError("the secret is 42")
        if event.get("rawQueryString") == "unsendable":
            return {"statusCode": 200, "body": {"not": "a text"}}
        if event.get("rawQueryString") == "no-json":
            return {"statusCode": 200, "body": {1, 2}}
        if event.get("rawQueryString") == "tell":
            return {"statusCode": 200, "headers": {"x-told": "yes", "access-control-allow-origin": "*"}, "body": "told"}
        return {"event": event, "unix": clock.unix(), "name": context.function_name,
                "left": context.get_remaining_time_in_millis(), "id": context.aws_request_id}
    """

TAKE = """
    import os
    import boto3
    from botocore.exceptions import ClientError

    client = boto3.client("dynamodb")

    def handler(event, context):
        try:
            client.update_item(
                TableName=os.environ["COUNTERS"],
                Key={"id": {"S": "c"}},
                UpdateExpression="ADD room :minus, taken :one",
                ConditionExpression="attribute_not_exists(room) OR room >= :one",
                ExpressionAttributeValues={":one": {"N": "1"}, ":minus": {"N": "-1"}},
            )
        except ClientError as error:
            return {"statusCode": 409, "body": error.response["Error"]["Code"]}
        return {"statusCode": 200}
    """

SWEEP = """
    import os
    import boto3
    from aerostack_billing.platform import clock

    def handler(event, context):
        client = boto3.client("dynamodb")
        key = {"id": {"S": "sweeps"}}
        values = {":one": {"N": "1"}, ":now": {"N": str(int(clock.unix()))}}
        client.update_item(TableName=os.environ["COUNTERS"], Key=key, UpdateExpression="ADD n :one SET last_at = :now",
                           ExpressionAttributeValues=values)
        return {"swept": event}
    """

APP = (
    HEAD
    + function(
        "EchoFunction",
        "echo",
        route("GET", "/echo")
        + route("POST", "/echo/{id}", PUBLIC)
        + route("GET", "/open", PUBLIC)
        + route("GET", "/metered", ", Auth: {AuthorizationScopes: [billing:meter]}"),
        "FunctionUrlConfig: {AuthType: NONE}",
    )
    + function(
        "TakeFunction", "take", route("POST", "/take", PUBLIC), "Environment: {Variables: {COUNTERS: !Ref Counters}}"
    )
    + function(
        "SweepFunction",
        "sweep",
        "Hourly: {Type: ScheduleV2, Properties: {ScheduleExpression: rate(1 hour)}}",
        "Environment: {Variables: {COUNTERS: !Ref Counters}}",
    )
    + TABLE
)

HANDLERS = {"echo": ECHO, "take": TAKE, "sweep": SWEEP}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The small app, running, with an idle Stripe."""
    template: Path = write(tmp_path_factory.mktemp("app"), APP, HANDLERS)
    with running_stack(template=template, stripe=idle_stripe) as stack:
        yield stack
