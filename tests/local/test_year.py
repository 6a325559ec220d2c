"""A year of one customer, played day by day over HTTP: then the inbox and the papers, read as that customer would."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from local.testing import running_stack
from tests.flows.client import BACK, DECLINES_LATER, WORKS, Account, Api, Json

ANNA = "anna@example.com"
EVENTS = [
    *("usage.forecast", "usage.limit_near", "usage.grace_entered", "usage.blocked", "balance.low", "budget.alert"),
    *("budget.reached", "reload.failed", "reload.suspended", "reload.action_required", "plan.changed"),
    *("payment.past_due", "spending.unusual", "card.expiring"),
]
PLANS_CENTS = {"Starter": 1_900, "Pro": 4_900}


@dataclass(frozen=True)
class Year:
    """What is left of it."""

    account: Account
    mails: list[Json]
    """Oldest first."""
    papers: list[Json]
    deposited_cents: int

    def told(self, subject: str) -> list[Json]:
        return [mail for mail in self.mails if re.search(subject, mail["subject"])]


@pytest.fixture(scope="module")
def year() -> Iterator[Year]:
    with pytest.MonkeyPatch.context() as patch, running_stack() as stack:
        patch.setattr("local.timeline.MOST_FIRINGS", 20)
        api = Api(stack)
        account = Account(api, "acct_anna")
        settings = {"emails": [ANNA], "events": EVENTS}
        assert account.send("PUT", "/api/billing/notifications", settings).status_code == 200
        account.buy("starter")
        account.pay(account.send("POST", "/api/balance/deposit", {"amount_cents": 5_000, **BACK}).json()["url"])
        api.deliver()
        reload = {"enabled": True, "threshold_cents": 1_000, "amount_cents": 2_500}
        assert account.send("PUT", "/api/balance/auto-reload", reload).status_code == 200
        for month in range(12):
            _month(account, month)
        mails = api.send("GET", f"/_local/mail/messages?to={ANNA}").json()["messages"]
        deposited = account.get("/api/balance")["lifetime_deposited_cents"]
        yield Year(account, list(reversed(mails)), _papers(account), deposited)


def _month(account: Account, month: int) -> None:
    limit = account.usage("api_requests")["limit"]
    if month == 5:
        account.in_portal(action="update_card", card=DECLINES_LATER)
    if month == 6:
        account.in_portal(action="update_card", card=WORKS)
        account.confirm("pro")
    if month == 10:
        assert account.cancel().status_code == 200
    for week in range(4):
        account.consume(quantity=limit * (30 if month == 3 else 20) // 100)
        for number in range(3):
            _charge(account, f"{month}-{week}-{number}")
        account.api.advance(days=7.6)


def _charge(account: Account, key: str) -> None:
    body = {
        "account_id": account.id,
        "kind": "agent_execution",
        "amount_cents": 300,
        "billing_mode": "wallet",
        "idempotency_key": key,
    }
    token = account.api.stack.token("svc_agents", "billing:charge")
    account.api.send("POST", "/api/balance/charges", body=body, token=token)


def _papers(account: Account) -> list[Json]:
    found: list[Json] = []
    path: str | None = "/api/billing/invoices"
    while path is not None:
        page = account.get(path)
        found += page["invoices"]
        path = f"/api/billing/invoices?cursor={page['next_cursor']}" if page["next_cursor"] else None
    return found


def test_no_message_comes_twice(year: Year) -> None:
    assert len(year.mails) > 20
    bodies = Counter((mail["subject"], mail["text"], mail["sent_at"][:10]) for mail in year.mails)
    assert [each for each, times in bodies.items() if times > 1] == []


def test_no_message_contradicts_itself(year: Year) -> None:
    for mail in year.mails:
        text = mail["text"]
        assert not ("tops it up" in text and "Add money to keep" in text), text
        assert not ("Nothing stops yet" in text and "are refused" in text), text
        for used, limit in re.findall(r"([\d,]+) of ([\d,]+) are used", text):
            if int(used.replace(",", "")) < int(limit.replace(",", "")):
                assert "refused until" not in text


def test_the_limit_is_announced_before_it_is_passed(year: Year) -> None:
    grace = next(mail for mail in year.told("grace has begun") if "of 500,000" in mail["text"])
    month = re.search(r"in (\w+ \d{4})", grace["text"])
    assert month is not None
    ahead = [mail for mail in year.told("will reach the limit on") if month[1] in mail["subject"]]
    assert ahead
    assert all(mail["sent_at"] < grace["sent_at"] for mail in ahead)


def test_the_card_that_declined_is_told_of_and_once_it_is_replaced_the_plan_goes_on(year: Year) -> None:
    (declined, *_) = year.told("^The payment for your Starter plan failed$")
    assert year.told("^Auto-reload failed")
    (upgraded,) = [mail for mail in year.mails if "is Pro now" in mail["text"]]
    assert declined["sent_at"] < upgraded["sent_at"]
    assert not [mail for mail in year.mails if "is Free now" in mail["text"] and mail["sent_at"] < upgraded["sent_at"]]


def test_each_sum_that_was_paid_has_its_paper_and_says_what_it_was_for(year: Year) -> None:
    paid = [paper for paper in year.papers if paper["status"] == "paid"]
    wallet = [paper for paper in paid if "Wallet" in paper["description"] or "allet" in paper["description"]]
    assert sum(paper["total_cents"] for paper in wallet) == year.deposited_cents
    plans = [paper for paper in paid if paper not in wallet]
    assert {name for name in PLANS_CENTS for paper in plans if name in paper["description"]} == set(PLANS_CENTS)
    for paper in plans:
        (name,) = [name for name in PLANS_CENTS if name in paper["description"]]
        assert "Unused" not in paper["description"]
        assert 0 < paper["total_cents"] <= PLANS_CENTS[name]
    assert len({paper["id"] for paper in year.papers}) == len(year.papers)
    assert all(paper["hosted_url"] for paper in paid)


def test_the_plan_that_was_cancelled_ended_and_nothing_is_billed_after(year: Year) -> None:
    assert year.account.tier() == "free"
    (end,) = [mail for mail in year.told("plan") if "is Free now" in mail["text"]]
    assert all(paper["created_at"] < end["sent_at"] for paper in year.papers if paper["kind"] == "invoice")
