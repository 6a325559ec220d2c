"""An alarm watches what is really counted, is on the dashboard, and has a page that says what to do."""

from __future__ import annotations

import io
import json
import re
from dataclasses import dataclass
from typing import Any, cast

import pytest
from aws_lambda_powertools import Logger

from aerostack_billing.assembly.telemetry import Telemetry
from aerostack_billing.outbox.models import Record
from tests.template import watching
from tests.template.conftest import of_type
from tests.template.deployed import ROOT
from tests.template.watching import Watched


@dataclass(frozen=True)
class Counted:
    """What AWS counts in a namespace, and of what: a type of resource, named by a dimension."""

    metrics: frozenset[str]
    dimension: str
    kind: str
    attribute: str = ""


BY_AWS = {
    "AWS/Lambda": Counted(frozenset({"Errors", "Throttles", "Url5xxCount"}), "FunctionName", "AWS::Lambda::Function"),
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


@pytest.fixture
def alarms(resources: dict[str, Any]) -> dict[str, Any]:
    return of_type(resources, "AWS::CloudWatch::Alarm")


def test_what_aws_counts_is_looked_for_at_a_resource_of_which_it_is_counted(resources: dict[str, Any]) -> None:
    """`Throttles` alone is looked for without a name: of all functions of the account."""
    every = [*watching.alarms(resources), *watching.widgets(resources)]
    for each in every:
        if each.is_ours or each == Watched("AWS/Lambda", "Throttles", ()):
            continue
        counted = BY_AWS[each.namespace]
        assert each.metric in counted.metrics, each
        ((dimension, value),) = each.dimensions
        named = re.fullmatch(r"\$\{(\w+)(\.\w+)?\}", value)
        assert named, each
        told = (dimension, resources[named[1]]["Type"], named[2] or "")
        assert told == (counted.dimension, counted.kind, counted.attribute), each
    assert {each.namespace for each in every if not each.is_ours} == set(BY_AWS)


def test_every_alarm_has_a_page_that_says_what_it_means_where_to_look_and_what_to_do(alarms: dict[str, Any]) -> None:
    text = (ROOT / "docs" / "operations.md").read_text()
    pages = dict(re.findall(r"^### (\w+)\n(.*?)(?=^### |\Z)", text, re.MULTILINE | re.DOTALL))
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
    assert widgets[0]["properties"]["alarms"] == [f"${{{name}.Arn}}" for name in alarms]
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
