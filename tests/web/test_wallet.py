"""The wallet on the billing page: money in, money out, what is held, and what keeps it filled."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.flows.client import ASKS_EACH_TIME, DECLINES, DECLINES_LATER, WORKS, Account
from tests.web import scenes
from tests.web.browsing import go_to, result_bar, section, sign_in, todo
from tests.web.test_plan import pay

pytestmark = pytest.mark.browser


def balance(account: Account) -> dict[str, object]:
    return account.get("/api/balance")


def test_a_person_deposits_and_sees_the_money(account: Account, page: Page) -> None:
    sign_in(page, account, view="wallet")
    wallet = section(page, "Your wallet")
    expect(wallet).to_contain_text("$0.00")
    expect(section(page, "Transactions")).to_contain_text("No transactions yet.")
    wallet.get_by_role("button", name="Add money").click()
    dialog = page.get_by_role("dialog", name="Add money")
    dialog.get_by_role("button", name="$50", exact=True).click()
    expect(dialog.get_by_label("Amount in US dollars")).to_have_value("50")
    dialog.get_by_role("button", name="Go to payment").click()
    pay(page)
    expect(result_bar(page)).to_contain_text("Your deposit has arrived. You can spend $50.00.")
    expect(page.locator("#balance")).to_have_text("$50.00")
    expect(section(page, "Transactions").get_by_role("row", name=re.compile("Deposit"))).to_contain_text("+$50.00")


def test_a_deposit_out_of_bounds_is_refused_in_the_dialog_beside_its_field(account: Account, page: Page) -> None:
    sign_in(page, account, view="wallet")
    section(page, "Your wallet").get_by_role("button", name="Add money").click()
    dialog = page.get_by_role("dialog")
    amount = dialog.get_by_label("Amount in US dollars")
    for typed in ("3", "500.01", "ten", "5.001", "-20"):
        amount.fill(typed)
        page.keyboard.press("Enter")
        expect(dialog.locator(".field").get_by_role("alert")).to_have_text("Enter an amount from $5 to $500.")
        expect(amount).to_have_attribute("aria-invalid", "true")
        expect(amount).to_be_focused()


def test_a_declined_deposit_changes_nothing(account: Account, page: Page) -> None:
    sign_in(page, account, view="wallet")
    section(page, "Your wallet").get_by_role("button", name="Add money").click()
    page.get_by_role("button", name="Go to payment").click()
    pay(page, DECLINES)
    expect(page.get_by_role("alert")).to_have_text("Your card was declined.")
    page.get_by_role("button", name="Cancel").click()
    expect(result_bar(page)).to_contain_text("Nothing was bought and nothing was charged.")
    go_to(page, "wallet")
    expect(page.locator("#balance")).to_have_text("$0.00")


def test_auto_reload_needs_a_card_then_keeps_what_was_set_and_is_turned_off(account: Account, page: Page) -> None:
    sign_in(page, account, view="wallet")
    card = page.locator("#auto-reload")
    card.get_by_role("button", name="Set up").click()
    dialog = page.get_by_role("dialog", name="Auto-reload")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Auto-reload needs a saved card.")
    scenes.deposit(account)
    dialog.get_by_label("When the balance falls below").fill("12,50")
    dialog.get_by_label("Add", exact=True).fill("30")
    dialog.get_by_label("At most in a month (optional)").fill("20")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_have_text("Enter at least $30.00, or nothing for no cap.")
    dialog.get_by_label("At most in a month (optional)").fill("90")
    dialog.get_by_role("button", name="Save").click()
    expect(result_bar(page)).to_contain_text("Auto-reload is set.")
    expect(card).to_contain_text("On")
    expect(card).to_contain_text("Below $12.50, add $30; at most $90 a month.")
    card.get_by_role("button", name="Change").click()
    dialog.get_by_label("Keep my wallet filled").uncheck()
    dialog.get_by_role("button", name="Save").click()
    expect(result_bar(page)).to_contain_text("Auto-reload is off.")
    assert balance(account)["auto_reload"]["enabled"] is False


def test_a_reload_that_is_under_way_is_followed_until_its_money_is_there(account: Account, page: Page) -> None:
    scenes.deposit(account)
    scenes.spend(account, 2_100, "spent")
    scenes.set_reload(account)
    page.clock.install()
    sign_in(page, account, view="wallet")
    expect(page.locator("#auto-reload")).to_contain_text("Your card is charged within a minute.")
    account.api.advance(minutes=1)
    page.clock.run_for(6_000)
    expect(page.locator("#balance")).to_have_text("$24.00")
    expect(page.locator("#auto-reload")).to_contain_text("On")
    expect(section(page, "Transactions").locator("tbody tr").first).to_contain_text("Auto-reload")


def test_a_declined_reload_is_told_with_when_it_is_tried_again(account: Account, page: Page) -> None:
    scenes.reload_with(account, DECLINES_LATER)
    sign_in(page, account, view="wallet")
    card = page.locator("#auto-reload")
    expect(card).to_contain_text("Declined")
    expect(card).to_contain_text("Your card was declined.")
    expect(card).to_contain_text(re.compile("We try again in (1 hour|[0-9]+ minutes)"))
    expect(card.get_by_role("button", name="Update card")).to_be_visible()


def test_a_suspended_reload_goes_on_after_the_card_was_changed(account: Account, page: Page) -> None:
    scenes.suspend_reload(account)
    sign_in(page, account)
    notice = todo(page)
    expect(notice).to_contain_text("Auto-reload is suspended")
    notice.get_by_role("button", name="Update card").click()
    page.get_by_label("Card number").fill(WORKS)
    page.get_by_role("button", name=re.compile("card", re.IGNORECASE)).click()
    expect(notice).to_contain_text("Nothing needs your attention.")
    go_to(page, "wallet")
    expect(page.locator("#auto-reload")).not_to_contain_text("Suspended")


def test_the_bank_s_question_is_answered_and_the_money_arrives(account: Account, page: Page) -> None:
    scenes.reload_with(account, ASKS_EACH_TIME, authenticate="complete")
    sign_in(page, account)
    notice = todo(page)
    expect(notice).to_contain_text("Your bank asks you to confirm a reload")
    notice.get_by_role("link", name="Confirm at your bank").click()
    page.get_by_role("button", name="Complete authentication").click()
    expect(result_bar(page)).to_contain_text("Thank you, the payment is confirmed. You can spend $24.00.")
    expect(page.locator("#auto-reload")).to_contain_text("On")


def test_a_payment_that_fails_after_the_bank_confirmed_it_is_not_called_paid(account: Account, page: Page) -> None:
    scenes.reload_with(account, DECLINES_LATER)
    sign_in(page, account, "?payment_intent=pi_1&redirect_status=succeeded")
    expect(result_bar(page)).to_contain_text("The payment did not go through, and nothing was charged.")


def test_a_monthly_cap_is_set_is_reached_and_is_taken_away(account: Account, page: Page) -> None:
    scenes.deposit(account)
    scenes.spend(account, 400, "spent")
    sign_in(page, account, view="wallet")
    card = page.locator("#spend-cap")
    card.get_by_role("button", name="Set a monthly cap").click()
    page.get_by_label("Spend at most in a month").fill("4")
    page.get_by_role("button", name="Save").click()
    expect(result_bar(page)).to_contain_text("The monthly cap is set.")
    expect(card).to_contain_text("Cap reached")
    expect(card).to_contain_text("$4.00 of $4")
    assert balance(account)["monthly_spend_cap_cents"] == 400
    go_to(page, "overview")
    expect(todo(page)).to_contain_text("Your monthly spending cap is reached")
    go_to(page, "wallet")
    card.get_by_role("button", name="Change cap").click()
    page.get_by_label("Spend at most in a month").fill("")
    page.get_by_role("button", name="Save").click()
    expect(card).to_contain_text("No cap: spending stops only when the balance does.")
    assert balance(account)["monthly_spend_cap_cents"] is None


def test_what_is_held_and_owed_is_shown(account: Account, page: Page) -> None:
    scenes.deposit(account)
    scenes.hold(account, 150)
    scenes.spend(account, 2_000, "spent")
    (customer,) = account.customers()
    (payment,) = account.api.stripe("payment_intents", customer=customer["id"])["data"]
    account.api.door("stripe/refunds", {"payment_intent": payment["id"]})
    account.api.deliver()
    sign_in(page, account, view="wallet")
    wallet = section(page, "Your wallet")
    expect(wallet).to_contain_text(re.compile(r"Held for running work\s*\$1\.50"))
    expect(wallet).to_contain_text(re.compile(r"Owed\s*\$21\.50"))
    go_to(page, "overview")
    notice = todo(page)
    expect(notice).to_contain_text("Your wallet owes $21.50")
    notice.get_by_role("button", name="Add money").click()
    expect(page.get_by_role("dialog", name="Add money")).to_be_visible()


def test_spending_is_drawn_by_day_and_kind_and_told_as_a_table(account: Account, page: Page) -> None:
    scenes.deposit(account)
    scenes.spend(account, 120, "one")
    scenes.spend(account, 50.25, "two", "tool_call")
    back = scenes.spend(account, 300, "three", "agent_execution")
    scenes.service(account, f"charges/{back}/refund", {"idempotency_key": "back"}, 200)
    hold = scenes.hold(account, 100)
    scenes.service(account, f"holds/{hold}/capture", {"amount_cents": 80, "idempotency_key": "done"}, 200)
    sign_in(page, account, view="spending")
    spending = section(page, "By day")
    expect(spending.locator(".figure")).to_have_text("$2.5025 in the last 30 days")
    expect(spending.locator(".legend")).to_contain_text("Bot conversation $1.20")
    expect(spending.locator(".legend")).to_contain_text("Agent execution $0.80")
    expect(spending.locator(".legend")).to_contain_text("Tool call $0.5025")
    expect(spending.get_by_role("img")).to_have_attribute("aria-label", re.compile(r"^Spending by day\. \$2\.5025"))
    expect(spending.locator("svg rect[class^=kind]")).to_have_count(3)
    spending.get_by_text("Show as a table").click()
    expect(spending.get_by_role("table").get_by_role("row")).to_have_count(2)
    expect(spending.get_by_role("table").get_by_role("row").nth(1)).to_contain_text("$1.20$0.80$0.5025$2.5025")


def test_transactions_are_filtered_and_read_on(account: Account, page: Page) -> None:
    scenes.deposit(account)
    for index in range(23):
        scenes.spend(account, 1, f"spent-{index}", reference=f"conv-{index}")
    sign_in(page, account, view="wallet")
    statement = section(page, "Transactions")
    rows = statement.locator("tbody tr")
    expect(rows).to_have_count(20)
    expect(rows.first).to_contain_text("Bot conversation")
    expect(rows.first).to_contain_text("conv-22")
    expect(rows.first).to_contain_text("-$0.01")
    statement.get_by_role("button", name="Show more").click()
    expect(rows).to_have_count(24)
    expect(statement.get_by_role("button", name="Show more")).to_have_count(0)
    statement.get_by_label("Show").focus()
    statement.get_by_label("Show").select_option("Deposit")
    expect(rows).to_have_count(1)
    expect(statement.get_by_label("Show")).to_be_focused()
    page.route("**/transactions?*type=hold*", lambda route: route.abort())
    statement.get_by_label("Show").select_option("Hold")
    expect(result_bar(page)).to_contain_text("could not be reached")
    expect(statement.get_by_label("Show")).to_have_value("deposit")
    expect(rows).to_have_count(1)
    statement.get_by_label("Show").select_option("Dispute")
    expect(statement).to_contain_text("None of this type.")


def test_what_is_read_on_never_stands_under_another_filter(account: Account, page: Page) -> None:
    scenes.deposit(account)
    for index in range(21):
        scenes.spend(account, 1, f"spent-{index}")
    sign_in(page, account, view="wallet")
    waiting: list[Route] = []

    def keep_waiting(route: Route) -> None:
        waiting.append(route)

    page.route("**/transactions?*cursor=*", keep_waiting)
    statement = section(page, "Transactions")
    with page.expect_request("**/transactions?*cursor=*"):
        statement.get_by_role("button", name="Show more").click()
    statement.get_by_label("Show").select_option("Deposit")
    expect(statement.locator("tbody tr")).to_have_count(1)
    with page.expect_response("**/transactions?*cursor=*"):
        waiting[0].continue_()
    statement.get_by_label("Show").select_option("Hold")
    expect(statement).to_contain_text("None of this type.")
    statement.get_by_label("Show").select_option("Deposit")
    expect(statement.locator("tbody tr")).to_have_count(1)


def test_a_creator_sees_earnings_and_sets_up_payouts(new_account: Callable[[], Account], page: Page) -> None:
    caller, creator = new_account(), new_account()
    scenes.deposit(caller)
    scenes.earn(caller, creator, 1_000)
    sign_in(page, creator, view="earnings")
    earnings = section(page, "Your earnings")
    expect(earnings).to_contain_text(re.compile(r"Held back for now\s*\$8\.00"))
    expect(earnings).to_contain_text("Not set up")
    earnings.get_by_role("button", name="Set up payouts").click()
    page.get_by_role("button", name="Hand in my details").click()
    expect(result_bar(page)).to_contain_text("Your payout account is ready.")
    expect(earnings).to_contain_text("Payout account Ready")


def test_who_never_earned_is_told_how_it_begins(account: Account, page: Page) -> None:
    sign_in(page, account, view="earnings")
    expect(section(page, "Your earnings")).to_contain_text("No earnings yet.")
    expect(section(page, "Your earnings").get_by_role("button", name="Set up payouts")).to_be_visible()


def test_the_amount_that_is_pressed_is_the_one_in_the_field_which_has_the_focus(account: Account, page: Page) -> None:
    sign_in(page, account, view="wallet")
    section(page, "Your wallet").get_by_role("button", name="Add money").click()
    dialog = page.get_by_role("dialog")
    field = dialog.get_by_label("Amount in US dollars")
    pressed = dialog.locator("[aria-pressed=true]")
    expect(field).to_be_focused()
    expect(field).to_have_value("25")
    expect(pressed).to_have_text("$25")
    dialog.get_by_role("button", name="$100").click()
    expect(field).to_have_value("100")
    expect(pressed).to_have_text("$100")
    field.fill("42")
    expect(pressed).to_have_count(0)
