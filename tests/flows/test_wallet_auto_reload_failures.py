"""Reloads that go wrong: no card is hammered, nothing is paid twice, and the user is told why it stopped."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
import requests

from tests.flows.client import ASKS_EACH_TIME, DECLINES_LATER, WORKS, Account, Json
from tests.flows.test_wallet_auto_reload import configured, reloads, shown, use_card
from tests.flows.test_wallet_charges import charged
from tests.flows.test_wallet_deposits import (
    audited_accounts,  # noqa: F401 - audits each test's accounts
    balance,
    deposit,
    events_about,
    held_back,
    lines,
    lost,
)

LOST_CARD = "4000000000009987"
HOUR, DAY = 3_600, 86_400
# The sweep runs each minute, and oftener than that nothing is promised.
MINUTE = 60


@pytest.fixture
def armed(account: Account) -> Account:
    """An account with $25.00 and a reload of $20.00 below $5.00."""
    deposit(account, 2_500)
    configured(account)
    return account


def spend_to_4_dollars(account: Account) -> None:
    """Take the balance of $25.00 below the threshold."""
    charged(account, 2_100, "spend")


def attempts(account: Account) -> list[tuple[str, str]]:
    """Each reload's payment: its status, and the decline that it ended with."""
    return [
        (reload["status"], (reload["last_payment_error"] or {}).get("decline_code", "")) for reload in reloads(account)
    ]


def unix(moment: str) -> float:
    """A time of an answer as unix seconds."""
    return datetime.fromisoformat(moment).timestamp()


# Declines


def test_a_card_that_declines_for_seven_days_is_tried_three_times_and_the_user_is_told(
    armed: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("local.timeline.MOST_FIRINGS", 200)
    api, began = armed.api, armed.api.now()
    use_card(armed, DECLINES_LATER)
    spent = charged(armed, 2_100, "spend")
    api.advance(minutes=1)
    body = shown(armed)
    assert (body["state"], body["last_error"]["code"]) == ("retrying", "generic_decline")
    assert abs(unix(body["next_attempt_at"]) - unix(body["last_error"]["at"]) - HOUR) < MINUTE
    api.advance(minutes=58)
    assert len(reloads(armed)) == 1
    api.advance(minutes=3)
    body = shown(armed)
    assert (body["state"], len(reloads(armed))) == ("retrying", 2)
    assert abs(unix(body["next_attempt_at"]) - unix(body["last_error"]["at"]) - DAY) < MINUTE
    api.advance(hours=23)
    assert len(reloads(armed)) == 2
    api.advance(hours=2)
    assert len(reloads(armed)) == 3
    api.advance(minutes=(began + 7 * DAY - api.now()) / 60)
    body = shown(armed)
    assert (body["state"], body["next_attempt_at"], body["enabled"]) == ("suspended", None, True)
    assert set(body["last_error"]) == {"code", "message", "at"}
    assert body["last_error"]["code"] == "generic_decline"
    assert "declined" in body["last_error"]["message"]
    assert attempts(armed) == [("requires_payment_method", "generic_decline")] * 3
    first, second, third = (reload["created"] for reload in reloads(armed))
    assert HOUR <= second - first < HOUR + 3 * MINUTE
    assert DAY <= third - second < DAY + 3 * HOUR
    # Seven days on, the key of the charge still stands for it.
    assert charged(armed, 2_100, "spend") == spent
    assert balance(armed)["balance_cents"] == 400


def renew(account: Account, card: str) -> None:
    """Let the bank replace the customer's card."""
    (customer,) = account.customers()
    method = customer["invoice_settings"]["default_payment_method"]
    account.api.door(f"stripe/payment_methods/{method}/renew", {"card": card})
    account.api.deliver()


def suspended(account: Account) -> Account:
    """The account after its card was found to be lost, which no retry can mend."""
    renew(account, LOST_CARD)
    spend_to_4_dollars(account)
    account.api.advance(minutes=2)
    body = shown(account)
    assert (body["state"], body["last_error"]["code"], body["next_attempt_at"]) == ("suspended", "lost_card", None)
    return account


def test_a_decline_that_cannot_recover_suspends_at_once(armed: Account) -> None:
    suspended(armed)
    armed.api.advance(minutes=5)
    assert len(reloads(armed)) == 1


def renew_unheard_and_save(account: Account) -> None:
    """Save the settings after the card was replaced and nobody told."""
    with lost(account.api):
        renew(account, WORKS)
    configured(account)


@pytest.mark.parametrize(
    "act",
    [lambda account: use_card(account, WORKS), lambda account: renew(account, WORKS), renew_unheard_and_save],
    ids=["another card", "the card renewed", "settings saved"],
)
def test_a_suspension_ends_by_another_card_or_by_saving(armed: Account, act: Callable[[Account], object]) -> None:
    suspended(armed)
    act(armed)
    armed.api.advance(minutes=1)
    body = shown(armed)
    assert (body["state"], body["last_error"]) == ("armed", None)
    assert balance(armed)["balance_cents"] == 2_400


def test_the_same_card_does_not_end_a_suspension(armed: Account) -> None:
    suspended(armed)
    renew(armed, LOST_CARD)
    armed.api.advance(minutes=2)
    assert (shown(armed)["state"], len(reloads(armed))) == ("suspended", 1)


def test_a_deposit_by_hand_works_while_reloads_are_suspended(armed: Account) -> None:
    suspended(armed)
    deposit(armed, 1_000)
    assert (balance(armed)["balance_cents"], shown(armed)["state"]) == (1_400, "suspended")


# 3-D Secure


def asked(account: Account) -> Json:
    """The reload of an account whose bank asks for its payer's confirmation each time."""
    use_card(account, ASKS_EACH_TIME, authenticate="complete")
    spend_to_4_dollars(account)
    account.api.advance(minutes=1)
    body = shown(account)
    assert (body["state"], body["last_error"]["code"]) == ("action_required", "authentication_required")
    assert body["next_attempt_at"] is None
    return body


def test_a_confirmation_that_is_asked_for_is_no_decline_and_is_asked_for_once(armed: Account) -> None:
    url = asked(armed)["action_url"]
    assert "3-D Secure" in requests.get(url, timeout=60).text
    armed.api.advance(minutes=62)
    assert (shown(armed)["state"], shown(armed)["action_url"]) == ("action_required", url)
    assert attempts(armed) == [("requires_action", "")]


def test_a_confirmed_reload_is_credited_once_and_armed_again(armed: Account) -> None:
    url = asked(armed)["action_url"]
    answer = armed.api.press(url, authenticate="complete")
    assert answer.status_code == 303
    assert armed.api.press(url, authenticate="complete").status_code in {200, 303}
    armed.api.deliver()
    body = shown(armed)
    assert (body["state"], body["last_error"], body["action_url"]) == ("armed", None, None)
    assert lines(armed) == [("deposit", 2_500), ("charge", -2_100), ("reload", 2_000)]


def test_a_confirmation_that_failed_is_a_decline_and_tried_again_in_an_hour(armed: Account) -> None:
    url = asked(armed)["action_url"]
    assert armed.api.press(url, authenticate="fail").status_code == 402
    armed.api.deliver()
    body = shown(armed)
    assert (body["state"], body["action_url"]) == ("retrying", None)
    armed.api.advance(minutes=62)
    assert shown(armed)["state"] == "action_required"
    assert shown(armed)["action_url"] != url
    assert balance(armed)["balance_cents"] == 400


def test_saving_the_settings_voids_what_waits_and_tries_the_new_card(armed: Account) -> None:
    url = asked(armed)["action_url"]
    use_card(armed, WORKS)
    assert configured(armed)["state"] == "due"
    armed.api.advance(minutes=1)
    assert [status for status, _ in attempts(armed)] == ["canceled", "succeeded"]
    assert armed.api.press(url, authenticate="complete").status_code == 410
    assert lines(armed)[-1] == ("reload", 2_000)


def test_a_confirmation_whose_webhook_is_late_is_not_lost_by_saving_the_settings(armed: Account) -> None:
    url = asked(armed)["action_url"]
    with held_back(armed.api):
        armed.api.press(url, authenticate="complete")
        configured(armed)
    armed.api.advance(minutes=1)
    assert lines(armed) == [("deposit", 2_500), ("charge", -2_100), ("reload", 2_000)]


# Lost answers


@pytest.mark.parametrize(
    # Stripe replays a 500 to its key for a day.
    ("kind", "kept_hours"),
    [("timeout_after", 0), ("timeout_before", 0), ("500_after", 26), ("500_before", 26)],
)
def test_a_reload_whose_answer_is_lost_is_paid_and_credited_once(armed: Account, kind: str, kept_hours: int) -> None:
    spend_to_4_dollars(armed)
    armed.api.door("stripe/faults", {"on": "payment_intents.create", "kind": kind})
    armed.api.advance(hours=kept_hours)
    armed.api.advance(hours=kept_hours)
    armed.api.advance(minutes=8)
    assert [status for status, _ in attempts(armed)] == ["succeeded"]
    assert lines(armed) == [("deposit", 2_500), ("charge", -2_100), ("reload", 2_000)]
    assert shown(armed)["state"] == "armed"


def test_a_reload_that_stripe_never_answers_is_pending_and_resumed_under_the_same_key(armed: Account) -> None:
    spend_to_4_dollars(armed)
    with lost(armed.api):
        armed.api.door("stripe/faults", {"on": "payment_intents.create", "kind": "timeout_before", "times": 3})
        armed.api.advance(minutes=1)
        body = shown(armed)
        assert (body["state"], body["last_error"], reloads(armed)) == ("pending", None, [])
        assert body["next_attempt_at"] is not None
        configured(armed)
        assert shown(armed)["state"] == "pending"
        armed.api.advance(minutes=7)
    assert attempts(armed) == [("succeeded", "")]
    assert lines(armed)[-1] == ("reload", 2_000)


def test_a_reload_is_credited_once_by_its_answer_and_its_webhooks(armed: Account) -> None:
    api = armed.api
    spend_to_4_dollars(armed)
    api.advance(minutes=1)
    for event in events_about(api, reloads(armed)[0]["id"]):
        assert api.door(f"stripe/events/{event['id']}/resend", {})["status"] == 200
    assert lines(armed) == [("deposit", 2_500), ("charge", -2_100), ("reload", 2_000)]


def test_one_failing_wallet_stops_no_other(armed: Account, new_account: Callable[[], Account]) -> None:
    other = new_account()
    deposit(other, 2_500)
    configured(other)
    renew(other, LOST_CARD)
    for each in (armed, other):
        spend_to_4_dollars(each)
    armed.api.advance(minutes=1)
    assert (balance(armed)["balance_cents"], balance(other)["balance_cents"]) == (2_400, 400)


# Taken back


def test_a_refunded_reload_is_taken_back_like_a_deposit(armed: Account) -> None:
    spend_to_4_dollars(armed)
    armed.api.advance(minutes=1)
    armed.api.door("stripe/refunds", {"payment_intent": reloads(armed)[0]["id"]})
    armed.api.deliver()
    assert lines(armed)[-1] == ("refund", -2_000)
    assert balance(armed)["balance_cents"] == 400
