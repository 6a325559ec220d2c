"""Three parties' money over HTTP: callers pay for a tool, the platform keeps its fee, the creator is paid out once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.flows.client import Account, Api, error_of, until

PAGES = {"return_url": "https://app.aerostack.dev/back", "refresh_url": "https://app.aerostack.dev/again"}
LINKS = {"success_url": "https://app.aerostack.dev/done", "cancel_url": "https://app.aerostack.dev/back"}


def charge(api: Api, account: Account, creator: Account, amount: object, key: str) -> requests.Response:
    body = {
        "account_id": account.id,
        "kind": "tool_call",
        "amount_cents": amount,
        "billing_mode": "wallet",
        "idempotency_key": key,
        "creator_id": creator.id,
    }
    return api.send("POST", "/api/balance/charges", body=body, token=api.stack.token("svc_tools", "billing:charge"))


def refund(api: Api, account: Account, charge_id: str, key: str) -> requests.Response:
    body = {"account_id": account.id, "idempotency_key": key}
    path = f"/api/balance/charges/{charge_id}/refund"
    return api.send("POST", path, body=body, token=api.stack.token("svc_tools", "billing:charge"))


def deposit(account: Account, cents: int) -> None:
    page = account.send("POST", "/api/balance/deposit", {"amount_cents": cents, **LINKS}).json()["url"]
    assert account.verify(account.pay(page)).json()["balance_cents"] >= cents


def onboard(account: Account) -> None:
    url = account.send("POST", "/api/creators/onboard", PAGES).json()["url"]
    assert requests.post(url, timeout=120, allow_redirects=False).status_code == 303
    until(lambda: me(account)["onboarding"] == "complete")


def me(account: Account) -> dict[str, Any]:
    return account.get("/api/creators/me")


def transfers(api: Api, creator: Account) -> list[int]:
    """What Stripe sent to the creator, in cents."""
    made = api.stripe("transfers", limit=100)["data"]
    return [transfer["amount"] for transfer in made if transfer["metadata"]["creator_id"] == creator.id]


def audit(api: Api) -> None:
    report = api.door("invoke/AuditFunction", {})
    assert report["violations"] == []


def test_a_creator_who_never_earned_has_nothing(account: Account) -> None:
    assert me(account) == {
        "onboarding": "none",
        "pending_cents": 0,
        "pending_by_day": [],
        "payable_cents": 0,
        "granted_cents": 0,
        "claimed_cents": 0,
        "owed_cents": 0,
        "in_transit_cents": 0,
        "paid_cents": 0,
        "last_error": None,
        "payouts_held_for": "not_onboarded",
        "payouts": [],
    }


def test_five_hundred_calls_of_twenty_callers_are_paid_by_one_transfer_of_the_exact_sum(
    api: Api, new_account: Callable[[], Account]
) -> None:
    creator, callers = new_account(), [new_account() for _ in range(20)]
    onboard(creator)
    for caller in callers:
        deposit(caller, 500)
    calls = [(caller, "0.34" if number % 2 else 1, f"k{number}") for number in range(25) for caller in callers]
    # So that the sum is above what is paid out at least.
    calls += [(caller, 100, "large") for caller in callers]
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda call: charge(api, call[0], creator, call[1], call[2]).status_code, calls))
    assert answers == [201] * 520
    # 260 at $0.01, 240 at 0.34 cents, 20 at $1.00; the creator's part of each is four fifths.
    assert me(creator)["pending_cents"] == pytest.approx(208 + 65.28 + 1_600, abs=1e-9)
    audit(api)
    api.advance(days=8)
    assert transfers(api, creator) == [1_873]
    answer = me(creator)
    assert (answer["paid_cents"], answer["payable_cents"], answer["pending_cents"]) == (1_873, 0.28, 0)
    assert [(payout["state"], payout["amount_cents"]) for payout in answer["payouts"]] == [("paid", 1_873)]
    audit(api)


def test_a_refund_gives_the_caller_the_price_and_takes_the_creators_share(
    api: Api, new_account: Callable[[], Account]
) -> None:
    creator, caller = new_account(), new_account()
    deposit(caller, 1_000)
    charge_id = charge(api, caller, creator, 250, "call").json()["charge_id"]
    first = refund(api, caller, charge_id, "sorry")
    assert first.status_code == 200
    assert (first.json()["refunded_cents"], first.json()["balance_cents"]) == (250, 1_000)
    again = refund(api, caller, charge_id, "sorry")
    assert (again.json(), again.headers["Idempotency-Replayed"]) == (first.json(), "true")
    error_of(refund(api, caller, charge_id, "another"), 409, "ALREADY_REFUNDED")
    error_of(refund(api, creator, charge_id, "not theirs"), 404, "CHARGE_NOT_FOUND")
    answer = me(creator)
    assert (answer["pending_cents"], answer["pending_by_day"]) == (0, [])
    audit(api)


def test_onboarding_refuses_foreign_pages_and_ends_once_it_is_complete(account: Account) -> None:
    foreign = {**PAGES, "refresh_url": "https://evil.example/"}
    error_of(account.send("POST", "/api/creators/onboard", foreign), 422, "INVALID_REDIRECT_URL")
    onboard(account)
    error_of(account.send("POST", "/api/creators/onboard", PAGES), 409, "ALREADY_ONBOARDED")
