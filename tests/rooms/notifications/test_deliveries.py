"""The log of deliveries, a delivery sent again, and a test message: bounded, and of one's own account alone."""

from __future__ import annotations

from typing import Any

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.notifications.deliveries import (
    Deliveries,
    DeliveryNotFound,
    DeliveryUnderWay,
    NoEmail,
    TestRequest,
)
from aerostack_billing.notifications.preferences import EmailOff, NoWebhook
from aerostack_billing.notifications.store import ACTS_A_DAY
from aerostack_billing.values.errors import InvalidRequest, RateLimitExceeded
from tests.rooms.conftest import Time
from tests.rooms.worlds.notices import Desk, Queued, message


@pytest.fixture
def desk(parts: Runtime, account: str) -> Desk:
    desk = Desk(parts, account, Queued({account}))
    desk.choose()
    return desk


@pytest.fixture
def log(parts: Runtime) -> Deliveries:
    return parts.notifications.deliveries


def listed(log: Deliveries, account: str, limit: str | None = None, cursor: str | None = None) -> Any:  # noqa: ANN401 - JSON
    return log.list(account, limit, cursor)


def test_deliveries_are_listed_newest_first_page_by_page(desk: Desk, log: Deliveries, time_stands: Time) -> None:
    for number in range(5):
        time_stands.forward(1)
        desk.take(message(desk.account, f"evt_{number}"))
    desk.round()
    found: list[str] = []
    cursor = None
    for size in (2, 2, 1):
        page = listed(log, desk.account, "2", cursor)
        assert len(page["deliveries"]) == size
        found += [each["event_id"] for each in page["deliveries"]]
        cursor = page["next_cursor"]
    assert (found, cursor) == ([f"evt_{n}" for n in (4, 3, 2, 1, 0)], None)
    first = listed(log, desk.account)["deliveries"][0]
    assert (first["state"], first["channel"], first["recipient"], first["status_code"]) == (
        "sent",
        "webhook",
        None,
        200,
    )
    assert listed(log, f"{desk.account}_other") == {"deliveries": [], "next_cursor": None}


@pytest.mark.parametrize("limit", ["0", "101", "-1", "x", "", "1.5", "\u0661"])
def test_a_limit_that_is_none_is_refused(log: Deliveries, account: str, limit: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        log.list(account, limit, None)
    assert set(refused.value.details) == {"limit"}


@pytest.mark.parametrize("cursor", ["x", "c2V0dGluZ3M", "\u00e4", "YWN0cyMyMDI2LTAzLTEw", "=="])
def test_a_cursor_that_is_none_is_refused(log: Deliveries, account: str, cursor: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        log.list(account, None, cursor)
    assert set(refused.value.details) == {"cursor"}


def test_a_delivery_that_is_over_is_sent_once_more_with_its_own_id(desk: Desk, log: Deliveries) -> None:
    desk.receiver.status = 410
    desk.take(message(desk.account))
    (waiting,) = listed(log, desk.account)["deliveries"]
    with pytest.raises(DeliveryUnderWay):
        log.resend(desk.account, waiting["id"])
    desk.round()
    (dead,) = listed(log, desk.account)["deliveries"]
    assert (dead["state"], dead["error"]) == ("dead", "the receiver says that it is gone")
    desk.receiver.status = 200
    assert log.resend(desk.account, dead["id"])["state"] == "waiting"
    desk.round()
    assert desk.receiver.ids == ["evt_1", "evt_1"]
    (sent,) = listed(log, desk.account)["deliveries"]
    assert (sent["state"], sent["attempts"], sent["error"]) == ("sent", 1, None)


@pytest.mark.parametrize("delivery_id", ["x", "c2V0dGluZ3M", "YWN0cyMyMDI2LTAzLTEw", "\u00e4", "../settings"])
def test_what_is_no_delivery_is_not_sent(desk: Desk, log: Deliveries, delivery_id: str) -> None:
    with pytest.raises(DeliveryNotFound):
        log.resend(desk.account, delivery_id)


def test_a_delivery_of_another_account_is_not_found(desk: Desk, log: Deliveries) -> None:
    desk.take(message(desk.account))
    (mine,) = listed(log, desk.account)["deliveries"]
    with pytest.raises(DeliveryNotFound):
        log.resend(f"{desk.account}_other", mine["id"])


def test_a_test_message_goes_the_way_of_an_event(desk: Desk, log: Deliveries) -> None:
    tested: Any = log.test(desk.account, TestRequest(channel="webhook"))["deliveries"]
    desk.round()
    assert listed(log, desk.account)["deliveries"][0]["state"] == "sent"
    ((headers, body),) = desk.receiver.seen
    assert headers["webhook-id"] == tested[0]["event_id"]
    assert b'"type":"notification.test"' in body


def test_without_a_recipient_there_is_no_test_message(parts: Runtime, desk: Desk, log: Deliveries) -> None:
    silent = Deliveries(parts.notifications.settings, parts.notifications.notices, mail=False)
    with pytest.raises(EmailOff):
        silent.test(desk.account, TestRequest(channel="email"))
    with pytest.raises(NoEmail):
        log.test(desk.account, TestRequest(channel="email"))
    desk.choose(webhook_url=None)
    with pytest.raises(NoWebhook):
        log.test(desk.account, TestRequest(channel="webhook"))
    assert listed(log, desk.account)["deliveries"] == []


def test_an_account_has_so_much_sent_on_a_day_and_no_more(desk: Desk, log: Deliveries, time_stands: Time) -> None:
    for _ in range(ACTS_A_DAY):
        log.test(desk.account, TestRequest(channel="webhook"))
    with pytest.raises(RateLimitExceeded) as refused:
        log.test(desk.account, TestRequest(channel="webhook"))
    assert refused.value.headers["retry-after"] == str(12 * 3_600)
    desk.round()
    sent = listed(log, desk.account)["deliveries"][0]
    with pytest.raises(RateLimitExceeded):
        log.resend(desk.account, sent["id"])
    time_stands.forward(12 * 3_600)
    assert log.resend(desk.account, sent["id"])["state"] == "waiting"
