"""Deposits: what a page brought is in the wallet once it is paid, by whoever tells first, and once."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import boto3
import pytest
import requests

from tests.flows.client import ASKS_EACH_TIME, BACK, DECLINES, WORKS, Account, Api, Json, error_of, until
from tests.flows.test_webhooks import send

OFF = {
    "enabled": False,
    "threshold_cents": None,
    "amount_cents": None,
    "monthly_cap_cents": None,
    "state": "off",
    "last_error": None,
    "next_attempt_at": None,
    "action_url": None,
}
EMPTY = {
    "balance_cents": 0,
    "balance_micros": 0,
    "granted_cents": 0,
    "held_cents": 0,
    "debt_cents": 0,
    "currency": "usd",
    "auto_reload": OFF,
    "monthly_spend_cap_cents": None,
    "monthly_spent_cents": 0,
    "lifetime_deposited_cents": 0,
    "lifetime_spent_cents": 0,
}
BY_BANK = "us_bank_account"


@pytest.fixture(name="new_account")
def audited_accounts(new_account: Callable[[], Account], api: Api) -> Iterator[Callable[[], Account]]:
    """Audits each account when its test is over."""
    made: list[Account] = []

    def make() -> Account:
        made.append(new_account())
        return made[-1]

    yield make
    api.deliver()
    for account in made:
        assert api.door("invoke/AuditFunction", {"account_id": account.id})["violations"] == []
    for account in made:
        retire(account)


def retire(account: Account) -> None:
    """Take a wallet and its open holds away, so that no later test's nightly audits and sweeps look at them.

    What its payments brought stays on record, and with it that they were credited. A caller of tools stays whole: the
    audit holds creators against the ledgers of their callers.
    """
    dynamodb, tables = boto3.client("dynamodb"), account.api.stack.app.tables
    own = {"KeyConditionExpression": "account_id = :a", "ExpressionAttributeValues": {":a": {"S": account.id}}}
    if any("split" in line for line in dynamodb.query(TableName=tables["LedgerTable"].name, **own)["Items"]):
        return
    for found in dynamodb.query(TableName=tables["WalletsTable"].name, **own)["Items"]:
        if not found["item"]["S"].startswith("deposit#"):
            key = {name: found[name] for name in ("account_id", "item")}
            dynamodb.delete_item(TableName=tables["WalletsTable"].name, Key=key)


def balance(account: Account) -> Json:
    """`GET /api/balance`."""
    return account.get("/api/balance")


def lines(account: Account) -> list[tuple[str, float]]:
    """Type and amount of the transactions, oldest first."""
    page = account.get("/api/balance/transactions?limit=100")
    return [(line["type"], line["amount_cents"]) for line in reversed(page["transactions"])]


def open_deposit(
    account: Account, amount_cents: object = 2_500, headers: Mapping[str, str] | None = None, **more: object
) -> requests.Response:
    """`POST /api/balance/deposit`."""
    body = {"amount_cents": amount_cents, **BACK, **more}
    return account.send("POST", "/api/balance/deposit", body, headers)


def page(account: Account, amount_cents: int = 2_500) -> str:
    """The URL of the page on which a deposit is paid."""
    answer = open_deposit(account, amount_cents)
    assert answer.status_code == 200, answer.text
    return answer.json()["url"]


def intent_of(account: Account, session_id: str) -> str:
    """The payment that a session's deposit was paid with."""
    return account.api.stripe(f"checkout/sessions/{session_id}")["payment_intent"]


def deposit(account: Account, amount_cents: int = 2_500, card: str = WORKS) -> str:
    """Deposit and come back from the page; the payment intent."""
    session_id = account.pay(page(account, amount_cents), card)
    answer = account.verify(session_id)
    assert answer.status_code == 200, answer.text
    return intent_of(account, session_id)


def events_about(api: Api, payment_intent: str) -> list[Json]:
    """Every event about a payment, newest first."""

    def is_about(thing: Json) -> bool:
        return payment_intent in (thing.get("id"), thing.get("payment_intent"))

    return [event for event in api.door("stripe/events")["data"] if is_about(event["data"]["object"])]


@contextmanager
def held_back(api: Api) -> Iterator[None]:
    """Webhooks wait for the end of the block, and are delivered then."""
    api.door("stripe/webhooks", {"paused": True})
    try:
        yield
    finally:
        api.door("stripe/webhooks", {"paused": False})
        api.deliver()


@contextmanager
def lost(api: Api) -> Iterator[None]:
    """Webhooks never arrive."""
    api.deliver()
    api.door("stripe/webhooks", {"drop": True})
    try:
        yield
    finally:
        api.door("stripe/webhooks", {"drop": False})


# The page


def test_a_new_accounts_wallet_is_zeros_and_nulls(account: Account) -> None:
    assert balance(account) == EMPTY


def test_a_deposit_leads_to_a_page_and_counts_on_return(account: Account) -> None:
    answer = open_deposit(account)
    assert (answer.status_code, set(answer.json())) == (200, {"url"})
    paid = account.api.press(answer.json()["url"])
    assert paid.headers["Location"].startswith(f"{BACK['success_url']}&session_id=cs_")
    seen = account.verify(paid.headers["Location"].rpartition("=")[2])
    credited = {"balance_cents": 2_500, "balance_micros": 25_000_000, "lifetime_deposited_cents": 2_500}
    assert (seen.status_code, seen.json()) == (200, {**EMPTY, **credited})
    assert balance(account) == seen.json()


def test_opening_a_page_brings_nothing_and_turning_back_neither(account: Account) -> None:
    url = page(account)
    left = account.api.press(url, action="cancel")
    assert (left.status_code, left.headers["Location"]) == (303, BACK["cancel_url"])
    error_of(account.verify(url.rpartition("/")[2]), 409, "SESSION_NOT_PAID")
    assert balance(account) == EMPTY


@pytest.mark.parametrize("amount", [500, 50_000])
def test_the_least_and_the_most_are_taken(account: Account, amount: int) -> None:
    deposit(account, amount)
    assert balance(account)["balance_cents"] == amount


@pytest.mark.parametrize(
    "amount", [499, 50_001, 0, -500, 500.5, 1e3, "2500", None, True, [2_500], {"cents": 2_500}, 10**30]
)
def test_an_amount_out_of_bounds_or_of_another_type_is_refused(account: Account, amount: object) -> None:
    assert set(error_of(open_deposit(account, amount), 422, "INVALID_REQUEST")["details"]) == {"amount_cents"}
    assert account.customers() == []


@pytest.mark.parametrize("missing", ["amount_cents", "success_url", "cancel_url"])
def test_a_missing_field_is_named(account: Account, missing: str) -> None:
    body = {"amount_cents": 2_500, **BACK}
    del body[missing]
    answer = account.send("POST", "/api/balance/deposit", body)
    assert set(error_of(answer, 422, "INVALID_REQUEST")["details"]) == {missing}


@pytest.mark.parametrize("field", ["success_url", "cancel_url"])
@pytest.mark.parametrize("url", ["https://evil.example/", "javascript:alert(1)", "https://app.aerostack.dev/\ud800"])
def test_a_redirect_to_elsewhere_is_refused(account: Account, field: str, url: str) -> None:
    answer = open_deposit(account, **{field: url})
    assert set(error_of(answer, 422, "INVALID_REDIRECT_URL")["details"]) == {field}
    assert account.customers() == []


def test_the_same_top_up_posted_twice_is_one_page_and_one_deposit(account: Account) -> None:
    first = open_deposit(account, idempotency_key="top-up")
    again = open_deposit(account, headers={"Idempotency-Key": "top-up"})
    assert again.json() == first.json()
    assert (first.headers.get("Idempotency-Replayed"), again.headers["Idempotency-Replayed"]) == (None, "true")
    error_of(open_deposit(account, 5_000, idempotency_key="top-up"), 409, "IDEMPOTENCY_KEY_REUSED")
    url = first.json()["url"]
    assert account.pay(url) == account.pay(url)
    account.api.deliver()
    assert lines(account) == [("deposit", 2_500)]


def test_two_pages_that_are_both_paid_are_two_deposits(account: Account) -> None:
    for url in page(account), page(account, 500):
        account.pay(url)
    account.api.deliver()
    assert balance(account)["lifetime_deposited_cents"] == 3_000


# Cards


def test_a_declined_card_brings_nothing_and_another_one_does(account: Account) -> None:
    url = page(account)
    assert account.api.press(url, card=DECLINES).status_code == 402
    account.api.deliver()
    assert balance(account) == EMPTY
    account.pay(url)
    account.api.deliver()
    assert lines(account) == [("deposit", 2_500)]


def test_a_deposit_that_the_bank_asks_about_counts_once_it_is_confirmed(account: Account) -> None:
    url = page(account)
    assert "3-D Secure" in account.api.press(url, card=ASKS_EACH_TIME).text
    error_of(account.verify(url.rpartition("/")[2]), 409, "SESSION_NOT_PAID")
    assert account.api.press(url, card=ASKS_EACH_TIME, authenticate="fail").status_code == 402
    account.api.deliver()
    assert balance(account) == EMPTY
    assert account.api.press(url, card=ASKS_EACH_TIME, authenticate="complete").status_code == 303
    account.api.deliver()
    assert lines(account) == [("deposit", 2_500)]


def test_a_deposits_card_becomes_the_customers_default_where_there_is_none(account: Account) -> None:
    deposit(account)
    first = account.customers()[0]["invoice_settings"]["default_payment_method"]
    assert first is not None
    deposit(account, card="5555555555554444")
    assert account.customers()[0]["invoice_settings"]["default_payment_method"] == first


# Bank debits


@pytest.mark.parametrize(("works", "brought"), [(True, [("deposit", 2_500)]), (False, [])])
def test_a_bank_debit_counts_only_when_the_bank_has_paid(
    account: Account, works: bool, brought: list[tuple[str, float]]
) -> None:
    session_id = account.pay(page(account), card=BY_BANK)
    account.api.deliver()
    assert balance(account) == EMPTY
    error_of(account.verify(session_id), 409, "SESSION_NOT_PAID")
    account.api.door(f"stripe/sessions/{session_id}/settle", {"works": works})
    account.api.deliver()
    assert account.verify(session_id).status_code == (200 if works else 409)
    assert lines(account) == brought


def test_a_bank_account_is_no_card_to_reload_from(account: Account) -> None:
    session_id = account.pay(page(account), card=BY_BANK)
    account.api.door(f"stripe/sessions/{session_id}/settle", {"works": True})
    account.api.deliver()
    settings = {"enabled": True, "threshold_cents": 500, "amount_cents": 2_000}
    error_of(account.send("PUT", "/api/balance/auto-reload", settings), 409, "NO_PAYMENT_METHOD")
    deposit(account, 500)
    assert account.send("PUT", "/api/balance/auto-reload", settings).status_code == 200


# Who tells of it


def test_the_webhook_alone_credits(account: Account) -> None:
    account.pay(page(account))
    until(lambda: balance(account)["balance_cents"] == 2_500)
    account.api.deliver()
    assert lines(account) == [("deposit", 2_500)]


def test_the_return_alone_credits_where_every_webhook_was_lost(account: Account) -> None:
    with lost(account.api):
        deposit(account)
    account.api.deliver()
    assert lines(account) == [("deposit", 2_500)]


def test_webhooks_that_were_held_back_credit_when_they_come(account: Account) -> None:
    with held_back(account.api):
        account.pay(page(account))
        assert balance(account) == EMPTY
    assert lines(account) == [("deposit", 2_500)]


def test_each_event_of_a_deposit_alone_credits_it(account: Account) -> None:
    api = account.api
    for kind in ("payment_intent.succeeded", "checkout.session.completed"):
        before = balance(account)["balance_cents"]
        with lost(api):
            session_id = account.pay(page(account, 500))
        (event,) = [e for e in events_about(api, intent_of(account, session_id)) if e["type"] == kind]
        assert api.door(f"stripe/events/{event['id']}/resend", {})["status"] == 200
        assert balance(account)["balance_cents"] == before + 500


def test_resent_and_repeated_events_credit_nothing_more(account: Account) -> None:
    api, intent = account.api, deposit(account)
    api.deliver()
    for event in events_about(api, intent):
        assert api.door(f"stripe/events/{event['id']}/resend", {})["status"] == 200
        send(api, {**event, "id": f"evt_{uuid.uuid4().hex}"})
    assert lines(account) == [("deposit", 2_500)]


def test_return_and_webhooks_at_one_moment_credit_once(account: Account) -> None:
    api = account.api
    with lost(api):
        session_id = account.pay(page(account))
    events = events_about(api, intent_of(account, session_id))
    acts: list[Callable[[], object]] = [lambda: account.verify(session_id)] * 4
    acts += [lambda event=event: api.door(f"stripe/events/{event['id']}/resend", {}) for event in events]  # type: ignore[misc]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda act: act(), acts))
    assert lines(account) == [("deposit", 2_500)]


def test_an_event_that_lies_about_amount_and_account_credits_what_was_paid_to_whom_it_was(
    account: Account, new_account: Callable[[], Account]
) -> None:
    api, thief = account.api, new_account()
    with lost(api):
        session_id = account.pay(page(account))
    (event,) = [e for e in events_about(api, intent_of(account, session_id)) if e["type"] == "payment_intent.succeeded"]
    seen = json.loads(json.dumps(event))
    seen["data"]["object"] |= {"amount_received": 5_000_000, "amount": 5_000_000}
    seen["data"]["object"]["metadata"]["account_id"] = thief.id
    assert send(api, seen) == "processed"
    assert (lines(account), lines(thief)) == ([("deposit", 2_500)], [])


def test_a_payment_of_another_customer_that_claims_to_be_the_accounts_is_ignored(
    account: Account, new_account: Callable[[], Account]
) -> None:
    api, victim = account.api, new_account()
    deposit(account, 500)
    deposit(victim, 500)
    customer = account.customers()[0]
    claims = {"metadata[account_id]": victim.id, "metadata[kind]": "deposit"}
    made = api.stripe(
        "payment_intents",
        "POST",
        amount=50_000,
        currency="usd",
        customer=customer["id"],
        payment_method=customer["invoice_settings"]["default_payment_method"],
        confirm="true",
        off_session="true",
        **claims,
    )
    assert made["status"] == "succeeded"
    api.deliver()
    assert (lines(account), lines(victim)) == ([("deposit", 500)], [("deposit", 500)])


def test_anothers_session_is_not_found(account: Account, new_account: Callable[[], Account]) -> None:
    with lost(account.api):
        session_id = account.pay(page(account))
    other = new_account()
    error_of(other.verify(session_id), 404, "SESSION_NOT_FOUND")
    assert (balance(other), balance(account)) == (EMPTY, EMPTY)


def test_a_page_that_stripe_failed_to_open_is_opened_when_asked_again(account: Account) -> None:
    account.api.door("stripe/faults", {"on": "checkout.sessions.create", "kind": "timeout_before", "times": 3})
    error_of(open_deposit(account, idempotency_key="k"), 503, "PAYMENT_PROVIDER_UNAVAILABLE")
    account.pay(open_deposit(account, idempotency_key="k").json()["url"])
    account.api.deliver()
    assert lines(account) == [("deposit", 2_500)]


@pytest.mark.parametrize("name", ["customers.create", "checkout.sessions.create"])
def test_a_lost_answer_makes_no_second_page_and_no_second_customer(account: Account, name: str) -> None:
    account.api.door("stripe/faults", {"on": name, "kind": "timeout_after"})
    assert open_deposit(account).status_code == 200
    (customer,) = account.customers()
    assert len(account.api.stripe("checkout/sessions", customer=customer["id"])["data"]) == 1
