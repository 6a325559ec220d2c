"""The tables outlive mistakes; what fails is kept and told."""

from __future__ import annotations

from typing import Any

import pytest

from tests.template.conftest import of_type
from tests.template.contract import SCHEDULES, WEBHOOK
from tests.template.deployed import Deployed
from tests.template.watching import alarms, text

KEYS = {
    "AccountsTable": [("account_id", "HASH")],
    "UsageTable": [("account_id", "HASH"), ("period", "RANGE")],
    "EventsTable": [("event_id", "HASH")],
    "WalletsTable": [("account_id", "HASH"), ("item", "RANGE")],
    "LedgerTable": [("account_id", "HASH"), ("transfer_id", "RANGE")],
    "CreatorsTable": [("creator_id", "HASH"), ("item", "RANGE")],
    "OutboxTable": [("lane", "HASH"), ("queued", "RANGE")],
    "NotificationsTable": [("account_id", "HASH"), ("item", "RANGE")],
}

INDEXES = {
    ("AccountsTable", "agenda"): ([("agenda", "HASH"), ("agenda_at", "RANGE")], "KEYS_ONLY"),
    ("WalletsTable", "agenda"): ([("agenda", "HASH"), ("agenda_at", "RANGE")], "KEYS_ONLY"),
    ("LedgerTable", "by_seq"): ([("account_id", "HASH"), ("seq", "RANGE")], "ALL"),
    ("EventsTable", "by_account"): ([("account_id", "HASH"), ("received_at", "RANGE")], "ALL"),
    ("CreatorsTable", "agenda"): ([("agenda", "HASH"), ("agenda_at", "RANGE")], "KEYS_ONLY"),
    ("NotificationsTable", "agenda"): ([("agenda", "HASH"), ("agenda_at", "RANGE")], "KEYS_ONLY"),
}

NUMBERS = {"agenda_at", "seq"}


@pytest.fixture(params=sorted(KEYS))
def table(request: pytest.FixtureRequest, resources: dict[str, Any]) -> dict[str, Any]:
    return resources[request.param]


def test_the_tables_and_their_keys_are_those_the_code_uses(resources: dict[str, Any]) -> None:
    assert {name: key_of(p) for name, p in of_type(resources, "AWS::DynamoDB::Table").items()} == KEYS


def test_the_indexes_are_those_the_code_uses_with_no_more_in_them_than_it_reads(resources: dict[str, Any]) -> None:
    assert {
        (name, index["IndexName"]): (key_of(index), index["Projection"]["ProjectionType"])
        for name, p in of_type(resources, "AWS::DynamoDB::Table").items()
        for index in p.get("GlobalSecondaryIndexes", [])
    } == INDEXES


def test_what_is_sorted_by_number_is_declared_a_number(resources: dict[str, Any]) -> None:
    for table in of_type(resources, "AWS::DynamoDB::Table").values():
        for attribute in table["AttributeDefinitions"]:
            expected = "N" if attribute["AttributeName"] in NUMBERS else "S"
            assert attribute["AttributeType"] == expected, attribute


def test_the_functions_are_told_the_name_of_every_table(prod: Deployed, lambdas: dict[str, Any]) -> None:
    for function in lambdas:
        answer = {name: value for name, value in prod.environment(function).items() if name.endswith("_TABLE")}
        assert answer == {f"{name.removesuffix('Table').upper()}_TABLE": {"Ref": name} for name in KEYS}


def key_of(table_or_index: dict[str, Any]) -> list[tuple[str, str]]:
    return [(key["AttributeName"], key["KeyType"]) for key in table_or_index["KeySchema"]]


def test_a_table_outlives_its_stack(table: dict[str, Any]) -> None:
    assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    assert table["Properties"]["DeletionProtectionEnabled"] is True


def test_a_table_can_be_taken_back_to_any_moment(table: dict[str, Any]) -> None:
    assert table["Properties"]["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}


def test_a_table_is_encrypted_and_paid_by_request(table: dict[str, Any]) -> None:
    assert table["Properties"]["SSESpecification"]["SSEEnabled"] is True
    assert table["Properties"]["BillingMode"] == "PAY_PER_REQUEST"


def test_a_table_has_no_name_that_a_second_stack_would_collide_with(table: dict[str, Any]) -> None:
    assert "TableName" not in table["Properties"]


def test_events_and_leases_expire_and_plans_counters_and_money_never_do(resources: dict[str, Any]) -> None:
    expiring = {
        name: p["TimeToLiveSpecification"]
        for name, p in of_type(resources, "AWS::DynamoDB::Table").items()
        if "TimeToLiveSpecification" in p
    }
    # In the usage table the items of leases alone have the attribute: no counter does; of notifications the notices.
    lasts = {"AttributeName": "expires_at", "Enabled": True}
    assert expiring == {"EventsTable": lasts, "UsageTable": lasts, "NotificationsTable": lasts}


@pytest.mark.parametrize("logical_id", [WEBHOOK, *SCHEDULES])
def test_an_asynchronous_run_that_fails_for_good_is_told_to_the_queue(
    functions: dict[str, Any], logical_id: str
) -> None:
    target = functions[logical_id]["EventInvokeConfig"]["DestinationConfig"]["OnFailure"]
    assert target == {"Type": "SQS", "Destination": {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}}


def test_what_failed_is_kept_encrypted_for_as_long_as_can_be(resources: dict[str, Any]) -> None:
    queue = resources["DeadLetterQueue"]["Properties"]
    assert queue["SqsManagedSseEnabled"] is True
    assert queue["MessageRetentionPeriod"] == 14 * 24 * 3600


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
        ("Errors", {"Name": "FunctionName", "Value": {"Ref": "AutoReloadFunction"}}),
        ("Errors", {"Name": "FunctionName", "Value": {"Ref": "PayoutFunction"}}),
        ("Errors", {"Name": "FunctionName", "Value": {"Ref": "AuditFunction"}}),
        ("Errors", {"Name": "FunctionName", "Value": {"Ref": "ReconcileFunction"}}),
    ],
)
def test_there_is_an_alarm_for(resources: dict[str, Any], metric: str, dimension: dict[str, Any]) -> None:
    watched = [(each.metric, each.dimensions) for each in alarms(resources)]
    assert (metric, ((dimension["Name"], text(dimension["Value"])),)) in watched


def test_throttled_writes_are_looked_for_at_every_table(resources: dict[str, Any]) -> None:
    tables = of_type(resources, "AWS::DynamoDB::Table")
    throttled = [each.dimensions for each in alarms(resources) if each.metric == "WriteThrottleEvents"]
    watched = {dimensions for dimensions in throttled if len(dimensions) == 1}
    assert watched == {(("TableName", f"${{{name}}}"),) for name in tables}
    (shown,) = [each for each in resources["TableThrottlesAlarm"]["Properties"]["Metrics"] if each["ReturnData"]]
    assert shown["Expression"] == "SUM(METRICS())"


@pytest.mark.parametrize("metric", ["WebhookDead", "AuditViolation", "ReloadSuspended", "PayoutFailed"])
def test_an_alarm_watches_what_the_functions_count_where_they_count_it(
    template: dict[str, Any], resources: dict[str, Any], metric: str
) -> None:
    environment = template["Globals"]["Function"]["Environment"]["Variables"]
    alarm = resources[f"{metric}Alarm"]["Properties"]
    assert (alarm["MetricName"], alarm["Statistic"]) == (metric, "Sum")
    assert alarm["Namespace"] == environment["POWERTOOLS_METRICS_NAMESPACE"] == {"Ref": "AWS::StackName"}
    assert alarm["Dimensions"] == [{"Name": "service", "Value": environment["POWERTOOLS_SERVICE_NAME"]}]


@pytest.mark.parametrize("metric", ["WebhookDead", "AuditViolation", "PayoutFailed"])
def test_one_is_enough_of_what_must_never_be(resources: dict[str, Any], metric: str) -> None:
    alarm = resources[f"{metric}Alarm"]["Properties"]
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (1, "GreaterThanOrEqualToThreshold")
    assert alarm["EvaluationPeriods"] == 1
