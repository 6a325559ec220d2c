"""A stack whose first plans begin with a trial: paid at its end, cancelled within it, or declined; over HTTP."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from local.testing import running_stack
from tests.flows.client import DECLINES_LATER, Account, Api, until

FREE_S = 55_000
STARTER_S = 575_000
DAYS = 14


@pytest.fixture(scope="module")
def trying() -> Iterator[Api]:
    """A stack of its own: what others bought is not on trial."""
    with pytest.MonkeyPatch.context() as patch, running_stack(parameters={"TrialDays": str(DAYS)}) as stack:
        patch.setattr("local.timeline.MOST_FIRINGS", 20)
        yield Api(stack)


@pytest.fixture
def account(trying: Api) -> Account:
    return Account(trying, f"acct_{uuid.uuid4().hex}")


def uses_all(account: Account, quota: int) -> None:
    """The month's quota is as much as this, whatever was used of it."""
    figures = account.usage("api_requests")
    assert figures["hard_limit"] == quota
    assert account.consume(quantity=figures["remaining"]).status_code == 200
    assert account.consume().status_code == 403


def test_a_trial_is_shown_beforehand_and_paid_at_its_end(account: Account) -> None:
    assert account.get("/api/billing/plans")["trial_days"] == DAYS
    wanted = {"tier": "starter", "billing_interval": "monthly"}
    shown = account.send("POST", "/api/billing/preview", wanted).json()
    assert (shown["due_now_cents"], shown["trial_days"], shown["next_amount_cents"]) == (0, DAYS, 1_900)
    bought = account.buy("starter")
    assert (bought["plan_tier"], bought["status"]) == ("starter", "trialing")
    assert bought["trial_ends_at"][:10] == shown["next_at"][:10]
    uses_all(account, FREE_S)
    account.api.advance(days=DAYS + 1)
    account.api.deliver()
    until(lambda: account.billing()["status"] == "active")
    assert account.billing()["trial_ends_at"] is None
    assert account.usage("api_requests")["hard_limit"] == STARTER_S
    assert account.get("/api/billing/invoices")["invoices"][0]["total_cents"] == 1_900


def test_a_trial_that_is_cancelled_lasts_to_its_end_and_costs_nothing(account: Account) -> None:
    account.buy("starter")
    assert account.cancel().status_code == 200
    billing = account.billing()
    assert (billing["plan_tier"], billing["cancel_at"]) == ("starter", billing["trial_ends_at"])
    account.api.advance(days=DAYS + 1)
    account.api.deliver()
    until(lambda: account.tier() == "free")
    assert [each["status"] for each in account.subscriptions()] == ["canceled"]
    wanted = {"tier": "pro", "billing_interval": "monthly"}
    shown = account.send("POST", "/api/billing/preview", wanted).json()
    assert (shown["due_now_cents"], shown["trial_days"]) == (4_900, 0)


def test_a_card_that_is_declined_at_the_end_gives_no_quota_but_free_s(account: Account) -> None:
    assert account.verify(account.pay(account.page("starter"), DECLINES_LATER)).json()["status"] == "trialing"
    account.api.advance(days=DAYS + 1)
    account.api.deliver()
    until(lambda: account.billing()["status"] == "past_due")
    billing = account.billing()
    assert (billing["plan_tier"], billing["trial_ends_at"]) == ("starter", None)
    assert billing["payment_issue"]["reason"] == "past_due"
    uses_all(account, FREE_S)
