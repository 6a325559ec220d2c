"""What runs by itself, when, and what becomes of a run that fails."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.template.contract import QUEUED, SCHEDULES, WEBHOOK

KEPT_AT_MOST_SECONDS = {"rate(1 minute)": 300, "rate(15 minutes)": 900, "rate(1 hour)": 3_600}
SWEEPS = [name for name, expression in SCHEDULES.items() if expression in KEPT_AT_MOST_SECONDS]


@pytest.fixture(params=SCHEDULES)
def scheduled(request: pytest.FixtureRequest, functions: dict[str, Any]) -> dict[str, Any]:
    return functions[request.param]


def schedule_of(function: dict[str, Any]) -> dict[str, Any]:
    (event,) = function["Events"].values()
    assert event["Type"] == "ScheduleV2"
    return event["Properties"]


def test_every_schedule_is_one_that_is_meant_and_runs_as_often(
    functions: dict[str, Any], template: dict[str, Any]
) -> None:
    def expression(written: str | dict[str, str]) -> str:
        return written if isinstance(written, str) else str(template["Parameters"][written["Ref"]]["Default"])

    found = {
        logical_id: [expression(e["Properties"]["ScheduleExpression"]) for e in properties["Events"].values()]
        for logical_id, properties in functions.items()
        if logical_id not in {WEBHOOK, *QUEUED} and any(e["Type"] != "HttpApi" for e in properties["Events"].values())
    }
    assert found == {logical_id: [expression] for logical_id, expression in SCHEDULES.items()}


def test_schedules_of_two_stacks_in_one_account_do_not_collide(scheduled: dict[str, Any]) -> None:
    schedule = schedule_of(scheduled)
    assert schedule["OmitName"] is True
    assert "Name" not in schedule


def test_a_run_that_could_not_be_delivered_is_told_to_the_queue(scheduled: dict[str, Any]) -> None:
    assert schedule_of(scheduled)["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}}


def test_a_schedule_asks_for_everything_and_the_audit_s_for_what_is_due(functions: dict[str, Any]) -> None:
    asked = {name: json.loads(schedule_of(functions[name])["Input"]) for name in SCHEDULES}
    assert {name: event for name, event in asked.items() if event} == {"AuditFunction": {"due": True}}


@pytest.mark.parametrize("logical_id", SWEEPS)
def test_runs_of_a_schedule_do_not_pile_up(functions: dict[str, Any], logical_id: str) -> None:
    # What a lost run would have done, the next one does. Kept for hours, they would all be made at once.
    function, longest = functions[logical_id], KEPT_AT_MOST_SECONDS[SCHEDULES[logical_id]]
    assert function["EventInvokeConfig"]["MaximumRetryAttempts"] == 0
    assert function["EventInvokeConfig"]["MaximumEventAgeInSeconds"] <= longest
    assert schedule_of(function)["RetryPolicy"]["MaximumEventAgeInSeconds"] <= longest


def test_a_sweep_has_minutes_and_an_audit_all_that_lambda_gives(functions: dict[str, Any]) -> None:
    assert {name: functions[name]["Timeout"] for name in SCHEDULES} == {
        "AutoReloadFunction": 300,
        "ExpireHoldsFunction": 300,
        "FoldSpendingFunction": 300,
        "PayoutFunction": 300,
        "ReconcileFunction": 300,
        "PublishEventsFunction": 300,
        "DispatchNoticesFunction": 300,
        "LookAheadFunction": 300,
        "AuditFunction": 900,
    }
