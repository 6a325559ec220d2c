"""The tables outlive mistakes; what fails is kept and told."""

from __future__ import annotations

from typing import Any

import pytest

from tests.template.conftest import of_type
from tests.template.contract import WEBHOOK

KEYS = {
    "AccountsTable": [("account_id", "HASH")],
    "UsageTable": [("account_id", "HASH"), ("period", "RANGE")],
    "EventsTable": [("event_id", "HASH")],
}


@pytest.fixture(params=sorted(KEYS))
def table(request: pytest.FixtureRequest, resources: dict[str, Any]) -> dict[str, Any]:
    return resources[request.param]


def test_the_tables_and_their_keys_are_those_the_code_uses(resources: dict[str, Any]) -> None:
    tables = of_type(resources, "AWS::DynamoDB::Table")
    assert {
        name: [(key["AttributeName"], key["KeyType"]) for key in p["KeySchema"]] for name, p in tables.items()
    } == KEYS


def test_a_table_outlives_its_stack(table: dict[str, Any]) -> None:
    assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert table["Properties"]["DeletionProtectionEnabled"] is True


def test_a_table_can_be_taken_back_to_any_moment(table: dict[str, Any]) -> None:
    assert table["Properties"]["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}


def test_a_table_is_encrypted_and_paid_by_request(table: dict[str, Any]) -> None:
    assert table["Properties"]["SSESpecification"]["SSEEnabled"] is True
    assert table["Properties"]["BillingMode"] == "PAY_PER_REQUEST"


def test_a_table_has_no_name_that_a_second_stack_would_collide_with(table: dict[str, Any]) -> None:
    assert "TableName" not in table["Properties"]


def test_events_expire_and_plans_and_usage_never_do(resources: dict[str, Any]) -> None:
    expiring = {
        name: p["TimeToLiveSpecification"]
        for name, p in of_type(resources, "AWS::DynamoDB::Table").items()
        if "TimeToLiveSpecification" in p
    }
    assert expiring == {"EventsTable": {"AttributeName": "expires_at", "Enabled": True}}


def test_a_failed_asynchronous_event_lands_in_an_encrypted_queue(
    functions: dict[str, Any], resources: dict[str, Any]
) -> None:
    target = functions[WEBHOOK]["EventInvokeConfig"]["DestinationConfig"]["OnFailure"]
    assert target == {"Type": "SQS", "Destination": {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}}
    queue = resources["DeadLetterQueue"]["Properties"]
    assert queue["SqsManagedSseEnabled"] is True
    assert queue["MessageRetentionPeriod"] == 14 * 24 * 3600


def test_every_alarm_tells_somebody(resources: dict[str, Any]) -> None:
    alarms = of_type(resources, "AWS::CloudWatch::Alarm")
    assert alarms
    assert all(p["AlarmActions"] == [{"Ref": "AlarmTopic"}] and p["AlarmDescription"] for p in alarms.values())


@pytest.mark.parametrize(
    ("metric", "dimension"),
    [
        ("Url5xxCount", {"Name": "FunctionName", "Value": {"Ref": WEBHOOK}}),
        ("Throttles", {"Name": "FunctionName", "Value": {"Ref": WEBHOOK}}),
        (
            "ApproximateNumberOfMessagesVisible",
            {"Name": "QueueName", "Value": {"Fn::GetAtt": ["DeadLetterQueue", "QueueName"]}},
        ),
        ("5xx", {"Name": "ApiId", "Value": {"Ref": "Api"}}),
    ],
)
def test_there_is_an_alarm_for(resources: dict[str, Any], metric: str, dimension: dict[str, Any]) -> None:
    watched = {p["MetricName"]: p["Dimensions"] for p in of_type(resources, "AWS::CloudWatch::Alarm").values()}
    assert watched.get(metric) == [dimension]


def test_the_alarm_for_dead_webhooks_watches_where_the_functions_count_them(
    template: dict[str, Any], resources: dict[str, Any]
) -> None:
    environment = template["Globals"]["Function"]["Environment"]["Variables"]
    alarm = resources["WebhookDeadAlarm"]["Properties"]
    assert alarm["MetricName"] == "WebhookDead"
    assert alarm["Namespace"] == environment["POWERTOOLS_METRICS_NAMESPACE"]
    assert alarm["Dimensions"] == [{"Name": "service", "Value": environment["POWERTOOLS_SERVICE_NAME"]}]
