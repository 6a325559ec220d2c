"""An alarm watches what is really counted, is on the dashboard, and has a page that says what to do."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from typing import Any, cast

import pytest
from aws_lambda_powertools import Logger

from aerostack_billing import clock
from aerostack_billing.creators.models import Payout
from aerostack_billing.dynamo import Dynamo, Reason, TransactionRefused, Write
from aerostack_billing.errors import StoreUnavailable
from aerostack_billing.outbox.models import Record
from aerostack_billing.telemetry import Telemetry
from aerostack_billing.wallet.audit import Report, Violation
from aerostack_billing.wallet.ledger import Change, Ledger
from aerostack_billing.wallet.models import Reload, Wallet
from aerostack_billing.webhooks.models import Outcome
from aerostack_billing.webhooks.service import Webhooks
from tests.template.conftest import ROOT, of_type
from tests.unit.test_signature import NOW, sign

OWN = {"Fn::Sub": "AerostackBilling/${Stage}"}
NAMESPACE = "AerostackBilling/test"


class Events:
    """Records of events: none was seen."""

    def seen(self, _event_id: str) -> bool:
        return False

    def record(self, _outcome: Outcome) -> None:
        return


class Raced:
    """A store in which somebody else is always first."""

    def transact(self, writes: list[Write]) -> None:
        raise TransactionRefused([Reason("ConditionalCheckFailed", None)] * len(writes))


def deliver(telemetry: Telemetry, event: dict[str, object]) -> None:
    """A delivery as Stripe makes it, of an event that no handler knows."""
    payload = json.dumps(event).encode()
    with clock.using(lambda: NOW):
        Webhooks(cast("Any", Events()), {}, telemetry).receive(payload, sign(payload), ["whsec_new"])


def dead(telemetry: Telemetry) -> None:
    deliver(telemetry, {"id": "evt_1"})


def late(telemetry: Telemetry) -> None:
    deliver(telemetry, {"id": "evt_1", "type": "unknown", "created": 1, "data": {"object": {}}})


def contended(telemetry: Telemetry) -> None:
    ledger = Ledger(cast("Dynamo", Raced()), "ledger", telemetry, sleep=lambda _: None)
    with pytest.raises(StoreUnavailable):
        ledger.apply("a", lambda: Wallet("a"), lambda *_: Write("t", {}), lambda w: Change(Wallet("a", balance=1)))


def suspended(telemetry: Telemetry) -> None:
    telemetry.reload_changed(Wallet("a", reload=Reload(state="suspended")))


def refused_payout(telemetry: Telemetry) -> None:
    telemetry.payout_ended(Payout("c", "po_1", 1, "acct_1", 1, state="failed"))


def violated(telemetry: Telemetry) -> None:
    telemetry.audited(Report(1, 1, (Violation("a", "seq has no gap", 1, 2),)))


CAUSES: dict[str, Callable[[Telemetry], None]] = {
    "WebhookDead": dead,
    "WebhookLag": late,
    "LedgerConflict": contended,
    "ReloadSuspended": suspended,
    "ReloadFailed": lambda telemetry: telemetry.reload_failed("a", StoreUnavailable("busy")),
    "PayoutFailed": refused_payout,
    "PayoutDelayed": lambda telemetry: telemetry.payout_delayed("c", StoreUnavailable("busy")),
    "Drift": lambda telemetry: telemetry.drift_found("event", "evt_1"),
    "AuditViolation": violated,
    "EventLag": lambda telemetry: telemetry.events_waited(1_000),
}


@pytest.fixture
def alarms(resources: dict[str, Any]) -> dict[str, Any]:
    return of_type(resources, "AWS::CloudWatch::Alarm")


def test_every_metric_of_ours_that_an_alarm_watches_has_its_cause_here(alarms: dict[str, Any]) -> None:
    assert {a["MetricName"] for a in alarms.values() if a["Namespace"] == OWN} == set(CAUSES)


@pytest.mark.parametrize("metric", CAUSES)
def test_the_metric_is_emitted_where_and_as_its_alarm_looks(
    metric: str, alarms: dict[str, Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "billing")
    stream = cast("Any", io.StringIO())
    CAUSES[metric](Telemetry(lambda: Logger(service="alarms", stream=stream), NAMESPACE))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    emitted = [(line, line["_aws"]["CloudWatchMetrics"][0]) for line in lines if metric in line]
    ((line, told),) = emitted
    (alarm,) = (a for a in alarms.values() if a["MetricName"] == metric and a["Namespace"] == OWN)
    assert told["Namespace"] == NAMESPACE
    (dimensions,) = told["Dimensions"]
    assert [{"Name": name, "Value": line[name]} for name in dimensions] == alarm["Dimensions"]


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
    assert set(re.findall(r"\(output (\w+)\)", text)) <= set(template["Outputs"])
    assert set(re.findall(r"\(resource (\w+)\)", text)) <= set(resources)


def test_the_dashboard_is_json_that_shows_every_alarm_and_every_metric_of_ours_they_watch(
    resources: dict[str, Any], alarms: dict[str, Any]
) -> None:
    body = resources["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    widgets = json.loads(body)["widgets"]
    assert widgets[0]["properties"]["alarms"] == [f"${{{name}.Arn}}" for name in alarms]
    shown = {m[1] for w in widgets[1:] for m in w["properties"]["metrics"] if isinstance(m, list) and len(m) > 1}
    assert set(CAUSES) <= shown
    named = set(re.findall(r"\$\{(\w+)(?:\.\w+)?\}", body)) - {"Stage"}
    assert named <= set(resources)


def test_no_metric_of_the_dashboard_has_an_account_for_a_dimension(resources: dict[str, Any]) -> None:
    body = resources["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    assert "account" not in body.lower()


def test_what_the_bus_refuses_is_counted_without_its_content(capsys: pytest.CaptureFixture[str]) -> None:
    stream = cast("Any", io.StringIO())
    record = Record("0", "q", "evt_1", "plan.changed", "2026-03-10T12:00:00.000000Z", '{"private": 1}')
    Telemetry(lambda: Logger(service="refusals", stream=stream), NAMESPACE).event_refused(record, "InternalFailure")
    assert "EventRefused" in capsys.readouterr().out
    assert "private" not in stream.getvalue()
