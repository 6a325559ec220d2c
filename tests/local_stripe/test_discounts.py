"""Coupons and promotion codes: what they take off, how often, and who may use them."""

from __future__ import annotations

import pytest
import stripe

from local.stripe.objects import Json
from tests.local_stripe.harness import Stack
from tests.local_stripe.test_staff_subscriptions import card_holder, made, paid


def coupon(stack: Stack, **more: object) -> str:
    asked: Json = {"duration": "once", **more}
    return stack.v1.coupons.create(asked).id


def code(stack: Stack, of: str, typed: str = "FALL", **more: object) -> str:
    asked: Json = {"promotion": {"type": "coupon", "coupon": of}, "code": typed, **more}
    return stack.v1.promotion_codes.create(asked).id


@pytest.mark.parametrize(
    ("asked", "costs"),
    [
        ({"percent_off": 25}, [3675, 4900, 4900]),
        ({"amount_off": 1000, "currency": "usd", "duration": "forever"}, [3900, 3900, 3900]),
        ({"percent_off": 50, "duration": "repeating", "duration_in_months": 2}, [2450, 2450, 4900]),
        ({"amount_off": 9900, "currency": "usd"}, [0, 4900, 4900]),
    ],
)
def test_a_coupon_lasts_as_long_as_it_says(stack: Stack, asked: Json, costs: list[int]) -> None:
    customer = card_holder(stack)
    subscription = made(stack, customer, stack.price("pro_monthly"), discounts=[{"coupon": coupon(stack, **asked)}])
    assert "customer.discount.created" in stack.event_types()
    first = stack.v1.invoices.retrieve(str(subscription.latest_invoice))
    assert first.total_discount_amounts is not None
    assert first.subtotal - first.total_discount_amounts[0].amount == first.total == costs[0]
    stack.advance(days=62)
    assert paid(stack, customer) == costs


def test_staff_put_a_discount_on_and_take_it_off(stack: Stack) -> None:
    customer = card_holder(stack)
    subscription = made(stack, customer, stack.price("pro_monthly"))
    forever = coupon(stack, percent_off=10, duration="forever")
    put = stack.v1.subscriptions.update(subscription.id, {"discounts": [{"coupon": forever}]})
    stack.v1.coupons.delete(forever)
    stack.advance(days=31)
    assert stack.v1.subscriptions.update(subscription.id, {"discounts": [{"discount": str(put.discounts[0])}]})
    stack.v1.subscriptions.update(subscription.id, {"discounts": ""})
    stack.advance(days=31)
    assert paid(stack, customer) == [4900, 4410, 4900]
    with pytest.raises(stripe.InvalidRequestError) as refused:
        made(stack, customer, stack.price("pro_monthly"), discounts=[{"coupon": forever}])
    assert refused.value.code == "resource_missing"


def test_a_promotion_code_is_typed_on_the_page_whatever_its_case(stack: Stack) -> None:
    code(stack, coupon(stack, percent_off=50))
    customer = stack.customer().id
    session = stack.session(customer, allow_promotion_codes=True)
    assert "Promotion code" in stack.get(session.url).text
    assert stack.post(session.url, promotion_code="spring").status_code == 404
    assert stack.post(session.url, promotion_code="fall").status_code == 303
    done = stack.v1.checkout.sessions.retrieve(session.id)
    assert done.total_details is not None
    assert (done.amount_total, done.total_details.amount_discount) == (2450, 2450)
    assert paid(stack, customer) == [2450]
    closed = stack.session(customer)
    assert stack.post(closed.url, promotion_code="fall").status_code == 400


def test_a_deposit_with_a_discount_charges_what_is_left(stack: Stack) -> None:
    customer = stack.customer().id
    half = [{"coupon": coupon(stack, percent_off=50)}]
    session = stack.deposit(customer, discounts=half)
    assert (session.amount_subtotal, session.amount_total) == (2500, 1250)
    stack.post(session.url)
    assert stack.v1.payment_intents.list({"customer": customer}).data[0].amount == 1250
    free = stack.deposit(customer, discounts=[{"coupon": coupon(stack, percent_off=100)}])
    assert stack.post(free.url).status_code == 303
    done = stack.v1.checkout.sessions.retrieve(free.id)
    assert (done.payment_status, done.payment_intent) == ("no_payment_required", None)


def test_a_code_that_is_used_up_over_or_another_s_is_refused(stack: Stack) -> None:
    mine, other = card_holder(stack), stack.customer("acct_2").id
    of = coupon(stack, percent_off=10, max_redemptions=2)
    once, theirs = code(stack, of, "ONCE", max_redemptions=1), code(stack, of, "THEIRS", customer=other)
    brief = code(stack, of, "BRIEF", expires_at=int(stack.clock.now + 5))
    stack.advance(seconds=5)
    made(stack, mine, stack.price("pro_monthly"), discounts=[{"promotion_code": once}])
    first = code(stack, of, "FIRST", restrictions={"first_time_transaction": True})
    for refused in (once, theirs, brief, first):
        with pytest.raises(stripe.InvalidRequestError, match="cannot be redeemed"):
            made(stack, mine, stack.price("pro_monthly"), discounts=[{"promotion_code": refused}])
    with pytest.raises(stripe.InvalidRequestError, match="already exists"):
        code(stack, of, "once")
    made(stack, mine, stack.price("pro_monthly"), discounts=[{"coupon": of}])
    with pytest.raises(stripe.InvalidRequestError, match="expired"):
        made(stack, mine, stack.price("pro_monthly"), discounts=[{"coupon": of}])
    stack.v1.promotion_codes.update(theirs, {"active": False})
    assert [c.code for c in stack.v1.promotion_codes.list({"active": True, "coupon": of}).data] == [
        "FIRST",
        "BRIEF",
        "ONCE",
    ]


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"percent_off": 5, "amount_off": 5},
        {"percent_off": 101},
        {"amount_off": 0},
        {"percent_off": 5, "duration": "repeating"},
    ],
)
def test_a_crooked_coupon_is_refused(stack: Stack, asked: Json) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        coupon(stack, **asked)
