"""Notices by mail: one a message and address, folded, tried for a day, and sent once though the outcome is lost."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.notifications.dispatch import AGAIN_SECONDS
from aerostack_billing.notifications.mail import MailRefused, MailUnknown
from aerostack_billing.notifications.mailing import CLAIMED_SECONDS
from aerostack_billing.notifications.making import FOLDING_LEAST_SECONDS, FOLDING_SECONDS, mail_due_at
from aerostack_billing.notifications.models import RETRY_SECONDS, UNKNOWN_SECONDS
from aerostack_billing.notifications.store import MAILS_A_DAY
from aerostack_billing.values.errors import StoreUnavailable
from tests.rooms.conftest import Time
from tests.rooms.worlds.notices import Desk, Died, Queued, message, mortal, ses_event

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

USED = {"plan_tier": "pro", "metric": "api_requests", "period": "2026-03", "used": 1, "limit": 1, "hard_limit": 1}
NAMES = ["a@example.com", "b@example.com"]
FOLDED_BY_THEN = FOLDING_SECONDS + FOLDING_LEAST_SECONDS


@pytest.fixture
def desk(parts: Runtime, account: str) -> Desk:
    desk = Desk(parts, account, Queued({account}))
    desk.choose(webhook_url=None, emails=NAMES[:1])
    return desk


def pass_by(desk: Desk, time_stands: Time, seconds: int = FOLDED_BY_THEN) -> None:
    time_stands.forward(seconds)
    desk.round()


def sent_to(desk: Desk) -> list[str]:
    return [mail.recipient for mail in desk.post_box.sent]


def fail(error: Exception) -> Callable[[], None]:
    def instead() -> None:
        raise error

    return instead


# One a message and address


def test_each_address_is_sent_one_mail_of_an_event_however_often_it_comes(desk: Desk, time_stands: Time) -> None:
    desk.choose(webhook_url=None, emails=NAMES)
    body = message(desk.account)
    assert [desk.take(body), desk.take(body)] == [2, 0]
    pass_by(desk, time_stands)
    assert desk.take(body) == 0
    pass_by(desk, time_stands)
    assert sorted(sent_to(desk)) == NAMES
    assert {(notice.state, notice.attempts) for notice in desk.notices()} == {("sent", 1)}


def test_a_stack_without_mail_makes_no_notice_for_an_address(desk: Desk) -> None:
    desk.mail = False
    assert desk.take(message(desk.account)) == 0


@pytest.mark.parametrize("now", range(0, 1_200, 97))
def test_a_mail_waits_for_others_a_minute_at_least_and_six_at_most(now: int) -> None:
    waits = mail_due_at("acct_1", now) - now
    assert FOLDING_LEAST_SECONDS <= waits < FOLDED_BY_THEN
    assert mail_due_at("acct_1", now) % FOLDING_SECONDS == mail_due_at("acct_1", 0) % FOLDING_SECONDS


def test_a_storm_is_one_mail_of_each_kind(desk: Desk, time_stands: Time) -> None:
    low = [message(desk.account, f"evt_{n:02}") for n in range(40)]
    blocked = [message(desk.account, f"evt_b{n}", "usage.blocked", remaining=0, **USED) for n in range(3)]
    desk.take(*low, *blocked)
    pass_by(desk, time_stands)
    pass_by(desk, time_stands)
    subjects = sorted(mail.subject for mail in desk.post_box.sent)
    assert subjects == ["3 limits are used up, and requests are refused", "Your balance was low 40 times"]
    (many,) = [mail for mail in desk.post_box.sent if "40" in mail.subject]
    assert "And 10 more." in many.text
    assert {notice.state for notice in desk.notices()} == {"sent"}


def test_what_came_later_goes_by_the_next_mail(desk: Desk, time_stands: Time) -> None:
    desk.take(message(desk.account))
    pass_by(desk, time_stands)
    desk.take(message(desk.account, "evt_2"))
    pass_by(desk, time_stands)
    assert len(desk.post_box.sent) == 2


def test_a_flood_of_events_is_so_many_mails_of_a_kind_a_day_and_the_rest_one_the_next_day(
    desk: Desk, time_stands: Time
) -> None:
    """Whoever makes events at will, and names a stranger's address, fills nobody's mailbox."""
    time_stands.to(2026, 3, 10, 0, 0)
    for number in range(MAILS_A_DAY + 6):
        desk.take(message(desk.account, f"evt_{number:02}"))
        pass_by(desk, time_stands)
    assert len(desk.post_box.sent) == MAILS_A_DAY
    desk.take(message(desk.account, "evt_b", "usage.blocked", remaining=0, **USED))
    pass_by(desk, time_stands)
    assert [mail.subject for mail in desk.post_box.sent[MAILS_A_DAY:]] == ["API requests: requests are refused"]
    time_stands.to(2026, 3, 11, 0, 0)
    pass_by(desk, time_stands)
    assert [mail.subject for mail in desk.post_box.sent[MAILS_A_DAY + 1 :]] == ["Your balance was low 6 times"]
    assert {notice.state for notice in desk.notices()} == {"sent"}


def test_a_mail_that_is_tried_again_counts_once(desk: Desk, time_stands: Time) -> None:
    time_stands.to(2026, 3, 10, 0, 0)
    desk.post_box.instead = fail(MailRefused("not now"))
    desk.take(message(desk.account, "evt_first"))
    pass_by(desk, time_stands)
    pass_by(desk, time_stands, RETRY_SECONDS[0])
    desk.post_box.instead = None
    for number in range(MAILS_A_DAY - 1):
        desk.take(message(desk.account, f"evt_{number:02}"))
        pass_by(desk, time_stands, max(FOLDED_BY_THEN, RETRY_SECONDS[1]))
    told = sum(notice.state == "sent" for notice in desk.notices())
    assert told == MAILS_A_DAY


# Whom not


def test_an_address_that_was_taken_away_or_muted_is_sent_nothing_more(desk: Desk, time_stands: Time) -> None:
    desk.choose(webhook_url=None, emails=NAMES)
    desk.take(message(desk.account))
    desk.parts.notifications.preferences.mute(desk.account, NAMES[0], "bounced")
    desk.choose(webhook_url=None, emails=NAMES[:1])
    pass_by(desk, time_stands)
    assert desk.post_box.sent == []
    ended = sorted((notice.recipient, notice.state, notice.error) for notice in desk.notices())
    assert ended == [
        (NAMES[0], "skipped", "the address is muted"),
        (NAMES[1], "skipped", "the address was taken away"),
    ]
    assert desk.take(message(desk.account, "evt_2")) == 0


# Tried for a day


def test_a_mail_that_is_refused_is_tried_for_a_day_and_is_then_dead(desk: Desk, time_stands: Time) -> None:
    desk.post_box.instead = fail(MailRefused("SES refused it: TooManyRequestsException"))
    desk.take(message(desk.account))
    pass_by(desk, time_stands)
    for pause in RETRY_SECONDS:
        (notice,) = desk.notices()
        assert (notice.state, notice.agenda_at) == ("waiting", int(time_stands.at) + pause)
        pass_by(desk, time_stands, pause)
    (notice,) = desk.notices()
    assert (notice.state, notice.attempts) == ("dead", len(RETRY_SECONDS) + 1)
    assert notice.error == "SES refused it: TooManyRequestsException"
    assert [failed.state for failed in desk.watcher.failed][-1] == "dead"


def test_an_address_that_cannot_be_sent_to_is_given_up_at_once(desk: Desk, time_stands: Time) -> None:
    desk.post_box.instead = fail(MailRefused("SES refused it: BadRequestException", for_good=True))
    desk.take(message(desk.account))
    pass_by(desk, time_stands)
    (notice,) = desk.notices()
    assert (notice.state, notice.attempts) == ("dead", 1)


def test_an_event_without_its_figures_is_dead_and_keeps_no_other_waiting(desk: Desk, time_stands: Time) -> None:
    desk.take(message(desk.account, "evt_bad", "usage.blocked"), message(desk.account, "evt_good"))
    pass_by(desk, time_stands)
    assert {notice.event_id: notice.state for notice in desk.notices()} == {"evt_bad": "dead", "evt_good": "sent"}


# Once, though the outcome is lost


def test_a_mail_without_an_answer_is_sent_again_unless_ses_tells_that_it_was_sent(
    desk: Desk, time_stands: Time
) -> None:
    desk.post_box.after = fail(MailUnknown("SES did not answer"))
    desk.take(message(desk.account), message(desk.account, "evt_2"))
    pass_by(desk, time_stands)
    assert {(notice.state, notice.error) for notice in desk.notices()} == {("waiting", "SES did not answer")}
    pass_by(desk, time_stands, UNKNOWN_SECONDS - 1)
    (mail,) = desk.post_box.sent
    desk.hear(ses_event(mail))
    pass_by(desk, time_stands, UNKNOWN_SECONDS)
    assert len(desk.post_box.sent) == 1
    assert {(notice.state, notice.error) for notice in desk.notices()} == {("sent", None)}


def test_a_mail_of_which_nothing_is_told_is_sent_again(desk: Desk, time_stands: Time) -> None:
    desk.post_box.after = fail(MailUnknown("SES did not answer"))
    desk.take(message(desk.account))
    pass_by(desk, time_stands)
    desk.post_box.after = None
    pass_by(desk, time_stands, UNKNOWN_SECONDS)
    assert len(desk.post_box.sent) == 2
    (notice,) = desk.notices()
    assert (notice.state, notice.attempts) == ("sent", 2)


def test_what_ses_tells_of_an_earlier_attempt_ends_no_later_one(desk: Desk, time_stands: Time) -> None:
    desk.take(message(desk.account))
    pass_by(desk, time_stands)
    (mail,) = desk.post_box.sent
    (notice,) = desk.notices()
    desk.parts.notifications.notices.write([(notice, notice.once_more())])
    desk.hear(ses_event(mail))
    (notice,) = desk.notices()
    assert notice.state == "waiting"


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, 16))
def test_a_process_that_dies_at_any_call_costs_a_delay_and_no_mail_and_no_second_one(
    desk: Desk, client: DynamoDBClient, environment: dict[str, str], time_stands: Time, at: int, *, after: bool
) -> None:
    body = message(desk.account)
    living, told = desk.parts, list[str]()
    desk.post_box.after = lambda: told.append(ses_event(desk.post_box.sent[-1]))
    desk.parts = mortal(client, environment, at, after=after)
    with contextlib.suppress(Died, StoreUnavailable):
        desk.take(body)
        pass_by(desk, time_stands)
    desk.parts = living
    desk.queued.parcels["email"].clear()  # what was on its way is lost too
    for event in told:
        desk.hear(event)
    desk.take(body)  # the bus delivers again what was not taken
    for _ in range(4):
        pass_by(desk, time_stands, max(AGAIN_SECONDS, CLAIMED_SECONDS))
    assert sent_to(desk) == NAMES[:1]
    (notice,) = desk.notices()
    assert notice.state == "sent"


def test_a_process_that_dies_each_time_gives_up_after_a_day(desk: Desk, time_stands: Time) -> None:
    desk.post_box.instead = fail(Died())  # type: ignore[arg-type]
    desk.take(message(desk.account))
    for _ in range(len(RETRY_SECONDS) + 2):
        with contextlib.suppress(Died, StoreUnavailable):
            pass_by(desk, time_stands, CLAIMED_SECONDS)
        desk.queued.parcels["email"].clear()
    (notice,) = desk.notices()
    assert (notice.state, notice.error) == ("dead", "each attempt broke off")


def test_two_senders_of_one_parcel_send_one_mail(desk: Desk, time_stands: Time) -> None:
    desk.take(message(desk.account), message(desk.account, "evt_2"))
    time_stands.forward(FOLDED_BY_THEN)
    desk.dispatch()
    desk.queued.parcels["email"] *= 2
    desk.send_mail()
    assert len(desk.post_box.sent) == 1


# What SES tells


@pytest.mark.parametrize(("kind", "reason"), [("Bounce", "bounced"), ("Complaint", "complained")])
def test_an_address_that_bounced_or_complained_is_muted(desk: Desk, time_stands: Time, kind: str, reason: str) -> None:
    desk.take(message(desk.account))
    pass_by(desk, time_stands)
    (mail,) = desk.post_box.sent
    for _ in range(2):
        desk.hear(ses_event(mail, kind))
    muted = desk.parts.notifications.preferences.get(desk.account)["muted"]
    assert muted == [{"email": NAMES[0], "reason": reason, "since": muted[0]["since"]}]  # type: ignore[index]
    assert desk.watcher.muted == [(desk.account, reason)]
    assert desk.take(message(desk.account, "evt_2")) == 0
    (notice,) = desk.notices()
    assert notice.state == ("dead" if kind == "Bounce" else "sent")


def test_a_mailbox_that_is_full_today_is_not_muted(desk: Desk, time_stands: Time) -> None:
    desk.take(message(desk.account))
    pass_by(desk, time_stands)
    desk.hear(ses_event(desk.post_box.sent[0], "Bounce", "Transient"))
    assert desk.parts.notifications.preferences.get(desk.account)["muted"] == []


GOOD = {"account": ["YQ"], "notice": ["bm90aWNlIzE"], "attempt": ["c"]}
ABOUT = {
    "no JSON": "",
    "no object": "[]",
    "no detail": "{}",
    "no mail": json.dumps({"detail": {"eventType": "Send"}}),
    "no tags": json.dumps({"detail": {"eventType": "Send", "mail": {"tags": []}}}),
    "another's tags": json.dumps({"detail": {"eventType": "Send", "mail": {"tags": {"campaign": ["x"]}}}}),
    "a tag that is no base64": json.dumps(
        {"detail": {"eventType": "Send", "mail": {"tags": {**GOOD, "account": ["*"]}}}}
    ),
    "about the settings": json.dumps(
        {"detail": {"eventType": "Send", "mail": {"tags": {**GOOD, "notice": ["c2V0dGluZ3M"]}}}}
    ),
    "an account without a name": json.dumps(
        {"detail": {"eventType": "Send", "mail": {"tags": {**GOOD, "account": [""]}}}}
    ),
    "a type that is not listened to": json.dumps({"detail": {"eventType": "Open", "mail": {"tags": GOOD}}}),
    "a bounce of nobody": json.dumps({"detail": {"eventType": "Bounce", "mail": {"tags": GOOD}}}),
    "recipients that are none": json.dumps(
        {
            "detail": {
                "eventType": "Bounce",
                "bounce": {"bounceType": "Permanent", "bouncedRecipients": ["x"]},
                "mail": {"tags": GOOD},
            }
        }
    ),
    "an address that is a number": json.dumps(
        {
            "detail": {
                "eventType": "Complaint",
                "complaint": {"complainedRecipients": [{"emailAddress": 3}]},
                "mail": {"tags": GOOD},
            }
        }
    ),
}


@pytest.mark.parametrize("body", ABOUT.values(), ids=ABOUT)
def test_what_is_no_event_of_ses_is_reported_and_changes_nothing(desk: Desk, body: str) -> None:
    desk.hear(body)
    assert len(desk.watcher.refused) == 1


def test_an_event_about_a_notice_that_is_gone_changes_nothing(desk: Desk) -> None:
    desk.hear(json.dumps({"detail": {"eventType": "Send", "mail": {"tags": GOOD}}}))
    assert desk.watcher.refused == []
    assert desk.notices() == []
