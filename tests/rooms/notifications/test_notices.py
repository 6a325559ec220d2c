"""A notice for each event and recipient: made once, sent after crashes too, tried for a day, and alone."""

from __future__ import annotations

import contextlib
import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.notifications.dispatch import AGAIN_SECONDS
from aerostack_billing.notifications.hooks import CLAIMED_SECONDS
from aerostack_billing.notifications.making import OLDEST_SECONDS
from aerostack_billing.notifications.models import RETRY_SECONDS
from aerostack_billing.notifications.outward import Undelivered
from aerostack_billing.notifications.store import Raced
from aerostack_billing.values.errors import StoreUnavailable
from tests.rooms.conftest import Time
from tests.rooms.worlds.notices import Desk, Died, Queued, message, mortal

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

DAY_SECONDS = 86_400


@pytest.fixture
def desk(parts: Runtime, account: str) -> Desk:
    desk = Desk(parts, account, Queued({account}))
    desk.choose()
    return desk


# Made once


def test_an_event_makes_one_notice_however_often_it_comes(desk: Desk) -> None:
    body = message(desk.account)
    assert [desk.take(body), desk.take(body), desk.take(body)] == [1, 0, 0]
    (notice,) = desk.notices()
    assert (notice.event_id, notice.channel, notice.state, notice.attempts) == ("evt_1", "webhook", "waiting", 0)
    desk.round()
    assert desk.take(body) == 0
    assert [notice.state for notice in desk.notices()] == ["sent"]
    assert desk.receiver.ids == ["evt_1"]


def test_an_event_that_nobody_asked_for_makes_none(desk: Desk, account: str) -> None:
    assert desk.take(message(account, kind="plan.changed"), message(f"{account}_other")) == 0
    desk.choose(events=[])
    assert desk.take(message(account)) == 0


def test_an_event_that_is_older_than_what_is_remembered_is_told_to_nobody(desk: Desk, time_stands: Time) -> None:
    body = message(desk.account)
    time_stands.forward(OLDEST_SECONDS + 1)
    assert desk.take(body) == 0
    assert desk.watcher.untold == [("evt_1", "too old")]


@pytest.mark.parametrize(
    "body", ["", "no JSON", "[]", "{}", '{"detail": {}}', '{"detail": {"id": 1}}', '{"detail": []}']
)
def test_what_is_no_event_is_reported_and_left(desk: Desk, body: str) -> None:
    assert desk.take(body) == 0
    assert desk.watcher.untold == [("unknown", "malformed")]


# Sent, signed


def test_a_webhook_is_verified_by_the_library_of_standard_webhooks(desk: Desk, time_stands: Time) -> None:
    time_stands.at = time.time()  # the library goes by the machine's clock
    desk.choose(webhook_url=None)
    verifier = Webhook(desk.choose()["webhook_secret"])
    desk.take(message(desk.account, balance_cents=42))
    desk.round()
    ((headers, body),) = desk.receiver.seen
    said = verifier.verify(body, dict(headers))
    assert (said["type"], said["data"]["balance_cents"]) == ("balance.low", 42)
    for secret, changed in ((verifier, body.replace(b"42", b"43")), (Webhook("whsec_" + "A" * 32), body)):
        with pytest.raises(WebhookVerificationError):
            secret.verify(changed, dict(headers))


def test_after_a_rotation_a_webhook_is_signed_by_both_secrets(desk: Desk) -> None:
    desk.parts.notifications.preferences.rotate(desk.account)
    desk.take(message(desk.account))
    desk.round()
    ((headers, _),) = desk.receiver.seen
    assert [part.partition(",")[0] for part in headers["webhook-signature"].split(" ")] == ["v1", "v1"]


# Tried for a day


def test_what_fails_is_tried_for_a_day_with_the_same_id_and_is_then_dead(desk: Desk, time_stands: Time) -> None:
    desk.receiver.status = 500
    desk.take(message(desk.account))
    desk.round()
    for pause in RETRY_SECONDS:
        (notice,) = desk.notices()
        assert (notice.state, notice.agenda_at) == ("waiting", int(time_stands.at) + pause)
        time_stands.forward(pause - 1)
        desk.round()
        assert desk.notices() == [notice]
        time_stands.forward(1)
        desk.round()
    (dead,) = desk.notices()
    assert (dead.state, dead.agenda_at, dead.status_code) == ("dead", None, 500)
    assert desk.receiver.ids == ["evt_1"] * (len(RETRY_SECONDS) + 1)
    assert DAY_SECONDS * 0.9 < sum(RETRY_SECONDS) <= DAY_SECONDS
    time_stands.forward(DAY_SECONDS)
    desk.round()
    assert desk.notices() == [dead]
    assert [notice.state for notice in desk.watcher.failed] == ["waiting"] * len(RETRY_SECONDS) + ["dead"]


@pytest.mark.parametrize(("status", "state"), [(204, "sent"), (301, "waiting"), (410, "dead"), (429, "waiting")])
def test_what_a_receiver_answers_decides(desk: Desk, status: int, state: str) -> None:
    desk.receiver.status = status
    desk.take(message(desk.account))
    desk.round()
    (notice,) = desk.notices()
    assert (notice.state, notice.status_code) == (state, status)


def test_a_receiver_that_breaks_costs_nobody_else_a_notice(desk: Desk, parts: Runtime, account: str) -> None:
    other = Desk(parts, f"{account}_other", desk.queued)
    desk.queued.accounts.add(other.account)
    other.choose()
    desk.take(message(desk.account))
    other.take(message(other.account, "evt_2"))

    def hangs() -> int:
        raise Undelivered("no answer within 10 s")

    desk.receiver.instead = hangs
    desk.dispatch()
    parcels = {parcel.account_id for parcel in desk.queued.parcels["webhook"]}
    assert {desk.account, other.account} <= parcels
    assert all(len(parcel.items) == 1 for parcel in desk.queued.parcels["webhook"])
    desk.send_webhooks()
    (notice,) = desk.notices()
    assert (notice.state, notice.error) == ("waiting", "no answer within 10 s")


def test_a_name_that_leads_elsewhere_by_now_is_not_posted_to(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.take(message(desk.account))
    monkeypatch.setattr("tests.rooms.worlds.notices.PUBLIC._resolve", lambda _host, _port: ["169.254.169.254"])
    desk.round()
    (notice,) = desk.notices()
    assert notice.error == "the name hooks.example.com leads to an address that is not public"
    assert desk.receiver.seen == []


def test_a_webhook_that_was_taken_away_is_not_posted_to(desk: Desk) -> None:
    desk.take(message(desk.account))
    desk.choose(webhook_url=None)
    desk.round()
    assert [(notice.state, notice.attempts) for notice in desk.notices()] == [("skipped", 0)]
    assert desk.receiver.seen == []


# Once each


def test_two_senders_of_one_notice_send_it_once(desk: Desk) -> None:
    desk.take(message(desk.account))
    desk.dispatch()
    desk.queued.parcels["webhook"] *= 2
    desk.send_webhooks()
    assert desk.receiver.ids == ["evt_1"]
    (notice,) = desk.notices()
    store = desk.parts.notifications.notices
    with pytest.raises(Raced):
        store.write([(replace(notice, version=notice.version - 1), notice.once_more())])


def test_a_notice_is_not_sent_to_its_queue_again_while_it_waits_there(desk: Desk, time_stands: Time) -> None:
    desk.take(message(desk.account))
    desk.dispatch()
    desk.dispatch()
    assert len(desk.queued.parcels["webhook"]) == 1
    time_stands.forward(AGAIN_SECONDS)
    desk.dispatch()
    assert len(desk.queued.parcels["webhook"]) == 2


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, 16))
def test_a_process_that_dies_at_any_call_costs_a_delay_and_no_notice(
    desk: Desk, client: DynamoDBClient, environment: dict[str, str], time_stands: Time, at: int, *, after: bool
) -> None:
    living, body = desk.parts, message(desk.account)
    desk.parts = mortal(client, environment, at, after=after)
    with contextlib.suppress(Died, StoreUnavailable):
        desk.take(body)
        desk.round()
    desk.parts = living
    desk.queued.parcels["webhook"].clear()  # what was on its way is lost too
    desk.take(body)  # the bus delivers again what was not taken
    for _ in range(4):
        time_stands.forward(max(AGAIN_SECONDS, CLAIMED_SECONDS))
        desk.round()
    (notice,) = desk.notices()
    assert notice.state == "sent"
    assert set(desk.receiver.ids) == {"evt_1"}
    assert 1 <= len(desk.receiver.ids) <= 2


def test_the_body_names_no_more_than_the_event(desk: Desk) -> None:
    desk.take(message(desk.account))
    desk.round()
    ((_, body),) = desk.receiver.seen
    assert set(json.loads(body)) == {"type", "timestamp", "data", "id", "account_id", "schema_version"}
