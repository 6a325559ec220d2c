"""Auto-reload: the settings that are taken, what fires, and a user who sees where it stands."""

from __future__ import annotations

import json

import pytest
import requests

from tests.flows.client import WORKS, Account, Json, error_of
from tests.flows.test_wallet_charges import charged
from tests.flows.test_wallet_deposits import (
    OFF,
    audited_accounts,  # noqa: F401 - audits each test's accounts
    balance,
    deposit,
    lines,
    page,
)
from tests.flows.test_wallet_holds import held

SETTINGS = "/api/balance/auto-reload"
ON = {"enabled": True, "threshold_cents": 500, "amount_cents": 2_000}


def configure(account: Account, **settings: object) -> requests.Response:
    """`PUT /api/balance/auto-reload`; a reload of $20.00 below $5.00 where nothing else is said."""
    return account.send("PUT", SETTINGS, {**ON, **settings})


def configured(account: Account, **settings: object) -> Json:
    """The answer to settings that are expected to be taken."""
    answer = configure(account, **settings)
    assert answer.status_code == 200, answer.text
    return answer.json()


def shown(account: Account) -> Json:
    """The `auto_reload` of the balance."""
    return balance(account)["auto_reload"]


def reloads(account: Account) -> list[Json]:
    """Every payment at Stripe that a reload made, oldest first."""
    (customer,) = account.customers()
    found = account.api.stripe("payment_intents", customer=customer["id"], limit=100)["data"]
    return [intent for intent in reversed(found) if intent["metadata"].get("kind") == "reload"]


def use_card(account: Account, card: str, **form: str) -> None:
    """Put another card on file, in Stripe's portal."""
    assert account.in_portal(action="update_card", card=card, **form).status_code == 303
    account.api.deliver()


@pytest.fixture
def armed(account: Account) -> Account:
    """An account with $25.00 and a reload of $20.00 below $5.00."""
    deposit(account, 2_500)
    configured(account)
    return account


# The story


def test_25_dollars_spent_to_4_are_24_a_minute_later_and_the_transactions_say_why(account: Account) -> None:
    paid = deposit(account, 2_500)
    settings = {**OFF, **ON}
    assert configured(account) == {**settings, "state": "armed"}
    charge_id = charged(account, 2_100)["charge_id"]
    assert (balance(account)["balance_cents"], shown(account)["state"]) == (400, "due")
    account.api.advance(minutes=1)
    seen = balance(account)
    assert (seen["balance_cents"], seen["lifetime_deposited_cents"], seen["lifetime_spent_cents"]) == (
        2_400,
        4_500,
        2_100,
    )
    assert seen["auto_reload"] == {**settings, "state": "armed"}
    (reload,) = reloads(account)
    assert (reload["amount"], reload["status"]) == (2_000, "succeeded")
    explained = account.get("/api/balance/transactions")["transactions"]
    fields = ("type", "amount_cents", "balance_after_cents", "reference")
    assert [tuple(line[field] for field in fields) for line in explained] == [
        ("reload", 2_000, 2_400, reload["id"]),
        ("charge", -2_100, 400, None),
        ("deposit", 2_500, 2_500, paid),
    ]
    assert explained[1]["id"] == charge_id
    account.api.advance(minutes=5)
    assert len(reloads(account)) == 1


# What fires


def test_at_the_threshold_it_never_fires_and_a_ten_thousandth_of_a_cent_below_it_does(armed: Account) -> None:
    charged(armed, 2_000, "to the threshold")
    armed.api.advance(minutes=2)
    assert (shown(armed)["state"], reloads(armed)) == ("armed", [])
    charged(armed, "0.0001", "below it")
    armed.api.advance(minutes=1)
    assert balance(armed)["balance_micros"] == 24_999_999


def test_a_hold_that_takes_the_balance_below_fires(armed: Account) -> None:
    held(armed, 2_001, ttl_seconds=7_200)
    armed.api.advance(minutes=1)
    assert (balance(armed)["balance_cents"], balance(armed)["held_cents"]) == (2_499, 2_001)


def test_saving_below_the_threshold_fires_and_saving_at_it_does_not(account: Account) -> None:
    deposit(account, 500)
    assert configured(account)["state"] == "armed"
    assert configured(account, threshold_cents=501)["state"] == "due"
    account.api.advance(minutes=1)
    assert lines(account) == [("deposit", 500), ("reload", 2_000)]


def test_a_large_shortfall_is_one_charge_of_whole_amounts(account: Account) -> None:
    deposit(account, 500)
    configured(account, threshold_cents=5_000, amount_cents=1_000)
    account.api.advance(minutes=2)
    assert [reload["amount"] for reload in reloads(account)] == [5_000]
    assert balance(account)["balance_cents"] == 5_500


def test_a_deposit_that_came_first_calls_the_reload_off(armed: Account) -> None:
    charged(armed, 2_100)
    deposit(armed, 500)
    assert shown(armed)["state"] == "armed"
    armed.api.advance(minutes=2)
    assert reloads(armed) == []


def test_turned_off_it_does_nothing_and_nothing_but_the_user_turns_it_on(armed: Account) -> None:
    off = configured(armed, enabled=False)
    assert (off["state"], off["enabled"], off["threshold_cents"]) == ("off", False, 500)
    charged(armed, 2_400)
    use_card(armed, "5555555555554444")
    deposit(armed, 500)
    charged(armed, 500, "b")
    armed.api.advance(minutes=5)
    assert (shown(armed)["state"], reloads(armed)) == ("off", [])


def test_a_charge_refused_for_want_of_money_passes_after_the_reload(armed: Account) -> None:
    charged(armed, 2_400, "a")
    body = {"account_id": armed.id, "kind": "agent_execution", "amount_cents": 150, "billing_mode": "wallet"}
    token = armed.api.stack.token("svc", "billing:charge")
    post = {"body": {**body, "idempotency_key": "b"}, "token": token}
    error_of(armed.api.send("POST", "/api/balance/charges", **post), 402, "INSUFFICIENT_BALANCE")
    armed.api.advance(minutes=1)
    assert armed.api.send("POST", "/api/balance/charges", **post).status_code == 201
    assert balance(armed)["balance_cents"] == 1_950


def test_the_sweep_finds_the_wallets_that_are_due_and_is_safe_to_run_again(armed: Account) -> None:
    charged(armed, 2_100)
    assert armed.api.door("invoke/AutoReloadFunction", {})["due"] >= 1
    assert balance(armed)["balance_cents"] == 2_400
    armed.api.door("invoke/AutoReloadFunction", {})
    assert [reload["status"] for reload in reloads(armed)] == ["succeeded"]


# The monthly cap


def test_the_monthly_cap_holds_and_says_until_when(armed: Account) -> None:
    assert configured(armed, monthly_cap_cents=3_999)["monthly_cap_cents"] == 3_999
    charged(armed, 2_100, "a")
    armed.api.advance(minutes=1)
    charged(armed, 2_000, "b")
    armed.api.advance(minutes=2)
    seen = shown(armed)
    assert (seen["state"], seen["last_error"]["code"]) == ("due", "monthly_cap_reached")
    assert seen["last_error"]["message"]
    assert seen["next_attempt_at"].endswith("-01T00:00:00Z")
    assert len(reloads(armed)) == 1
    configured(armed, monthly_cap_cents=4_000)
    armed.api.advance(minutes=1)
    assert (balance(armed)["balance_cents"], shown(armed)["last_error"]) == (2_400, None)


# Settings


def test_it_needs_a_card(account: Account) -> None:
    error = error_of(configure(account), 409, "NO_PAYMENT_METHOD")
    assert "card" in error["message"]
    account.api.press(page(account), action="cancel")
    error_of(configure(account), 409, "NO_PAYMENT_METHOD")
    assert shown(account) == OFF


def test_without_a_card_it_can_be_turned_off(account: Account) -> None:
    assert account.send("PUT", SETTINGS, {"enabled": False}).json() == OFF


def test_what_is_not_given_again_stays_and_the_cap_is_taken_off(armed: Account) -> None:
    configured(armed, monthly_cap_cents=10_000)
    off = armed.send("PUT", SETTINGS, {"enabled": False}).json()
    assert (off["threshold_cents"], off["amount_cents"], off["monthly_cap_cents"]) == (500, 2_000, 10_000)
    assert configured(armed)["monthly_cap_cents"] is None


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"threshold_cents": 0}, "threshold_cents"),
        ({"threshold_cents": 50_001}, "threshold_cents"),
        ({"threshold_cents": 99.5}, "threshold_cents"),
        ({"threshold_cents": "500"}, "threshold_cents"),
        ({"threshold_cents": True}, "threshold_cents"),
        ({"amount_cents": 499}, "amount_cents"),
        ({"amount_cents": 50_001}, "amount_cents"),
        ({"amount_cents": 10**30}, "amount_cents"),
        ({"amount_cents": "2000"}, "amount_cents"),
        ({"monthly_cap_cents": 0}, "monthly_cap_cents"),
        ({"monthly_cap_cents": -1}, "monthly_cap_cents"),
        ({"monthly_cap_cents": "10000"}, "monthly_cap_cents"),
        ({"enabled": "yes"}, "enabled"),
        ({"enabled": 1}, "enabled"),
        ({"enabled": None}, "enabled"),
        ({"currency": "usd"}, "currency"),
        ({"state": "armed"}, "state"),
        ({"threshold_cents": None}, "body"),
        ({"amount_cents": None}, "body"),
        ({"monthly_cap_cents": 1_999}, "body"),
    ],
)
def test_a_setting_that_could_never_work_is_refused_when_it_is_saved(account: Account, wrong: Json, named: str) -> None:
    assert set(error_of(configure(account, **wrong), 422, "INVALID_REQUEST")["details"]) == {named}
    assert shown(account) == OFF


def test_settings_without_enabled_are_refused(account: Account) -> None:
    answer = account.send("PUT", SETTINGS, {"threshold_cents": 500, "amount_cents": 2_000})
    assert set(error_of(answer, 422, "INVALID_REQUEST")["details"]) == {"enabled"}


def test_the_bounds_themselves_are_taken(armed: Account) -> None:
    for settings in ({"threshold_cents": 1, "amount_cents": 500}, {"threshold_cents": 2_500, "amount_cents": 50_000}):
        assert configured(armed, **settings)["state"] == "armed"


def test_no_answer_shows_what_stripe_keeps_to_itself(armed: Account) -> None:
    charged(armed, 2_100)
    armed.api.advance(minutes=1)
    seen = json.dumps([balance(armed), armed.get("/api/balance/transactions")])
    for hidden in ("pm_", "cus_", "fingerprint", WORKS, "reload-"):
        assert hidden not in seen
