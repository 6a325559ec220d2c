"""An alarm watches what is really counted, is on the dashboard, and has a page that says what to do."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import pytest
from aws_lambda_powertools import Logger

from aerostack_billing.assembly.telemetry import Telemetry
from aerostack_billing.outbox.models import Record
from tests.template import watching
from tests.template.conftest import of_type
from tests.template.contract import SCHEDULES
from tests.template.deployed import ROOT, Deployed, deployed, first_parameters
from tests.template.watching import Watched

EVERY_SECONDS = {"rate(1 minute)": 60, "rate(15 minutes)": 900, "rate(1 hour)": 3_600, "rate(1 day)": 86_400}
WINDOWS = {"5m": 300, "30m": 1_800, "1h": 3_600, "6h": 21_600}


@dataclass(frozen=True)
class Counted:
    """What AWS counts in a namespace, and of what: a type of resource, named by a dimension."""

    metrics: frozenset[str]
    dimension: str
    kind: str
    attribute: str = ""


BY_AWS = {
    "AWS/Lambda": Counted(
        frozenset({"Errors", "Invocations", "Throttles", "Url5xxCount"}), "FunctionName", "AWS::Lambda::Function"
    ),
    "AWS/SQS": Counted(
        frozenset({"ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"}),
        "QueueName",
        "AWS::SQS::Queue",
        ".QueueName",
    ),
    "AWS/ApiGateway": Counted(
        frozenset({"Count", "4xx", "5xx", "Latency", "IntegrationLatency"}), "ApiId", "AWS::ApiGatewayV2::Api"
    ),
    "AWS/DynamoDB": Counted(
        frozenset({"TransactionConflict", "ReadThrottleEvents", "WriteThrottleEvents"}),
        "TableName",
        "AWS::DynamoDB::Table",
    ),
}


NARROWER: dict[str, list[set[str]]] = {
    "AWS/ApiGateway": [set(), {"Stage", "Method", "Resource"}],
    "AWS/DynamoDB": [set(), {"GlobalSecondaryIndexName"}],
    "AWS/Lambda": [set()],
    "AWS/SQS": [set()],
}
"""What a metric can be narrowed down by, beside the resource itself."""

MOST_METRICS_OF_AN_ALARM = 10


@pytest.fixture
def alarms(resources: dict[str, Any]) -> dict[str, Any]:
    """Every alarm that can tell somebody: those that are only parts of another are left out."""
    return {name: p for name, p in every_alarm(resources).items() if "AlarmActions" in p}


def every_alarm(resources: Mapping[str, Any]) -> dict[str, Any]:
    return of_type(resources, "AWS::CloudWatch::Alarm") | of_type(resources, "AWS::CloudWatch::CompositeAlarm")


def test_every_alarm_tells_when_it_begins_and_when_it_is_over(alarms: dict[str, Any]) -> None:
    for name, alarm in alarms.items():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": "AlarmTopic"}], name
        assert alarm["AlarmDescription"], name


def test_an_alarm_that_tells_nobody_is_part_of_one_that_does(resources: dict[str, Any], alarms: dict[str, Any]) -> None:
    rules = " ".join(watching.text(p["AlarmRule"]) for p in alarms.values() if "AlarmRule" in p)
    assert set(re.findall(r"\$\{(\w+)\}", rules)) == set(every_alarm(resources)) - set(alarms)


def test_no_alarm_asks_for_more_metrics_than_one_may(resources: dict[str, Any]) -> None:
    for name, alarm in every_alarm(resources).items():
        assert len([each for each in alarm.get("Metrics", []) if "MetricStat" in each]) <= MOST_METRICS_OF_AN_ALARM, (
            name
        )


def test_writes_that_an_index_throttles_are_looked_for_at_every_index(resources: dict[str, Any]) -> None:
    indexes = {
        (("TableName", f"${{{name}}}"), ("GlobalSecondaryIndexName", index["IndexName"]))
        for name, table in of_type(resources, "AWS::DynamoDB::Table").items()
        for index in table.get("GlobalSecondaryIndexes", [])
    }
    watched = {each.dimensions for each in watching.alarms(resources) if each.metric == "WriteThrottleEvents"}
    assert indexes == {dimensions for dimensions in watched if len(dimensions) > 1}


@pytest.mark.parametrize("function", SCHEDULES)
def test_a_schedule_that_has_fallen_silent_is_an_alarm(resources: dict[str, Any], function: str) -> None:
    alarm = resources[f"{function.removesuffix('Function')}SilentAlarm"]["Properties"]
    asked = {each["Id"]: each["MetricStat"] for each in alarm["Metrics"] if "MetricStat" in each}
    for metric in ("Invocations", "Errors"):
        assert Watched("AWS/Lambda", metric, (("FunctionName", f"${{{function}}}"),)) in {
            Watched(m["Metric"]["Namespace"], m["Metric"]["MetricName"], (("FunctionName", f"${{{function}}}"),))
            for m in asked.values()
            if m["Metric"]["Dimensions"] == [{"Name": "FunctionName", "Value": {"Ref": function}}]
        }
    assert alarm["Metrics"][0]["Expression"] == "FILL(runs, 0) - FILL(failures, 0)"
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (1, "LessThanThreshold")
    # Nothing at all is what a schedule that was deleted looks like.
    assert alarm["TreatMissingData"] == "breaching"
    waits = asked["runs"]["Period"] * alarm["EvaluationPeriods"]
    assert EVERY_SECONDS[SCHEDULES[function]] * 1.1 < waits <= max(900, EVERY_SECONDS[SCHEDULES[function]] * 4)
    assert waits <= (7 * 86_400 if asked["runs"]["Period"] >= 3_600 else 86_400)


def test_schedules_that_do_not_run_yet_are_no_alarm() -> None:
    stack = deployed(first_parameters("prod"))
    assert not {name for name in every_alarm(stack.resources) if name.endswith("SilentAlarm")}
    assert json.loads(watching.dashboard(stack.resources))


@pytest.mark.parametrize(
    ("name", "promised"), [("Consume", "/api/billing/usage/consume"), ("Charge", "/api/balance/charges")]
)
def test_an_error_budget_that_burns_is_told_by_two_windows_together(
    resources: dict[str, Any], name: str, promised: str
) -> None:
    allowed_percent = 0.1  # 99.9 % of a month are answered well
    for kind, short, long, rate in (("Fast", "5m", "1h", 14.4), ("Slow", "30m", "6h", 6)):
        rule = watching.text(resources[f"{name}{kind}BurnAlarm"]["Properties"]["AlarmRule"])
        assert rule == f'ALARM("${{{name}Burn{short}Alarm}}") AND ALARM("${{{name}Burn{long}Alarm}}")'
        for window in (short, long):
            part = resources[f"{name}Burn{window}Alarm"]["Properties"]
            assert float(part["Threshold"]) == pytest.approx(rate * allowed_percent)
            stats = {each["Id"]: each["MetricStat"] for each in part["Metrics"] if "MetricStat" in each}
            assert {s["Period"] for s in stats.values()} == {WINDOWS[window]}
            assert {s["Metric"]["MetricName"] for s in stats.values()} == {"Count", "5xx", "Latency"}
            for stat in stats.values():
                dimensions = {d["Name"]: d["Value"] for d in stat["Metric"]["Dimensions"]}
                assert (dimensions["Method"], dimensions["Resource"]) == ("POST", promised)


def test_each_route_is_counted_by_itself_as_the_error_budgets_need(prod: Deployed) -> None:
    stage = prod.only("AWS::ApiGatewayV2::Stage")
    for settings in (stage["DefaultRouteSettings"], *stage["RouteSettings"].values()):
        assert settings["DetailedMetricsEnabled"] is True


def test_what_aws_counts_is_looked_for_at_a_resource_of_which_it_is_counted(resources: dict[str, Any]) -> None:
    """Never without a name: it would be of the whole account, and another application would set it off."""
    every = [*watching.alarms(resources), *watching.widgets(resources)]
    for each in every:
        if each.is_ours:
            continue
        counted = BY_AWS[each.namespace]
        assert each.metric in counted.metrics, each
        (dimension, value), *narrower = each.dimensions
        assert set(dict(narrower)) in NARROWER[each.namespace], each
        named = re.fullmatch(r"\$\{(\w+)(\.\w+)?\}", value)
        assert named, each
        answer = (dimension, resources[named[1]]["Type"], named[2] or "")
        assert answer == (counted.dimension, counted.kind, counted.attribute), each
    assert {each.namespace for each in every if not each.is_ours} == set(BY_AWS)


def test_every_alarm_has_a_page_that_says_what_it_means_where_to_look_and_what_to_do(alarms: dict[str, Any]) -> None:
    text = (ROOT / "docs" / "operations.md").read_text()
    found = re.findall(r"^### (\w+Alarm(?:, \w+Alarm)*)\n(.*?)(?=^### |\Z)", text, re.MULTILINE | re.DOTALL)
    pages = {name: page for names, page in found for name in names.split(", ")}
    assert set(pages) == set(alarms)
    for name, page in pages.items():
        assert all(f"**{part}:**" in page for part in ("Means", "Look", "Do")), name


def test_the_document_names_outputs_and_resources_that_are_there(
    template: dict[str, Any], resources: dict[str, Any]
) -> None:
    text = (ROOT / "docs" / "operations.md").read_text()
    assert set(re.findall(r"\((?:output|queue) (\w+)\)", text)) <= set(template["Outputs"])
    assert set(re.findall(r"\(resource (\w+)\)", text)) <= set(resources)
    assert set(re.findall(r"\(parameter (\w+)\)", text)) <= set(template["Parameters"])
    groups = {
        watching.text(p["LogGroupName"]).replace("${AWS::StackName}", "$STACK")
        for p in of_type(resources, "AWS::Logs::LogGroup").values()
    }
    assert set(re.findall(r"/aws/\w+/[\w$/-]+", text)) <= groups


def test_the_dashboard_is_json_that_shows_every_alarm_and_every_metric_of_ours_they_watch(
    resources: dict[str, Any], alarms: dict[str, Any]
) -> None:
    body = watching.dashboard(resources)
    widgets = json.loads(body)["widgets"]
    shown = widgets[0]["properties"]["alarms"]
    assert sorted(shown) == sorted(f"${{{name}.Arn}}" for name in every_alarm(resources))
    ours = {each for each in watching.alarms(resources) if each.is_ours}
    assert ours <= set(watching.widgets(resources))
    named = set(re.findall(r"\$\{(\w+)(?:\.\w+)?\}", body)) - {"StackWords"}
    assert named <= set(resources)


def test_no_metric_of_the_dashboard_has_an_account_for_a_dimension(resources: dict[str, Any]) -> None:
    assert "account" not in watching.dashboard(resources).lower()


def test_what_the_bus_refuses_is_counted_without_its_content(capsys: pytest.CaptureFixture[str]) -> None:
    stream = cast("Any", io.StringIO())
    record = Record("0", "q", "evt_1", "plan.changed", "2026-03-10T12:00:00.000000Z", '{"private": 1}')
    Telemetry(lambda: Logger(service="refusals", stream=stream), "AerostackBilling/test").event_refused(
        record, "InternalFailure"
    )
    assert "EventRefused" in capsys.readouterr().out
    assert "private" not in stream.getvalue()
