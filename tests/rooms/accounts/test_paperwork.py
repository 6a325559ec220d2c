"""What a company books is there to find: every invoice and receipt, once, newest first, and the card that pays."""

from __future__ import annotations

from typing import Any

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.values.errors import InvalidRequest
from tests.rooms.conftest import Time
from tests.rooms.worlds.deposits import deposit
from tests.rooms.worlds.plans import buy
from tests.rooms.worlds.stripe import StripeWorld


def listed(parts: Runtime, account: str, limit: int = 100) -> list[dict[str, Any]]:
    """All of it, page by page."""
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    for _ in range(100):
        page: Any = parts.accounts.paperwork.invoices(account, str(limit), cursor)
        assert len(page["invoices"]) <= limit
        found += page["invoices"]
        cursor = page["next_cursor"]
        if cursor is None:
            return found
    pytest.fail("the pages never end")


def reload_at_stripe(world: StripeWorld, customer: str, method: str, cents: int) -> None:
    """A payment as auto-reload makes it."""
    metadata = {"metadata[kind]": "reload", "description": "Wallet auto-reload"}
    asked = {"amount": str(cents), "currency": "usd", "customer": customer, "payment_method": method}
    world.create("payment_intents", **asked, off_session="true", confirm="true", **metadata)


def card(world: StripeWorld, customer: str, number: str = "4242424242424242", ends: str = "2040") -> str:
    details = {"card[number]": number, "card[exp_month]": "4", "card[exp_year]": ends}
    made: str = world.create("payment_methods", type="card", **details)["id"]
    world.create(f"payment_methods/{made}/attach", customer=customer)
    return made


def test_who_never_bought_anything_has_no_papers_and_no_card(parts: Runtime, world: StripeWorld, account: str) -> None:
    assert parts.accounts.paperwork.invoices(account, None, None) == {"invoices": [], "next_cursor": None}
    shown = parts.accounts.paperwork.payment_method(account)
    assert shown == {**dict.fromkeys(("type", "brand", "last4", "exp_month", "exp_year")), "expires_soon": False}


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_every_paper_is_listed_once_newest_first_whatever_the_size_of_a_page(
    parts: Runtime, world: StripeWorld, account: str, time_stands: Time, limit: int
) -> None:
    buy(parts, world, account, "pro")
    customer = str(parts.accounts.store.get(account).customer_id)
    method = card(world, customer)
    for cents in (2_000, 2_100):
        time_stands.forward(60)
        reload_at_stripe(world, customer, method, cents)
    for amount in ("700", "800", "900"):
        time_stands.forward(60)
        world.create("invoiceitems", customer=customer, amount=amount, currency="usd")
        made = world.create("invoices", customer=customer, pending_invoice_items_behavior="include")
        world.create(f"invoices/{made['id']}/finalize")
    reload_at_stripe(world, customer, method, 2_200)
    for _ in range(2):
        time_stands.forward(60)
        world.create("invoices", customer=customer)
    found = listed(parts, account, limit)
    amounts = [(paper["kind"], paper["total_cents"]) for paper in found]
    assert sorted(amounts) == sorted(
        [("invoice", cents) for cents in (4_900, 700, 800, 900)] + [("receipt", n) for n in (2_000, 2_100, 2_200)]
    )
    assert [paper["created_at"] for paper in found] == sorted((p["created_at"] for p in found), reverse=True)
    assert all(paper["hosted_url"].startswith(world.base) for paper in found)
    assert all((paper["pdf_url"] is None) == (paper["kind"] == "receipt") for paper in found)


def test_a_declined_reload_leaves_no_receipt(parts: Runtime, world: StripeWorld, account: str) -> None:
    buy(parts, world, account, "pro")
    customer = str(parts.accounts.store.get(account).customer_id)
    method = card(world, customer, "4000000000000341")
    with pytest.raises(Exception, match="402"):
        reload_at_stripe(world, customer, method, 2_000)
    assert [paper["kind"] for paper in listed(parts, account)] == ["invoice"]


def test_a_deposit_leaves_an_invoice_of_what_was_paid(parts: Runtime, world: StripeWorld, account: str) -> None:
    deposit(parts, world, account, 2_500)
    (paper,) = listed(parts, account)
    assert (paper["kind"], paper["status"], paper["total_cents"]) == ("invoice", "paid", 2_500)
    assert paper["description"] == "Wallet deposit"
    assert paper["number"]
    assert parts.wallet.store.get(account).balance == 25_000_000


@pytest.mark.parametrize("cursor", ["", "x", "aW5fMTpjaF8x=", "é", "OjoK", "aW5fbm9uZTo", "Y3VzXzE6"])
def test_a_cursor_of_no_answer_is_refused(parts: Runtime, world: StripeWorld, account: str, cursor: str) -> None:
    buy(parts, world, account, "pro")
    with pytest.raises(InvalidRequest) as refused:
        parts.accounts.paperwork.invoices(account, None, cursor)
    assert set(refused.value.details) == {"cursor"}


@pytest.mark.parametrize("limit", ["0", "101", "-1", "1.5", "", "ten", "٣"])
def test_a_limit_out_of_range_is_refused(parts: Runtime, account: str, limit: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parts.accounts.paperwork.invoices(account, limit, None)
    assert set(refused.value.details) == {"limit"}


def test_papers_of_a_customer_that_stripe_has_no_more_are_none(
    parts: Runtime, world: StripeWorld, account: str
) -> None:
    parts.accounts.store.set_customer(account, "cus_of_another_mode")
    assert listed(parts, account) == []
    assert parts.accounts.paperwork.payment_method(account)["type"] is None


def test_the_card_of_the_plan_is_shown_and_else_the_customer_s_default(
    parts: Runtime, world: StripeWorld, account: str
) -> None:
    deposit(parts, world, account, 2_500)
    shown = parts.accounts.paperwork.payment_method(account)
    assert (shown["type"], shown["brand"], shown["last4"], shown["expires_soon"]) == ("card", "visa", "4242", False)
    buy(parts, world, account, "pro")
    customer = str(parts.accounts.store.get(account).customer_id)
    other = card(world, customer, "5555555555554444")
    subscription = parts.accounts.store.get(account).plan.subscription_id
    world.create(f"subscriptions/{subscription}", default_payment_method=other)
    assert parts.accounts.paperwork.payment_method(account)["last4"] == "4444"


@pytest.mark.parametrize(
    ("day", "soon"), [((2026, 3, 31), False), ((2026, 4, 1), True), ((2026, 4, 30), True), ((2026, 5, 1), True)]
)
def test_a_card_ends_soon_in_the_thirty_days_before_the_end_of_its_month(
    parts: Runtime, world: StripeWorld, account: str, time_stands: Time, day: tuple[int, ...], soon: bool
) -> None:
    deposit(parts, world, account, 2_500)
    customer = str(parts.accounts.store.get(account).customer_id)
    method = card(world, customer, ends="2026")
    world.create(f"customers/{customer}", **{"invoice_settings[default_payment_method]": method})
    time_stands.to(*day)
    assert parts.accounts.paperwork.payment_method(account)["expires_soon"] is soon
