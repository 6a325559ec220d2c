"""What Checkout pages take besides the payment is the stage's to say: nothing unless it is switched on."""

from __future__ import annotations

from typing import Any

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.payments.cards import CardPayments
from aerostack_billing.payments.client import connect
from aerostack_billing.payments.gateway import PageTerms, Payments
from aerostack_billing.platform.config import Settings
from tests.rooms.worlds.deposits import open_deposit
from tests.rooms.worlds.plans import open_page, verify
from tests.rooms.worlds.stripe import StripeWorld


def pages_take(parts: Runtime, world: StripeWorld, terms: PageTerms) -> None:
    stripe = connect("sk_test_local", world.base, network_retries=0)
    parts.payments.gateway = Payments(lambda: stripe, None, None, terms)
    parts.payments.cards = CardPayments(lambda: stripe, terms)


def session(world: StripeWorld, url: str) -> dict[str, Any]:
    return world.api(f"checkout/sessions/{url.rpartition('/')[2]}")


def code(world: StripeWorld) -> str:
    """A code that takes half of the first invoice off."""
    coupon = world.create("coupons", percent_off="50", duration="once")["id"]
    made: str = world.create(
        "promotion_codes", **{"promotion[type]": "coupon", "promotion[coupon]": coupon, "code": "HALF"}
    )["code"]
    return made


@pytest.mark.parametrize(
    ("environment", "terms"),
    [
        ({}, PageTerms()),
        ({"ALLOW_PROMOTION_CODES": "false", "COLLECT_TAX_IDS": "false"}, PageTerms()),
        ({"ALLOW_PROMOTION_CODES": "true"}, PageTerms(promotion_codes=True)),
        ({"COLLECT_TAX_IDS": "true"}, PageTerms(tax_ids=True)),
        ({"AUTOMATIC_TAX": "true"}, PageTerms(automatic_tax=True)),
    ],
)
def test_pages_take_what_the_stage_says(environment: dict[str, str], terms: PageTerms) -> None:
    assert Runtime(Settings(environment)).payments.terms == terms


def test_nothing_is_taken_unless_it_is_switched_on(parts: Runtime, world: StripeWorld, account: str) -> None:
    for url in (open_page(parts, account, "pro"), open_deposit(parts, account)):
        shown = session(world, url)
        assert not shown["allow_promotion_codes"]
        assert "tax_id_collection" not in shown
    page = open_page(parts, account, "pro")
    assert world.submit(page, card="4242424242424242", promotion_code=code(world))[0] >= 400


def test_a_code_takes_off_a_plan_s_price_and_the_plan_is_there(
    parts: Runtime, world: StripeWorld, account: str
) -> None:
    pages_take(parts, world, PageTerms(promotion_codes=True))
    page = open_page(parts, account, "pro")
    assert world.submit(page, card="4242424242424242", promotion_code=code(world))[0] == 303
    assert verify(parts, account, page.rpartition("/")[2]).tier == "pro"
    (charge,) = world.api("charges?limit=10")["data"]
    assert charge["amount"] == 2_450
    papers: Any = parts.accounts.paperwork.invoices(account, None, None)["invoices"]
    assert [paper["total_cents"] for paper in papers] == [2_450]


def test_a_deposit_takes_no_code_and_credits_what_was_paid(parts: Runtime, world: StripeWorld, account: str) -> None:
    pages_take(parts, world, PageTerms(promotion_codes=True, tax_ids=True))
    page = open_deposit(parts, account, 2_500)
    assert world.submit(page, card="4242424242424242", promotion_code=code(world))[0] >= 400
    parts.wallet.checkout_return.verify(account, world.pay(page))
    assert parts.wallet.store.get(account).balance == 25_000_000


def test_a_discount_that_staff_put_on_a_deposit_credits_what_was_paid(
    parts: Runtime, world: StripeWorld, account: str
) -> None:
    # Whatever Stripe takes off, no more is credited than came.
    page = open_deposit(parts, account, 2_500)
    with world.stripe.world.store.changing():
        made = world.stripe.world.all("checkout.session")[page.rpartition("/")[2]]
        made["allow_promotion_codes"] = True
    status, _ = world.submit(page, card="4242424242424242", promotion_code=code(world))
    assert status == 303
    parts.wallet.checkout_return.verify(account, page.rpartition("/")[2])
    assert parts.wallet.store.get(account).balance == 12_500_000


def test_a_business_is_asked_for_its_tax_id_on_both_pages(parts: Runtime, world: StripeWorld, account: str) -> None:
    pages_take(parts, world, PageTerms(tax_ids=True))
    for url in (open_page(parts, account, "pro"), open_deposit(parts, account)):
        shown = session(world, url)
        assert shown["tax_id_collection"] == {"enabled": True, "required": "never"}
        assert not shown["allow_promotion_codes"]
