"""The accounts that a newcomer finds, and that they came about by the stack's own routes."""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import cast

import pytest
import requests

from local.demo.life import moments
from local.demo.visitor import Visitor
from local.stack import Stack
from local.stripe.objects import Json
from local.testing import running_stack


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with contextlib.redirect_stdout(io.StringIO()), running_stack(demo=True) as stack:
        yield stack


def get(stack: Stack, path: str, account: str) -> Json:
    headers = {"Authorization": f"Bearer {stack.token(account)}"}
    answer: Json = requests.get(f"{stack.base_url}{path}", headers=headers, timeout=60).json()
    return answer


def test_sign_in_is_offered_the_three_accounts(stack: Stack) -> None:
    listed = requests.get(f"{stack.base_url}/_local/accounts", timeout=60).json()["accounts"]
    assert [person["account"] for person in listed] == ["acct_demo", "acct_new", "acct_past_due"]
    assert all(person["about"] for person in listed)


def test_the_demo_account_has_a_plan_usage_places_and_a_wallet_with_a_history(stack: Stack) -> None:
    assert get(stack, "/api/billing", "acct_demo")["plan_tier"] == "pro"
    assert get(stack, "/api/billing/usage", "acct_demo")["usage"]["api_requests"]["used"] > 1_000_000
    assert "projects" in str(get(stack, "/api/billing/resources", "acct_demo"))
    balance = get(stack, "/api/balance", "acct_demo")
    assert balance["balance_cents"] > 0
    assert balance["auto_reload"]["state"] == "armed"
    lines = get(stack, "/api/balance/transactions?limit=100", "acct_demo")["transactions"]
    assert {"charge", "deposit", "reload"} <= {line["type"] for line in lines}
    assert len({line["created_at"][:10] for line in lines}) > 20


class Recorded:
    """A visitor that only notes the sums."""

    def __init__(self) -> None:
        self.deposited = 0
        self.reload_below = 0
        self.charged = Decimal(0)

    def subscribe(self, *_: object) -> None: ...

    use_card = subscribe

    def deposit(self, _account: str, amount_cents: int) -> None:
        self.deposited += amount_cents

    def call(self, _account: str, _method: str, path: str, body: Json, **_: object) -> None:
        if path == "/api/balance/charges":
            self.charged += Decimal(body["amount_cents"])
        if path == "/api/balance/auto-reload":
            self.reload_below = body["threshold_cents"]


@pytest.mark.parametrize("hour", [0, 5, 12, 23])
def test_the_wallet_reloads_on_whatever_day_the_stack_starts(hour: int) -> None:
    for day in range(366):
        visitor = Recorded()
        now = datetime(2027, 1, 1, hour, 30, tzinfo=UTC) + timedelta(days=day)
        for moment in moments(cast("Visitor", visitor), now, lambda: None):
            moment.act()
        assert visitor.deposited - visitor.charged < visitor.reload_below, now


def test_the_new_account_is_as_after_signing_up(stack: Stack) -> None:
    billing = get(stack, "/api/billing", "acct_new")
    assert (billing["plan_tier"], billing["stripe_customer_id"]) == ("free", None)
    assert get(stack, "/api/balance", "acct_new")["lifetime_deposited_cents"] == 0


def test_the_card_of_the_third_account_declined_its_renewal(stack: Stack) -> None:
    billing = get(stack, "/api/billing", "acct_past_due")
    assert (billing["plan_tier"], billing["status"]) == ("starter", "past_due")
    assert billing["payment_issue"]["next_attempt_at"]


def test_the_stack_opens_at_real_time_with_a_clean_ledger(stack: Stack) -> None:
    assert abs(stack.clock.unix() - time.time()) < 60
    found = requests.post(f"{stack.base_url}/_local/invoke/AuditFunction", timeout=60).json()
    assert found["violations"] == []
    assert found["transfers"] > 20


def test_a_stack_is_closed_to_callers_until_the_demo_has_its_history(stack: Stack) -> None:
    events = requests.get(f"{stack.base_url}/_local/stripe/events", timeout=60).json()["data"]
    assert all(delivery["state"] == "delivered" for event in events for delivery in event["deliveries"])
