"""Checkout: one customer, one subscription, one's own sessions only, and no money for nothing."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.flows.client import ASKS_EACH_TIME, BACK, DECLINES, WORKS, Account, Api, Json, error_of

# One customer, one subscription


def test_two_simultaneous_checkouts_make_one_customer(account: Account) -> None:
    with ThreadPoolExecutor(2) as pool:
        pages = list(pool.map(account.page, ["pro", "pro"]))
    assert len(set(pages)) == 2
    assert [customer["id"] for customer in account.customers()] == [account.billing()["stripe_customer_id"]]


def test_two_pages_paid_make_one_subscription_and_refund_the_other(account: Account) -> None:
    pages = account.page("pro"), account.page("business")
    sessions = [account.pay(page) for page in pages]
    assert account.verify(sessions[1]).status_code == 200
    account.api.deliver()
    assert account.verify(sessions[0]).status_code == 200
    assert [s["status"] for s in account.subscriptions()] == ["canceled", "active"]
    assert account.billing()["stripe_subscription_id"] == account.subscriptions()[1]["id"]
    paid = account.api.stripe("charges", customer=account.customers()[0]["id"], limit=10)["data"]
    assert sorted((c["amount"], c["amount_refunded"]) for c in paid) == [(4_900, 0), (14_900, 14_900)]


def test_two_pages_paid_and_only_told_by_webhooks_make_one_subscription(account: Account) -> None:
    for page in account.page("starter"), account.page("starter", "yearly"):
        account.pay(page)
    account.api.deliver()
    body = account.billing()
    assert (body["plan_tier"], body["billing_interval"]) == ("starter", "monthly")
    assert [s["status"] for s in account.subscriptions()] == ["canceled", "active"]


def test_pressing_pay_twice_pays_once(account: Account) -> None:
    page = account.page("pro")
    assert account.pay(page) == account.pay(page)
    assert len(account.subscriptions()) == 1
    assert len(account.api.stripe("charges", customer=account.customers()[0]["id"])["data"]) == 1


def test_a_checkout_whose_customer_stripe_lost_in_transit_makes_one_customer(account: Account) -> None:
    account.api.door("stripe/faults", {"on": "customers.create", "kind": "timeout_after"})
    account.page("pro")
    assert len(account.customers()) == 1


# Verifying


def test_another_accounts_session_is_not_found(account: Account, new_account: Callable[[], Account]) -> None:
    session = account.pay(account.page("pro"))
    thief = new_account()
    error_of(thief.verify(session), 404, "SESSION_NOT_FOUND")
    assert thief.tier() == "free"


@pytest.mark.parametrize(
    "session", ["cs_test_nothing", "", "sub_1", "cs_test_../../customers", "cs_" + "a" * 300, "%00"]
)
def test_a_session_that_does_not_exist_is_not_found(account: Account, session: str) -> None:
    error_of(account.verify(session), 404, "SESSION_NOT_FOUND")


def test_a_session_must_be_named(account: Account) -> None:
    error_of(account.send("GET", "/api/billing/verify-session"), 404, "SESSION_NOT_FOUND")


VERIFY = "/api/billing/verify-session"


def test_a_session_is_verified_by_post_as_by_get(account: Account) -> None:
    page = account.page("pro")
    unpaid = {"session_id": page.rpartition("/")[2]}
    error_of(account.send("POST", VERIFY, unpaid), 409, "SESSION_NOT_PAID")
    session = account.pay(page)
    upgraded = account.send("POST", VERIFY, {"session_id": session})
    assert upgraded.json()["plan_tier"] == "pro"
    assert account.send("POST", VERIFY, {"session_id": session}).json() == account.verify(session).json()


@pytest.mark.parametrize("body", [{}, {"session_id": None}, {"session_id": 1}, {"session_id": "cs_x", "tier": "pro"}])
def test_a_session_that_is_posted_is_named_and_nothing_else_is(account: Account, body: Json) -> None:
    error_of(account.send("POST", VERIFY, body), 422, "INVALID_REQUEST")


def test_an_unpaid_session_upgrades_nobody(account: Account) -> None:
    page = account.page("pro")
    session = page.rpartition("/")[2]
    error_of(account.verify(session), 409, "SESSION_NOT_PAID")
    declined = account.api.press(page, card=DECLINES)
    assert declined.status_code == 402
    assert "declined" in declined.text
    error_of(account.verify(session), 409, "SESSION_NOT_PAID")
    assert account.tier() == "free"
    assert account.pay(page) == session
    assert account.verify(session).status_code == 200


def test_a_card_that_asks_for_3d_secure_buys_only_when_it_is_answered(account: Account) -> None:
    page = account.page("pro")
    session = page.rpartition("/")[2]
    assert "3-D Secure" in account.api.press(page, card=ASKS_EACH_TIME).text
    error_of(account.verify(session), 409, "SESSION_NOT_PAID")
    assert account.api.press(page, card=ASKS_EACH_TIME, authenticate="fail").status_code == 402
    error_of(account.verify(session), 409, "SESSION_NOT_PAID")
    assert account.api.press(page, card=ASKS_EACH_TIME, authenticate="complete").status_code == 303
    assert account.verify(session).json()["plan_tier"] == "pro"


def test_a_page_left_by_its_cancel_button_buys_nothing(account: Account) -> None:
    left = account.api.press(account.page("pro"), action="cancel")
    assert (left.status_code, left.headers["Location"]) == (303, BACK["cancel_url"])
    assert account.tier() == "free"


# Refusals


def test_the_plan_one_has_is_not_sold_again(account: Account) -> None:
    account.buy("pro")
    error_of(account.checkout("pro"), 409, "ALREADY_ON_PLAN")
    assert account.checkout("pro", "yearly").status_code == 200


def test_enterprise_is_for_sales(account: Account) -> None:
    assert "tier" in error_of(account.checkout("enterprise"), 422, "CONTACT_SALES")["details"]


def test_free_is_reached_by_cancelling(account: Account) -> None:
    assert "cancel" in error_of(account.checkout("free"), 422, "CANCEL_INSTEAD")["message"]


# Idempotency keys


@pytest.mark.parametrize("where", ["header", "body"])
def test_a_key_opens_one_page(account: Account, where: str) -> None:
    key = uuid.uuid4().hex

    def open_page(tier: str) -> object:
        if where == "body":
            return account.checkout(tier, idempotency_key=key)
        return account.checkout(tier, headers={"Idempotency-Key": key})

    first, again = open_page("pro"), open_page("pro")
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json() == first.json()
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    error_of(open_page("business"), 409, "IDEMPOTENCY_KEY_REUSED")


def test_a_key_in_the_body_is_the_same_key_in_the_header(account: Account) -> None:
    first = account.checkout("pro", idempotency_key="a-key")
    again = account.checkout("pro", headers={"Idempotency-Key": "a-key"})
    assert (again.json(), again.headers["Idempotency-Replayed"]) == (first.json(), "true")
    differing = account.checkout("pro", headers={"Idempotency-Key": "a-key"}, idempotency_key="another")
    assert "idempotency_key" in error_of(differing, 422, "INVALID_REQUEST")["details"]


def test_a_key_belongs_to_one_account(new_account: Callable[[], Account]) -> None:
    one, other = new_account(), new_account()
    assert one.page("pro", idempotency_key="shared") != other.page("pro", idempotency_key="shared")


def test_a_refused_checkout_does_not_use_up_its_key(account: Account) -> None:
    error_of(account.checkout("enterprise", idempotency_key="k"), 422, "CONTACT_SALES")
    answer = account.checkout("pro", idempotency_key="k")
    assert answer.status_code == 200
    assert "Idempotency-Replayed" not in answer.headers


def test_duplicates_under_one_key_open_one_page(account: Account) -> None:
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: account.checkout("pro", idempotency_key="at-once"), range(6)))
    pages = {answer.json()["url"] for answer in answers if answer.status_code == 200}
    assert len(pages) == 1
    assert {answer.status_code for answer in answers} <= {200, 409}
    for answer in answers:
        if answer.status_code == 409:
            error_of(answer, 409, "REQUEST_IN_PROGRESS")


# When Stripe fails


def test_a_stripe_that_fails_is_told_in_our_words_and_nothing_is_lost(account: Account) -> None:
    account.api.door("stripe/faults", {"on": "checkout.sessions.create", "kind": "500_before"})
    error_of(account.checkout("pro", idempotency_key="k"), 502, "PAYMENT_PROVIDER_ERROR")
    assert account.checkout("pro").status_code == 200
    assert len(account.customers()) == 1


def test_a_stripe_that_does_not_answer_is_told_in_our_words_and_nothing_is_lost(account: Account) -> None:
    session = account.pay(account.page("pro"))
    account.api.door("stripe/faults", {"on": "checkout.sessions.retrieve", "kind": "timeout_before", "times": 3})
    error_of(account.verify(session), 503, "PAYMENT_PROVIDER_UNAVAILABLE")
    assert account.verify(session).json()["plan_tier"] == "pro"


def test_a_checkout_page_lapses_after_a_day(account: Account, api: Api) -> None:
    page = account.page("pro")
    api.advance(days=1)
    assert api.press(page, card=WORKS).status_code == 410
    error_of(account.verify(page.rpartition("/")[2]), 409, "SESSION_NOT_PAID")
