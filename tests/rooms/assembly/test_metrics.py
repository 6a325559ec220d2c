"""Every metric that is watched is really told: its cause is brought about, and what was printed is read."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import pytest

from aerostack_billing.assembly import runtime
from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.audit.places import Places, Whole
from aerostack_billing.creators.earnings import RefundNeedsReview
from aerostack_billing.notifications.making import test_event as made_event
from aerostack_billing.notifications.making import test_notice as made_notice
from aerostack_billing.notifications.models import State
from aerostack_billing.outbox.bus import EventBus
from aerostack_billing.payments.history import History
from aerostack_billing.platform import clock, correlation
from aerostack_billing.platform.dynamo import Write
from aerostack_billing.wallet.queued_charges import Taken
from tests.rooms.conftest import Time, put_together, use_stripe
from tests.rooms.payments.test_signature import sign
from tests.rooms.worlds.creators import call, onboard, refund, reverse, transfers
from tests.rooms.worlds.deposits import deposit, open_deposit
from tests.rooms.worlds.outbox import TakingBus
from tests.rooms.worlds.plans import subscribe
from tests.rooms.worlds.reload import configure, spend_to_400, use_card
from tests.rooms.worlds.stripe import StripeWorld
from tests.rooms.worlds.usage import consume, move_to
from tests.rooms.worlds.wallet import charge, fund
from tests.template.deployed import deployed, stage_parameters
from tests.template.watching import Watched, alarms, text, widgets

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

DECLINES_LATER, ASKS_EACH_TIME = "4000000000000341", "4000002760003184"
HOUR, DAY = 3_600, 86_400


STACK = deployed(stage_parameters("prod"))
RESOURCES = STACK.resources
OURS = [each for each in (*alarms(RESOURCES), *widgets(RESOURCES)) if each.is_ours]
TOLD = {
    name: text(value)
    for name, value in STACK.environment("ConsumeFunction").items()
    if name in {"POWERTOOLS_METRICS_NAMESPACE", "POWERTOOLS_SERVICE_NAME"}
}
"""What the functions are told of it, as the stack of the stage prod has it."""


class Context:
    """Lambda's context, with all the time there is."""

    aws_request_id = "request-1"
    function_name = "function"

    def get_remaining_time_in_millis(self) -> int:
        return 900_000


class Secrets:
    """The stack's secret."""

    def api_key(self) -> str:
        return "sk_test_local"

    def webhook_secrets(self) -> list[str]:
        return ["whsec_new"]


@dataclass
class Place:
    """The rooms as the functions have them, the local Stripe, and an account of the test's own."""

    parts: Runtime
    other: Runtime
    world: StripeWorld
    time: Time
    account: str

    @property
    def creator(self) -> str:
        return f"{self.account}_creator"

    def run(self, function: str, event: dict[str, object] | None = None) -> dict[str, Any]:
        """Invoke a function by its handler."""
        answer: dict[str, Any] = importlib.import_module(f"functions.{function}.app").handler(event or {}, Context())
        return answer

    def hear(self, event: dict[str, Any]) -> str:
        """Deliver an event as Stripe does; what became of it."""
        body = json.dumps(event)
        signed = {"stripe-signature": sign(body.encode(), at=int(self.time.at))}
        answer = self.run("stripe_webhook", {"body": body, "headers": signed})
        assert answer["statusCode"] == 200, answer
        return str(json.loads(answer["body"])["result"])

    def hear_last(self, kind: str) -> str:
        """Deliver the newest event of a type."""
        return self.hear([event for event in self.world.events() if event["type"] == kind][-1])

    def below_threshold(self, card: str = "4242424242424242", **form: str) -> None:
        """Leave the account with $4.00, and a reload by that card due."""
        deposit(self.parts, self.world, self.account, 2_500)
        configure(self.parts, self.account)
        use_card(self.parts, self.world, self.account, card, **form)
        spend_to_400(self.parts, self.account)

    def creator_is_due(self) -> None:
        """Let an onboarded creator have $16.00 that is payable."""
        onboard(self.parts, self.world, self.creator)
        fund(self.parts, self.account, 2_000)
        call(self.parts, self.account, self.creator, 2_000, "tool")
        self.time.forward(8 * DAY)


@pytest.fixture
def place(
    client: DynamoDBClient,
    environment: dict[str, str],
    world: StripeWorld,
    account: str,
    time_stands: Time,
    monkeypatch: pytest.MonkeyPatch,
) -> Place:
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", TOLD["POWERTOOLS_SERVICE_NAME"])
    parts, other = (put_together(client, {**environment, **TOLD}) for _ in range(2))
    use_stripe(parts, world.base, network_retries=0)
    parts.payments.history = History(parts.payments.gateway._connect)
    parts.payments.secrets = parts.payments.signing = cast("Any", Secrets())
    parts.outbox.bus = EventBus(cast("Any", TakingBus()), "bus")
    progress = {"event_id": {"S": "reconcile#progress"}}
    client.delete_item(TableName=parts.settings.events_table, Key=progress)
    monkeypatch.setattr(runtime, "current", lambda: parts)
    return Place(parts, other, world, time_stands, account)


# The causes


def used(place: Place, quantity: int) -> None:
    consume(place.parts, place.account, quantity)


def webhook_dead(place: Place) -> None:
    """An invoice whose customer is none that can be asked for."""
    event = {"id": f"evt_{place.account}", "type": "invoice.paid", "created": 1, "data": {"object": {"customer": 7}}}
    assert place.hear(event) == "dead"


def plan_needs_review(place: Place) -> None:
    """A subscription to a price that is no plan."""
    foreign = subscribe(place.parts, place.world, place.account, **{"recurring[interval]": "month"})
    event = {"id": f"evt_{place.account}", "type": "invoice.paid", "created": 1, "data": {"object": foreign}}
    assert place.hear(event) == "processed"


def webhook_lag(place: Place) -> None:
    place.world.pay(open_deposit(place.parts, place.account))
    place.time.forward(600)
    assert place.hear_last("payment_intent.succeeded") == "processed"


def drift(place: Place) -> None:
    place.world.pay(open_deposit(place.parts, place.account))
    place.time.forward(600)
    assert place.run("reconcile")["missed"]


def reconcile_lag(place: Place) -> None:
    """An event that a run cannot take in, since Stripe fails when it is asked."""
    place.run("reconcile")
    place.world.pay(open_deposit(place.parts, place.account))
    place.time.forward(HOUR)
    place.world.door("faults", {"on": "payment_intents.retrieve", "kind": "500_before"})
    assert place.run("reconcile")["failed"]


def ledger_conflict(place: Place) -> None:
    """Another process takes from the wallet between this one's read and its write."""
    fund(place.parts, place.account, 500)
    dynamo = place.parts.dynamo
    transact = dynamo.transact

    def beaten(writes: list[Write]) -> None:
        dynamo.transact = transact  # type: ignore[method-assign]
        charge(place.other, place.account, 1, "theirs")
        transact(writes)

    dynamo.transact = beaten  # type: ignore[method-assign, assignment]
    charge(place.parts, place.account, 1, "ours")
    assert place.parts.wallet.store.get(place.account).balance == 4_980_000


def reload_declined(place: Place) -> None:
    place.below_threshold(DECLINES_LATER)
    place.run("auto_reload")


def reload_suspended(place: Place) -> None:
    reload_declined(place)
    for _ in range(2):
        place.time.forward(2 * DAY)
        place.run("auto_reload")


def reload_action_required(place: Place) -> None:
    place.below_threshold(ASKS_EACH_TIME, authenticate="complete")
    place.run("auto_reload")


def reload_failed(place: Place) -> None:
    place.below_threshold()
    place.world.door("faults", {"on": "payment_intents.create", "kind": "timeout_before"})
    place.run("auto_reload")


def payout_paid(place: Place) -> None:
    place.creator_is_due()
    place.run("payout")


def payout_failed(place: Place) -> None:
    place.creator_is_due()
    place.world.door("settings", {"transfers_need_balance": True})
    place.run("payout")


def payout_reversed(place: Place) -> None:
    payout_paid(place)
    reverse(place.world, transfers(place.world)[0]["id"])
    assert place.hear_last("transfer.reversed") == "processed"


def refund_waits(place: Place) -> None:
    """A refund of what was paid out, above what a day allows."""
    place.creator_is_due()
    place.parts.creators.earnings._owed_per_day = 0
    place.run("payout")
    made = next(t for t in place.parts.ledger.whole(place.account) if t.split is not None)
    with pytest.raises(RefundNeedsReview):
        refund(place.parts, place.account, made.transfer_id)


def payout_delayed(place: Place) -> None:
    place.creator_is_due()
    place.world.door("faults", {"on": "transfers.create", "kind": "500_before"})
    place.run("payout")


def audit_violation(place: Place) -> None:
    """A cent that no transfer explains."""
    fund(place.parts, place.account, 500)
    place.parts.dynamo._client.update_item(
        TableName=place.parts.settings.wallets_table,
        Key={"account_id": {"S": place.account}, "item": {"S": "wallet"}},
        UpdateExpression="ADD balance :cent",
        ExpressionAttributeValues={":cent": {"N": "10000"}},
    )
    place.run("audit", {"account_id": place.account})


def audit_lag(place: Place) -> None:
    """A stack that the audit looked at days ago, and that this run has no time for."""
    parts = place.parts
    places, days_ago = Places(parts.dynamo, parts.settings.events_table), clock.seconds() - 9 * DAY
    places.keep_whole(Whole(begun_at=clock.seconds(), large_since=days_ago))
    parts.telemetry.audited(parts.audit.rounds.go_on(lambda: False, due_only=True))
    places.keep_whole(Whole())


def charged(place: Place) -> None:
    """A service charges."""
    fund(place.parts, place.account, 500)
    with correlation.using("request", "svc_bots"):
        charge(place.parts, place.account, 3, "k")


def unusual_hour(place: Place) -> None:
    """An account spends $100 within its first hour."""
    fund(place.parts, place.account, 20_000)
    charge(place.parts, place.account, 10_000, "k", kind="agent_execution")
    place.run("fold_spending")


def event_lag(place: Place) -> None:
    move_to(place.parts, place.account, "pro")
    place.time.forward(HOUR)
    assert place.run("publish_events")["sent"]


def noticed(place: Place, state: State | None = None) -> None:
    """A notice was sent, or an attempt of it ended so."""
    notice = made_notice(made_event(place.account, "test_1"), "webhook", "")
    if state is None:
        place.parts.telemetry.notice_sent(notice)
    else:
        place.parts.telemetry.notice_failed(replace(notice, state=state))


CAUSES: dict[str, Callable[[Place], None]] = {
    "AuditChangedLag": audit_lag,
    "AuditRoundLag": audit_lag,
    "AuditViolation": audit_violation,
    "Charged": charged,
    "Drift": drift,
    "EventLag": event_lag,
    "AddressMuted": lambda place: place.parts.telemetry.address_muted(place.account, "bounced"),
    "EventNotTold": lambda place: place.parts.telemetry.event_not_told("evt_1", "is none"),
    "MailEventRefused": lambda place: place.parts.telemetry.mail_event_refused("is none"),
    "LedgerConflict": ledger_conflict,
    "NoticeDead": lambda place: noticed(place, "dead"),
    "NoticeFailed": lambda place: noticed(place, "waiting"),
    "NoticeSent": noticed,
    "PayoutDelayed": payout_delayed,
    "PayoutFailed": payout_failed,
    "PayoutPaid": payout_paid,
    "PayoutReversed": payout_reversed,
    "PlanNeedsReview": plan_needs_review,
    "QueuedCharge": lambda place: place.parts.telemetry.charges_taken(Taken(charged=1)),
    "QueuedChargeUnpaid": lambda place: place.parts.telemetry.charges_taken(Taken(unpaid=1)),
    "RefundWaits": refund_waits,
    "ReconcileLag": reconcile_lag,
    "ReloadActionRequired": reload_action_required,
    "ReloadDeclined": reload_declined,
    "ReloadFailed": reload_failed,
    "ReloadSuspended": reload_suspended,
    "UnusualHour": unusual_hour,
    "UsageBlocked": lambda place: used(place, 55_000),
    "UsageGrace": lambda place: used(place, 50_001),
    "UsageNear": lambda place: used(place, 45_000),
    "WebhookDead": webhook_dead,
    "WebhookLag": webhook_lag,
}


def test_every_metric_that_is_watched_has_a_cause_here() -> None:
    assert {each.metric for each in OURS} == set(CAUSES)


@pytest.mark.parametrize("metric", CAUSES)
def test_the_cause_of_a_metric_is_printed_where_those_who_watch_it_look(
    metric: str, place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    CAUSES[metric](place)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    seen = [line for line in lines if metric in line]
    assert any(sum(line[metric]) > 0 for line in seen)
    # By a service's name nothing looks but a search of the dashboard's.
    found = {each for line in seen for each in counted(line) if "caller" not in dict(each.dimensions)}
    assert found == {each for each in OURS if each.metric == metric}


def counted(line: dict[str, Any]) -> Iterator[Watched]:
    """What a line in CloudWatch's embedded format counts, each as whoever watches it would name it."""
    for seen in line["_aws"]["CloudWatchMetrics"]:
        for names in seen["Dimensions"]:
            dimensions = tuple((name, line[name]) for name in names)
            for metric in seen["Metrics"]:
                yield Watched(seen["Namespace"], metric["Name"], dimensions)
