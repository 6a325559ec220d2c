"""What an account sets: whole, checked, and with a secret that is shown once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from aerostack_billing.accounts.models import PaymentIssue
from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.notifications.events import DEFAULT, TYPES, is_told
from aerostack_billing.notifications.models import MuteReason, NotificationsRequest
from aerostack_billing.notifications.preferences import OVERLAP_SECONDS, EmailOff, NotMuted, NoWebhook, Preferences
from aerostack_billing.notifications.store import NAMED_A_DAY
from aerostack_billing.notifications.targets import Targets
from aerostack_billing.values.errors import InvalidRequest, RateLimitExceeded
from aerostack_billing.values.fields import validated
from tests.rooms.conftest import Time
from tests.rooms.worlds.outbox import waiting_events, waiting_types
from tests.rooms.worlds.usage import move_to
from tests.rooms.worlds.wallet import charge, fund

URL = "https://hooks.example.com/billing"


@pytest.fixture
def preferences(parts: Runtime) -> Preferences:
    public = Targets(loopback=False, resolve=lambda host, _port: [] if "nowhere" in host else ["93.184.216.34"])
    return Preferences(
        parts.notifications.settings, parts.wallet.store, public, parts.notifications.outlooks, mail=True
    )


def wanting(**given: object) -> NotificationsRequest:
    return validated(NotificationsRequest, {"emails": [], "events": [], **given})


def test_an_account_that_never_chose_names_nobody_and_asks_for_what_matters(
    preferences: Preferences, account: str
) -> None:
    found = preferences.get(account)
    assert (found["emails"], found["webhook_url"], found["balance_low_cents"]) == ([], None, None)
    assert found["events"] == list(DEFAULT)
    assert set(TYPES) - set(DEFAULT) == {"usage.forecast", "usage.limit_near", "tool.changed"}


def test_what_is_set_is_shown_and_what_is_left_out_is_off(preferences: Preferences, account: str) -> None:
    preferences.put(
        account, wanting(emails=["Billing@Example.COM"], events=["balance.low"], webhook_url=URL, balance_low_cents=0)
    )
    found = preferences.get(account)
    assert found["emails"] == ["Billing@example.com"]
    assert (found["webhook_url"], found["balance_low_cents"], found["events"]) == (URL, 0, ["balance.low"])
    preferences.put(account, wanting(events=["balance.low"]))
    found = preferences.get(account)
    assert (found["emails"], found["webhook_url"], found["balance_low_cents"]) == ([], None, None)


def test_the_secret_is_shown_once_and_goes_with_its_webhook(preferences: Preferences, account: str) -> None:
    first = preferences.put(account, wanting(webhook_url=URL))["webhook_secret"]
    assert str(first).startswith("whsec_")
    assert preferences.put(account, wanting(webhook_url=f"{URL}2"))["webhook_secret"] is None
    assert preferences.get(account)["webhook_secret"] is None
    preferences.put(account, wanting())
    assert preferences.put(account, wanting(webhook_url=URL))["webhook_secret"] not in (None, first)


def test_a_rotated_secret_signs_beside_the_one_before_for_a_day(
    preferences: Preferences, parts: Runtime, account: str, time_stands: Time
) -> None:
    with pytest.raises(NoWebhook):
        preferences.rotate(account)
    first = preferences.put(account, wanting(webhook_url=URL))["webhook_secret"]
    second = preferences.rotate(account)["webhook_secret"]
    third = preferences.rotate(account)["webhook_secret"]
    assert parts.notifications.settings.get(account).signing == [third, second]
    assert first != second
    time_stands.forward(OVERLAP_SECONDS)
    assert parts.notifications.settings.get(account).signing == [third]


REFUSED = {
    "six addresses": ("emails", {"emails": [f"a{n}@example.com" for n in range(6)]}),
    "an address without a domain": ("emails.0", {"emails": ["billing@"]}),
    "an address without a dot": ("emails.0", {"emails": ["billing@localhost"]}),
    "an address without an @": ("emails.0", {"emails": ["example.com"]}),
    "two addresses in one": ("emails.0", {"emails": ["a@example.com,b@example.com"]}),
    "a name before the address": ("emails.0", {"emails": ["A <a@example.com>"]}),
    "a header in an address": ("emails.0", {"emails": ["a@example.com\r\nBcc: b@example.com"]}),
    "a line after an address": ("emails.0", {"emails": ["a@example.com\n"]}),
    "an address that is a number": ("emails.0", {"emails": [5]}),
    "a domain that is an IP address": ("emails.0", {"emails": ["a@127.0.0.1"]}),
    "a long address": ("emails.0", {"emails": [f"a@{'b' * 60}.{'c' * 60}.{'d' * 60}.{'e' * 60}.{'f' * 20}.com"]}),
    "one address twice": ("emails", {"emails": ["a@example.com", "A@example.com"]}),
    "an unknown event": ("events.0", {"events": ["plan.exploded"]}),
    "the test's own event": ("events.0", {"events": ["notification.test"]}),
    "an event twice": ("events", {"events": ["balance.low", "balance.low"]}),
    "a threshold below zero": ("balance_low_cents", {"balance_low_cents": -1}),
    "a threshold that is no number": ("balance_low_cents", {"balance_low_cents": "5"}),
    "a field that is not ours": ("sms", {"sms": ["+491"]}),
}


@pytest.mark.parametrize(("field", "given"), REFUSED.values(), ids=REFUSED)
def test_what_is_wrong_is_refused_with_the_field_s_name(field: str, given: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest) as refused:
        wanting(**given)
    assert set(refused.value.details) == {field}


@pytest.mark.parametrize(
    "address", ["a@example.com", "first.last+tag@mail.example.co.uk", "o'neil@example.com", f"{'a' * 64}@example.com"]
)
def test_an_address_that_mail_is_sent_to_is_taken(address: str) -> None:
    assert wanting(emails=[address]).emails == [address]


def test_a_stack_without_mail_refuses_an_address_and_changes_nothing(
    parts: Runtime, preferences: Preferences, account: str
) -> None:
    preferences.put(account, wanting(balance_low_cents=300))
    before = preferences.get(account)
    silent = Preferences(
        parts.notifications.settings,
        parts.wallet.store,
        parts.notifications.targets,
        parts.notifications.outlooks,
        mail=False,
    )
    with pytest.raises(EmailOff):
        silent.put(account, wanting(emails=["a@example.com"], balance_low_cents=900))
    assert preferences.get(account) == before


def test_a_webhook_that_may_not_lead_there_changes_nothing(preferences: Preferences, account: str) -> None:
    preferences.put(account, wanting(emails=["a@example.com"], balance_low_cents=300))
    before = preferences.get(account)
    with pytest.raises(InvalidRequest):
        preferences.put(account, wanting(webhook_url="https://nowhere.example.com/x", balance_low_cents=900))
    assert preferences.get(account) == before


def test_an_account_names_so_many_new_addresses_and_webhooks_a_day(
    preferences: Preferences, account: str, time_stands: Time
) -> None:
    """Also mailboxes that do not exist, one after another: each that bounces is held against the sender of all mail."""
    for day in range(4):
        preferences.put(
            account, wanting(emails=[f"a{n}.{day}@example.com" for n in range(4)], webhook_url=f"{URL}{day}")
        )
    before = preferences.get(account)
    for one in ({"emails": ["one@example.com"]}, {"webhook_url": f"{URL}more"}):
        with pytest.raises(RateLimitExceeded) as refused:
            preferences.put(account, wanting(**one))
        assert int(refused.value.headers["retry-after"]) == 12 * 3_600
    assert preferences.get(account) == before
    fewer = [address.upper().replace("EXAMPLE.COM", "example.com") for address in before["emails"][:2]]  # type: ignore[index]
    assert preferences.put(account, wanting(emails=fewer, webhook_url=before["webhook_url"]))["emails"] == fewer
    time_stands.forward(12 * 3_600)
    preferences.put(account, wanting(emails=["one@example.com"]))


def test_no_name_is_resolved_for_a_webhook_that_stays_or_is_one_too_many(parts: Runtime, account: str) -> None:
    """A name may take five seconds to resolve, in a function that others wait for."""
    asked: list[str] = []

    def resolve(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["93.184.216.34"] if host == "stays.example.com" else []

    own = parts.notifications
    slow = Preferences(
        own.settings, parts.wallet.store, Targets(loopback=False, resolve=resolve), own.outlooks, mail=True
    )
    for _ in range(2):
        slow.put(account, wanting(webhook_url="https://stays.example.com/x"))
    for number in range(NAMED_A_DAY):
        with pytest.raises((InvalidRequest, RateLimitExceeded)):
            slow.put(account, wanting(webhook_url=f"https://n{number}.example.com/x"))
    assert asked == ["stays.example.com", *(f"n{number}.example.com" for number in range(NAMED_A_DAY - 1))]


def test_a_bounce_mutes_until_the_address_is_named_anew_and_a_complaint_for_ever(
    preferences: Preferences, parts: Runtime, account: str
) -> None:
    names = ["bounces@example.com", "complains@example.com", "reads@example.com"]
    preferences.put(account, wanting(emails=names))
    preferences.mute(account, "Bounces@example.com", "bounced")
    preferences.mute(account, "complains@example.com", "complained")
    preferences.mute(account, "complains@example.com", "bounced")
    preferences.mute(account, "nobody@example.com", "bounced")
    assert parts.notifications.settings.get(account).told == ("reads@example.com",)
    shown: Any = preferences.put(account, wanting(emails=names))["muted"]
    assert [(mute["email"], mute["reason"]) for mute in shown] == [(names[0], "bounced"), (names[1], "complained")]
    preferences.put(account, wanting(emails=names[2:]))
    again = [names[0], names[1].upper().replace("EXAMPLE.COM", "example.com"), names[2]]
    preferences.put(account, wanting(emails=again))
    assert parts.notifications.settings.get(account).told == (names[0], names[2])


@pytest.mark.parametrize("reason", ["bounced", "complained"])
def test_a_mute_that_is_lifted_is_gone_in_any_spelling_and_no_other_with_it(
    preferences: Preferences, parts: Runtime, account: str, reason: MuteReason
) -> None:
    names = ["reads@example.com", "other@example.com"]
    preferences.put(account, wanting(emails=names))
    for name in names:
        preferences.mute(account, name, reason)
    assert preferences.preview_unmute(account, "Reads@example.com").reason == reason
    assert parts.notifications.settings.get(account).told == ()
    assert preferences.unmute(account, "Reads@example.com").reason == reason
    assert parts.notifications.settings.get(account).told == ("reads@example.com",)
    with pytest.raises(NotMuted):
        preferences.unmute(account, "reads@example.com")
    assert preferences.mute(account, "reads@example.com", reason)


def test_a_complaint_of_an_address_that_was_taken_off_can_be_lifted(
    preferences: Preferences, parts: Runtime, account: str
) -> None:
    preferences.put(account, wanting(emails=["reads@example.com"]))
    preferences.mute(account, "reads@example.com", "complained")
    preferences.put(account, wanting())
    preferences.unmute(account, "reads@example.com")
    preferences.put(account, wanting(emails=["reads@example.com"]))
    assert parts.notifications.settings.get(account).told == ("reads@example.com",)


def test_settings_that_are_written_at_once_are_each_written_whole(processes: list[Runtime], account: str) -> None:
    def write(number: int) -> None:
        own = processes[number].notifications
        Preferences(own.settings, processes[number].wallet.store, own.targets, own.outlooks, mail=True).put(
            account, wanting(webhook_url=f"https://93.184.216.34/hook{number}", balance_low_cents=number)
        )

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    found = processes[0].notifications.settings.get(account)
    assert (len(found.secrets), found.version) == (1, 4)


def test_a_plan_that_only_became_past_due_is_told_once() -> None:
    became = {"changed": ["status"], "after": {"status": "past_due"}}
    both = frozenset({"plan.changed", "payment.past_due"})
    assert not is_told("plan.changed", became, both)
    assert is_told("plan.changed", became, both - {"payment.past_due"})
    assert is_told("plan.changed", {**became, "changed": ["status", "plan_tier"]}, both)
    assert is_told("payment.past_due", {}, both)
    assert not is_told("balance.low", {}, both)


def test_the_threshold_of_the_notifications_comes_before_auto_reload_s_and_the_stack_s(
    preferences: Preferences, parts: Runtime, account: str
) -> None:
    preferences.put(account, wanting(balance_low_cents=800))
    fund(parts, account, 1_000)
    charge(parts, account, 200, "to it")
    assert waiting_types(parts, account) == []
    charge(parts, account, 1, "below it")
    (low,) = waiting_events(parts, account)
    assert (low["type"], low["data"]["threshold_cents"]) == ("balance.low", 800)
    preferences.put(account, wanting())
    charge(parts, account, 298, "to 501")
    assert waiting_types(parts, account) == ["balance.low"]
    charge(parts, account, 2, "below the stack's")
    assert waiting_types(parts, account) == ["balance.low", "balance.low"]


def test_a_plan_that_becomes_past_due_is_told_once_with_when_its_limits_end(parts: Runtime, account: str) -> None:
    now = move_to(parts, account, "pro")
    issue = PaymentIssue("past_due", "https://invoice.stripe.com/i", 1_773_200_000)
    owing = replace(now.plan, status="past_due", payment_issue=issue, grace_ends_at=1_773_800_000)
    now = parts.accounts.store.write_plan(now, owing, [], None)
    parts.accounts.store.write_plan(now, replace(owing, cancel_at_period_end=True), [], None)
    (told,) = [event for event in waiting_events(parts, account) if event["type"] == "payment.past_due"]
    assert told["data"] == {
        "plan_tier": "pro",
        "billing_interval": "monthly",
        "reason": "past_due",
        "next_attempt_at": "2026-03-11T03:33:20Z",
        "plan_stays_until": "2026-03-18T02:13:20Z",
    }
