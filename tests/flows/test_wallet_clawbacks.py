"""Deposits that are taken back: a refund or dispute takes what its deposit brought, once, and what is spent is owed."""

from __future__ import annotations

import pytest
import requests

from tests.flows.client import Account, Json, error_of
from tests.flows.test_wallet_charges import CHARGES, by_service, charge, charged
from tests.flows.test_wallet_deposits import (
    audited_accounts,  # noqa: F401 - audits each test's accounts
    balance,
    deposit,
    events_about,
    held_back,
    intent_of,
    lines,
    lost,
    page,
)
from tests.flows.test_wallet_holds import capture, held, release, sums
from tests.flows.test_webhooks import send


def refund(account: Account, intent: str, amount: int | None = None) -> None:
    """Refund a payment, or a part of it, at Stripe; it is known here when this returns."""
    account.api.door("stripe/refunds", {"payment_intent": intent, **({"amount": amount} if amount else {})})
    account.api.deliver()


def dispute(account: Account, intent: str, status: str) -> None:
    """Let a payment's cardholder dispute it, or its bank decide; it is known here when this returns."""
    account.api.door("stripe/disputes", {"payment_intent": intent, "status": status})
    account.api.deliver()


def owed(account: Account) -> tuple[float, float]:
    """What can be spent and what is owed, in cents."""
    shown = balance(account)
    return shown["balance_cents"], shown["debt_cents"]


# Refunds


def test_a_refund_takes_back_what_is_not_spent(account: Account) -> None:
    intent = deposit(account)
    refund(account, intent, 1_000)
    assert owed(account) == (1_500, 0)
    refund(account, intent)
    assert owed(account) == (0, 0)
    assert lines(account) == [("deposit", 2_500), ("refund", -1_000), ("refund", -1_500)]


def test_what_was_spent_is_owed_and_the_next_deposit_pays_it_first(account: Account) -> None:
    intent = deposit(account)
    charged(account, 2_100, "a")
    refund(account, intent)
    assert owed(account) == (0, 2_100)
    error = error_of(charge(account, "0.01", "b"), 402, "INSUFFICIENT_BALANCE")
    assert error["details"]["debt_cents"] == 2_100
    assert error["details"]["missing_cents"] == 2_100.01
    deposit(account, 2_000)
    assert owed(account) == (0, 100)
    error_of(charge(account, "0.01", "b"), 402, "INSUFFICIENT_BALANCE")
    deposit(account, 600)
    assert owed(account) == (500, 0)
    charged(account, 500, "b")
    assert lines(account)[2:] == [
        ("refund", -400),
        ("refund", 0),
        ("deposit", 2_000),
        ("debt_payment", -2_000),
        ("deposit", 600),
        ("debt_payment", -100),
        ("charge", -500),
    ]


def test_a_refund_of_one_deposit_takes_no_more_than_it_brought(account: Account) -> None:
    intent = deposit(account, 500)
    deposit(account, 1_000)
    refund(account, intent)
    assert (owed(account), balance(account)["lifetime_deposited_cents"]) == ((1_000, 0), 1_500)


def test_a_refund_heard_of_again_takes_nothing_more(account: Account) -> None:
    api, intent = account.api, deposit(account)
    refund(account, intent, 1_000)
    for event in events_about(api, intent):
        assert api.door(f"stripe/events/{event['id']}/resend", {})["status"] == 200
        send(api, {**event, "id": f"{event['id']}again"})
    assert owed(account) == (1_500, 0)


def test_a_refund_whose_webhook_was_lost_is_found_with_the_next(account: Account) -> None:
    api, intent = account.api, deposit(account)
    with lost(api):
        refund(account, intent, 1_000)
    assert owed(account) == (2_500, 0)
    refund(account, intent, 500)
    assert owed(account) == (1_000, 0)


@pytest.mark.parametrize("order", ["first to last", "last to first"])
@pytest.mark.parametrize("spent", [0, 2_000])
def test_deposit_and_refund_told_in_any_order_end_the_same(account: Account, order: str, spent: int) -> None:
    api = account.api
    if spent:
        deposit(account, spent)
        charged(account, spent)
    with lost(api):
        intent = intent_of(account, account.pay(page(account)))
        refund(account, intent, 1_500)
    found = events_about(api, intent)
    for event in found if order == "last to first" else reversed(found):
        assert api.door(f"stripe/events/{event['id']}/resend", {})["status"] == 200
    assert owed(account) == (1_000, 0)
    assert lines(account)[-2:] == [("deposit", 2_500), ("refund", -1_500)]


def test_events_held_back_through_a_whole_story_make_the_same_end(account: Account) -> None:
    with held_back(account.api):
        first = intent_of(account, account.pay(page(account, 1_000)))
        second = intent_of(account, account.pay(page(account, 2_000)))
        for intent, status in ((first, "needs_response"), (first, "won"), (second, "needs_response")):
            account.api.door("stripe/disputes", {"payment_intent": intent, "status": status})
        account.api.door("stripe/refunds", {"payment_intent": first, "amount": 400})
        assert balance(account)["lifetime_deposited_cents"] == 0
    assert owed(account) == (600, 0)


def test_a_refund_whose_processing_failed_is_sent_again_and_taken_once(account: Account) -> None:
    api, intent = account.api, deposit(account)
    api.deliver()
    api.door("stripe/faults", {"on": "payment_intents.retrieve", "kind": "500_before", "times": 3})
    refund(account, intent)
    api.advance(minutes=1)
    assert lines(account) == [("deposit", 2_500), ("refund", -2_500)]


# Disputes


def test_a_dispute_takes_the_money_at_once_and_a_won_one_gives_it_back(account: Account) -> None:
    intent = deposit(account)
    dispute(account, intent, "needs_response")
    assert owed(account) == (0, 0)
    dispute(account, intent, "won")
    assert owed(account) == (2_500, 0)
    assert lines(account) == [("deposit", 2_500), ("dispute", -2_500), ("dispute_reversal", 2_500)]


def test_a_lost_dispute_takes_nothing_more(account: Account) -> None:
    intent = deposit(account)
    charged(account, 2_000)
    dispute(account, intent, "needs_response")
    assert owed(account) == (0, 2_000)
    dispute(account, intent, "lost")
    assert owed(account) == (0, 2_000)


def test_a_dispute_won_after_the_money_was_spent_pays_the_debt_and_frees_the_wallet(account: Account) -> None:
    intent = deposit(account)
    charged(account, 2_000)
    dispute(account, intent, "needs_response")
    error_of(charge(account, 1, "b"), 402, "INSUFFICIENT_BALANCE")
    dispute(account, intent, "won")
    assert owed(account) == (500, 0)
    charged(account, 1, "b")


def test_a_debt_paid_by_a_deposit_and_then_won_is_all_there(account: Account) -> None:
    intent = deposit(account)
    charged(account, 2_000)
    dispute(account, intent, "needs_response")
    deposit(account, 3_000)
    assert owed(account) == (1_000, 0)
    dispute(account, intent, "won")
    assert owed(account) == (3_500, 0)


def test_dispute_then_refund_of_one_deposit_takes_it_once(account: Account) -> None:
    intent = deposit(account)
    deposit(account, 1_000)
    dispute(account, intent, "needs_response")
    refund(account, intent)
    assert owed(account) == (1_000, 0)
    dispute(account, intent, "lost")
    assert owed(account) == (1_000, 0)


def test_a_part_refunded_and_the_rest_disputed_take_what_it_brought(account: Account) -> None:
    intent = deposit(account)
    refund(account, intent, 1_000)
    dispute(account, intent, "needs_response")
    assert lines(account) == [("deposit", 2_500), ("refund", -1_000), ("dispute", -1_500)]
    dispute(account, intent, "won")
    assert owed(account) == (1_500, 0)


# Beside holds


def test_a_hold_is_honoured_and_its_rest_pays_the_debt(account: Account) -> None:
    intent = deposit(account, 500)
    hold_id = held(account, 300)
    refund(account, intent)
    assert (owed(account), sums(account)) == ((0, 300), (0, 300))
    found: Json = capture(account, hold_id, 100).json()
    assert (found["captured_cents"], found["short_cents"], found["held_cents"]) == (100, 0, 0)
    assert (found["balance_cents"], found["balance_micros"]) == (0, 0)
    assert owed(account) == (0, 100)


@pytest.mark.parametrize("way", ["release", "lapse"])
def test_what_a_hold_gives_back_pays_the_debt(account: Account, way: str) -> None:
    intent = deposit(account, 500)
    hold_id = held(account, 300, ttl_seconds=60)
    refund(account, intent)
    if way == "release":
        answer: requests.Response = release(account, hold_id)
        assert (answer.json()["released_cents"], answer.json()["balance_cents"]) == (300, 0)
    else:
        account.api.advance(minutes=2)
    assert (owed(account), sums(account)) == ((0, 0), (0, 0))


def test_a_charge_given_back_pays_the_debt_and_its_answer_says_what_is_left(account: Account) -> None:
    intent = deposit(account, 500)
    charge_id = charged(account, 400)["charge_id"]
    refund(account, intent)
    assert owed(account) == (0, 400)
    body = {"account_id": account.id, "idempotency_key": "give back"}
    answer = by_service(account.api, f"{CHARGES}/{charge_id}/refund", body)
    assert (answer.json()["refunded_cents"], answer.json()["balance_cents"]) == (400, 0)
    assert owed(account) == (0, 0)
