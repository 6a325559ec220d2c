"""The doctor: each thing that can be wrong with a stack, caused, is found with its fix; what is not seen is said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.outbox.models import DomainEvent
from aerostack_billing.platform import clock
from aerostack_billing.platform.config import Settings
from billingctl.doctor import inside
from billingctl.doctor.findings import Finding, NotLookedAt, look, report
from billingctl.doctor.stack import Stack
from billingctl.targets import Target, local_target
from tests.ctl.conftest import Ctl, Json
from tests.flows.client import Api

ON_AWS = ["alarms", "schedules", "template"]


def states(answer: Json) -> dict[str, str]:
    return {check["check"]: check["state"] for check in answer["checks"]}


@contextmanager
def parts_of(api: Api) -> Iterator[Runtime]:
    """The rooms on the running stack."""
    with local_target(api.stack.port) as target:
        yield target.runtime()


@pytest.fixture
def audited(api: Api) -> None:
    """A stack on which audit and reconciler have run."""
    api.door("invoke/AuditFunction", {})
    api.door("invoke/ReconcileFunction", {})


@pytest.mark.usefixtures("audited")
def test_a_stack_with_nothing_wrong_is_said_to_be_so_and_what_was_not_looked_at_too(ctl: Ctl) -> None:
    ran = ctl("doctor", "--json")
    assert (ran.status, ran.json["findings"], ran.json["healthy"]) == (0, [], True), ran
    found = states(ran.json)
    assert {name for name, state in found.items() if state == "not looked at"} == set(ON_AWS)
    assert {state for name, state in found.items() if name not in ON_AWS} == {"fine"}
    assert all(check["why"] for check in ran.json["checks"] if check["state"] == "not looked at")


def found(ran: Any, check: str) -> Json:  # noqa: ANN401 - what a command did
    assert ran.status == 1, ran
    (finding,) = (finding for finding in ran.json["findings"] if finding["check"] == check)
    assert states(ran.json)[check] == "wrong"
    return finding


def test_dead_letters_are_found(ctl: Ctl, api: Api) -> None:
    sqs = boto3.client("sqs")
    (url,) = (url for url in sqs.list_queues()["QueueUrls"] if "IngestDeadLetterQueue" in url)
    sqs.send_message(QueueUrl=url, MessageBody="{}")
    try:
        finding = found(ctl("doctor", "--json"), "dead letters")
    finally:
        sqs.purge_queue(QueueUrl=url)
    assert finding["what"] == "IngestDeadLetterQueue holds 1 messages."
    assert "start-message-move-task" in finding["fix"]


def test_an_endpoint_that_is_off_at_stripe_is_found_and_people_read_its_fix(ctl: Ctl, api: Api) -> None:
    (endpoint, *_) = api.stripe("webhook_endpoints")["data"]
    api.stripe(f"webhook_endpoints/{endpoint['id']}", "POST", disabled="true")
    try:
        shown = ctl("doctor")
        finding = found(ctl("doctor", "--json"), "stripe")
    finally:
        api.stripe(f"webhook_endpoints/{endpoint['id']}", "POST", disabled="false")
    assert "it is switched off" in finding["what"]
    assert "billingctl stripe bootstrap" in finding["fix"]
    assert finding["fix"] in shown.out
    assert "alarms  not looked at: " in shown.out


def test_an_event_that_nobody_publishes_is_found(ctl: Ctl, api: Api) -> None:
    at = clock.iso_exact(api.now() - 1_000)
    with parts_of(api) as parts:
        parts.outbox.store.put([DomainEvent("balance.low", "acct_stuck", "1", {}, at)])
        try:
            finding = found(ctl("doctor", "--json"), "outbox")
        finally:
            for record in list(parts.outbox.store.waiting()):
                parts.outbox.store.remove(record)
    assert "16 minutes" in finding["what"]
    assert "EventLagAlarm" in finding["fix"]


@pytest.mark.usefixtures("audited")
def test_an_audit_that_does_not_come_to_its_end_is_found(ctl: Ctl, api: Api) -> None:
    with parts_of(api) as parts:
        before = parts.audit.places.whole()
        parts.audit.places.keep_whole(replace(before, covered=int(api.now()) - 30 * 3_600, large_since=None))
        try:
            finding = found(ctl("doctor", "--json"), "audit")
        finally:
            parts.audit.places.keep_whole(before)
    assert finding["what"] == "Something that changed was not audited for 30 hours."
    assert "AuditChangedAlarm" in finding["fix"]


def test_a_secret_that_nobody_changed_for_long_is_found(ctl: Ctl, api: Api) -> None:
    del api
    old = {"Name": "stripe", "LastChangedDate": datetime.fromtimestamp(clock.unix(), UTC) - timedelta(days=400)}
    target = on_aws({"secretsmanager": [("describe_secret", old)]})
    work: Any = type("Work", (), {"target": target})
    (finding,) = inside.secrets(work, 365)
    assert "400 days" in finding.what
    assert "Rotate secrets" in finding.fix
    assert (
        list(inside.secrets(type("Work", (), {"target": on_aws({"secretsmanager": [("describe_secret", old)]})}), 401))
        == []
    )


def test_a_reconciler_that_fell_behind_and_one_that_never_ran_are_told_apart(api: Api) -> None:
    with parts_of(api) as parts:
        work: Any = type("Work", (), {"parts": parts})

        class Progress:
            through: int | None = int(clock.seconds()) - 7_200

            def read(self) -> Progress:
                return self

        parts.webhooks.progress = Progress()
        (finding,) = inside.reconciler(work)
        assert "120 minutes" in finding.what
        parts.webhooks.progress.through = None
        with pytest.raises(NotLookedAt):
            list(inside.reconciler(work))


# On AWS: botocore's own clients, with the answers that AWS documents


def on_aws(answers: dict[str, list[tuple[str, Json]]]) -> Target:
    """A stack on AWS, whose services answer so, in this order."""
    session = boto3.Session("a", "b", region_name="us-east-1")
    clients: dict[str, Any] = {}
    for service, said in answers.items():
        clients[service] = session.client(service)  # type: ignore[call-overload]
        stubber = Stubber(clients[service])
        for method, answer in said:
            stubber.add_response(method, answer)
        stubber.activate()
    session.client = clients.__getitem__  # type: ignore[method-assign,assignment]
    settings = Settings({"STRIPE_SECRET_ARN": "arn:stripe"})
    return Target("the stack billing-prod", "ada", settings, session, stack="billing-prod")


def resources(kind: str, **physical: str) -> tuple[str, Json]:
    now = datetime.now(UTC)
    each = {"ResourceType": kind, "LastUpdatedTimestamp": now, "ResourceStatus": "CREATE_COMPLETE"}
    found = [{"LogicalResourceId": name, "PhysicalResourceId": where, **each} for name, where in physical.items()]
    return "list_stack_resources", {"StackResourceSummaries": found}


def test_alarms_of_this_stack_that_have_gone_off_are_found_and_no_other_stack_s() -> None:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    gone_off = [
        {"AlarmName": name, "StateUpdatedTimestamp": at} for name in ("billing-prod-Lag-1", "billing-prod-2-Lag")
    ]
    target = on_aws(
        {
            "cloudformation": [resources("AWS::CloudWatch::Alarm", EventLagAlarm="billing-prod-Lag-1")],
            "cloudwatch": [("describe_alarms", {"MetricAlarms": gone_off})],
        }
    )
    assert [(finding.what, finding.fix.split(":")[0]) for finding in Stack(target).alarms()] == [
        ("EventLagAlarm has been in ALARM since 2026-03-01T00:00:00Z.", "docs/operations.md, EventLagAlarm")
    ]


def test_dead_letters_on_aws_are_counted_with_those_that_somebody_is_looking_at() -> None:
    url = "https://sqs.us-east-1.amazonaws.com/1/x"
    counts = {
        "ApproximateNumberOfMessages": "2",
        "ApproximateNumberOfMessagesNotVisible": "1",
        "QueueArn": "arn:aws:sqs:us-east-1:1:x",
    }
    target = on_aws(
        {
            # Charges that customers did not pay are no finding: their queue is not even asked.
            "cloudformation": [
                resources("AWS::SQS::Queue", IngestQueue="u", IngestDeadLetterQueue=url, RefusedChargesQueue="r")
            ],
            "sqs": [("get_queue_attributes", {"Attributes": counts})],
        }
    )
    (finding,) = Stack(target).dead_letters()
    assert finding.what == "IngestDeadLetterQueue holds 3 messages."
    assert counts["QueueArn"] in finding.fix


def test_a_schedule_that_is_off_is_found() -> None:
    target = on_aws(
        {
            "cloudformation": [resources("AWS::Scheduler::Schedule", PayoutFunctionSchedule="s1", AuditSchedule="s2")],
            "scheduler": [("get_schedule", {"State": "ENABLED"}), ("get_schedule", {"State": "DISABLED"})],
        }
    )
    assert [finding.what for finding in Stack(target).schedules()] == ["PayoutFunctionSchedule is off."]


@pytest.mark.parametrize(
    ("status", "drift", "wrong"),
    [
        ("UPDATE_ROLLBACK_COMPLETE", "IN_SYNC", ["ended as UPDATE_ROLLBACK_COMPLETE"]),
        ("UPDATE_ROLLBACK_COMPLETE", "NOT_CHECKED", ["ended as UPDATE_ROLLBACK_COMPLETE"]),
        ("UPDATE_FAILED", "DRIFTED", ["ended as UPDATE_FAILED", "beside the template"]),
        ("UPDATE_COMPLETE", "DRIFTED", ["beside the template"]),
        ("UPDATE_COMPLETE", "IN_SYNC", []),
    ],
)
def test_a_failed_deployment_and_drift_are_found(status: str, drift: str, wrong: list[str]) -> None:
    said = described(status, drift)
    findings = [finding.what for finding in Stack(on_aws({"cloudformation": [said]})).template()]
    assert len(findings) == len(wrong)
    assert all(text in finding for text, finding in zip(wrong, findings, strict=True))


def described(status: str, drift: str) -> tuple[str, Json]:
    stack = {
        "StackName": "billing-prod",
        "CreationTime": datetime.now(UTC),
        "StackStatus": status,
        "DriftInformation": {"StackDriftStatus": drift},
    }
    return "describe_stacks", {"Stacks": [stack]}


def test_drift_that_nobody_had_compared_is_not_called_fine() -> None:
    stack = Stack(on_aws({"cloudformation": [described("UPDATE_COMPLETE", "NOT_CHECKED")]}))
    looked = look("template", lambda: list(stack.template()))
    assert (looked.state, "detect-stack-drift" in str(looked.why)) == ("not looked at", True)


def test_what_aws_refuses_to_show_is_not_called_fine_and_spoils_nothing_else() -> None:
    session = boto3.Session("a", "b", region_name="us-east-1")
    client = session.client("cloudformation")
    stubber = Stubber(client)
    stubber.add_client_error("list_stack_resources", "AccessDenied", "not you", 403)
    stubber.activate()
    session.client = lambda _service: client  # type: ignore[method-assign,assignment,misc]
    stack = Stack(Target("t", "ada", Settings({}), session, stack="billing-prod"))
    looks: list[Callable[[], list[Finding]]] = [lambda: list(stack.schedules()), lambda: [Finding("x", "w", "f")]]
    answer = report([look(str(number), each) for number, each in enumerate(looks)])
    assert states(answer) == {"0": "not looked at", "1": "wrong"}
    assert "AccessDenied: not you" in str(answer["checks"])
