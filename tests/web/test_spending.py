"""Who spent it, what stops whom, what it costs and whether the bill is right, on the billing page."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.flows.client import Account
from tests.web import scenes
from tests.web.browsing import result_bar, section, sign_in

pytestmark = pytest.mark.browser


def labelled(account: Account, cents: int, once: str, status: int = 201, **labels: str) -> None:
    body = {"kind": "agent_execution", "amount_cents": cents, "billing_mode": "wallet", "idempotency_key": once}
    scenes.service(account, "charges", {**body, "labels": labels}, status)


def test_spending_is_told_by_agent_model_and_kind(account: Account, page: Page) -> None:
    scenes.deposit(account)
    labelled(account, 120, "a", agent="agt_7", key="k_1")
    labelled(account, 30, "b", agent="agt_8")
    usage = {"model": "gpt-4o", "input_tokens": 1_000_000, "output_tokens": 0}
    body = {"kind": "bot_conversation", "usage": usage, "billing_mode": "wallet", "idempotency_key": "c"}
    scenes.service(account, "charges", body, 201)
    sign_in(page, account, view="spending")
    who = section(page, "Who spent it")
    expect(who).to_contain_text("$4.00 in the last 30 days.")
    for by, rows in (
        ("agent", [r"agt_7.*\$1\.20", r"agt_8.*\$0\.30", r"Without.*\$2\.50"]),
        ("model", [r"gpt-4o.*\$2\.50.*1,000,000", r"Without.*\$1\.50"]),
        ("key", [r"k_1.*\$1\.20"]),
        ("kind", [r"Agent execution.*\$1\.50", r"Bot conversation.*\$2\.50"]),
    ):
        who.get_by_label("By", exact=True).select_option(by)
        for row in rows:
            expect(who.get_by_role("row", name=re.compile(row))).to_be_visible()


def test_a_budget_is_set_changed_seen_to_stop_and_removed_in_place(account: Account, page: Page) -> None:
    scenes.deposit(account)
    sign_in(page, account, view="budgets")
    budgets = section(page, "Your budgets")
    expect(budgets).to_contain_text("No budgets yet.")
    budgets.get_by_role("button", name="Set a budget").click()
    dialog = page.get_by_role("dialog", name="Set a budget")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_text("Name a value, or * for each.")).to_be_visible()
    dialog.get_by_label("Value").fill("agt 7/b")
    dialog.get_by_label("Spend at most").fill("2")
    dialog.get_by_role("button", name="Save").click()
    expect(result_bar(page)).to_contain_text("The budget of agent agt 7/b is set.")
    labelled(account, 200, "all of it", agent="agt 7/b")
    labelled(account, 1, "more", 402, agent="agt 7/b")
    page.reload()
    meter = budgets.get_by_role("meter", name="agent agt 7/b")
    expect(meter).to_have_attribute("aria-valuenow", "200")
    expect(budgets).to_contain_text("Reached")
    expect(budgets).to_contain_text("Charges with agent agt 7/b are refused until")
    budgets.get_by_role("button", name="Change agent agt 7/b").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Spend at most").fill("5")
    dialog.get_by_label("For").select_option("month")
    dialog.get_by_role("button", name="Save").click()
    expect(budgets).to_contain_text("of $5.00 a month")
    budgets.get_by_role("button", name="Remove agent agt 7/b").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(budgets).to_contain_text("No budgets yet.")
    assert account.get("/api/balance/budgets")["budgets"] == []


def test_the_bill_turns_green_and_the_line_that_was_altered_is_named(account: Account, page: Page) -> None:
    scenes.deposit(account)
    labelled(account, 120, "a", agent='größer "a" / b')
    scenes.hold(account, 50)
    sign_in(page, account, view="wallet")
    bill = section(page, "Check my bill")
    bill.get_by_role("button", name="Check my bill").click()
    expect(bill.get_by_role("status")).to_contain_text("All 3 lines fit, and come to $23.30.")

    def altered(route: Route) -> None:
        lines = route.fetch().text().splitlines()
        second = json.loads(lines[1])
        second["labels"]["agent"] = "agt_innocent"
        lines[1] = json.dumps(second)
        route.fulfill(status=200, body="\n".join(lines), content_type="application/x-ndjson")

    page.route("**/api/balance/statement*", altered)
    bill.get_by_role("button", name="Check my bill").click()
    expect(bill.get_by_role("status")).to_contain_text(
        re.compile(r"Line 2 \(ch_\w+\) does not fit: its hash is not that")
    )


def test_a_line_that_is_left_out_is_told(account: Account, page: Page) -> None:
    scenes.deposit(account)
    labelled(account, 1, "a")
    labelled(account, 1, "b")
    sign_in(page, account, view="wallet")

    def shortened(route: Route) -> None:
        lines = route.fetch().text().splitlines()
        route.fulfill(status=200, body="\n".join([lines[0], *lines[2:]]), content_type="application/x-ndjson")

    page.route("**/api/balance/statement*", shortened)
    bill = section(page, "Check my bill")
    bill.get_by_role("button", name="Check my bill").click()
    expect(bill.get_by_role("status")).to_contain_text(re.compile("Line 3 .* a line is missing"))


def test_the_price_book_is_shown(account: Account, page: Page) -> None:
    sign_in(page, account, view="spending")
    prices = section(page, "Prices")
    prices.get_by_text(re.compile("Show [0-9]+ models")).click()
    expect(prices.get_by_role("row", name=re.compile(r"gpt-4o-mini \$0\.15 \$0\.60"))).to_be_visible()
