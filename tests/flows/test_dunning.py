"""A renewal that is not paid: the plan stays while Stripe retries, and falls to Free when it gives up."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from tests.flows.client import ASKS_EACH_TIME, DECLINES_LATER, WORKS, Account, Api


def renew_with(account: Account, card: str) -> None:
    """Buy a plan, put the card on file, and let the month end."""
    account.buy("pro")
    assert account.in_portal(action="update_card", card=card).status_code == 303
    account.api.advance(days=31)


def test_a_plan_whose_renewal_fails_stays_and_tells_the_issue(account: Account) -> None:
    renew_with(account, DECLINES_LATER)
    answer = account.billing()
    assert (answer["plan_tier"], answer["status"]) == ("pro", "past_due")
    issue = answer["payment_issue"]
    assert set(issue) == {"reason", "message", "invoice_url", "next_attempt_at"}
    assert issue["reason"] == "past_due"
    assert issue["next_attempt_at"] > account.api.door("clock")["now"]
    assert account.usage("api_requests")["limit"] == 2_000_000
    assert account.consume(quantity=60_000).status_code == 200


def test_another_card_ends_the_issue(account: Account) -> None:
    renew_with(account, DECLINES_LATER)
    assert account.in_portal(action="update_card", card=WORKS).status_code == 303
    account.api.deliver()
    answer = account.billing()
    assert (answer["plan_tier"], answer["status"], answer["payment_issue"]) == ("pro", "active", None)


def test_a_plan_that_is_never_paid_falls_to_free(account: Account) -> None:
    renew_with(account, DECLINES_LATER)
    account.api.advance(days=16)
    answer = account.billing()
    assert (answer["plan_tier"], answer["status"], answer["stripe_subscription_id"]) == ("free", "active", None)
    assert answer["payment_issue"] is None
    assert account.usage("api_requests")["limit"] == 50_000


@pytest.fixture
def _dunning_ends_unpaid(api: Api) -> Iterator[None]:
    api.door("stripe/settings", {"dunning_ends_in": "unpaid"})
    yield
    api.door("stripe/settings", {"dunning_ends_in": "canceled"})


@pytest.mark.usefixtures("_dunning_ends_unpaid")
def test_an_unpaid_subscription_is_free_and_says_why(account: Account) -> None:
    renew_with(account, DECLINES_LATER)
    account.api.advance(days=16)
    answer = account.billing()
    assert (answer["plan_tier"], answer["status"]) == ("free", "unpaid")
    assert answer["payment_issue"]["reason"] == "unpaid"


def test_a_renewal_that_the_bank_asks_about_is_no_decline_and_is_confirmed_on_the_invoices_page(
    account: Account,
) -> None:
    renew_with(account, ASKS_EACH_TIME)
    answer = account.billing()
    assert (answer["plan_tier"], answer["payment_issue"]["reason"]) == ("pro", "action_required")
    page = answer["payment_issue"]["invoice_url"]
    assert "3-D Secure" in requests.get(page, timeout=60).text
    assert account.api.press(page, authenticate="complete").status_code in {200, 303}
    account.api.deliver()
    answer = account.billing()
    assert (answer["plan_tier"], answer["status"], answer["payment_issue"]) == ("pro", "active", None)


def test_a_month_that_is_paid_has_no_issue(account: Account) -> None:
    renew_with(account, WORKS)
    answer = account.billing()
    assert (answer["plan_tier"], answer["status"], answer["payment_issue"]) == ("pro", "active", None)
