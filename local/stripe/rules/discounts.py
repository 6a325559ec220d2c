"""Coupons and promotion codes, redeemed into discounts of a subscription or a Checkout session."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

from local.stripe.errors import invalid, missing
from local.stripe.objects import Json
from local.stripe.rules import calendar
from local.stripe.rules.invoice_rows import Line
from local.stripe.world import World


def coupon_of(world: World, asked: Json, customer: Json | None) -> tuple[Json, Json | None]:
    """The coupon, and the promotion code that leads to it, of `{coupon}` or `{promotion_code}`.

    Raises Stripe's error for one that is used up, over or not for this customer.
    """
    if "promotion_code" in asked:
        code = world.find("promotion_code", asked["promotion_code"], "discounts[0][promotion_code]")
        _require_code(world, code, customer)
        return _valid(world, world.find("coupon", code["promotion"]["coupon"], "discounts[0][coupon]")), code
    if "coupon" not in asked:
        raise invalid("A discount names a `coupon` or a `promotion_code`.", None, "discounts[0]")
    return _valid(world, world.find("coupon", asked["coupon"], "discounts[0][coupon]")), None


def code_named(world: World, typed: str) -> Json:
    """The active promotion code that a person typed, whatever the case of its letters."""
    for code in world.all("promotion_code").values():
        if code["active"] and code["code"].lower() == typed.strip().lower():
            return code
    raise missing("promotion code", typed, "promotion_code")


def _require_code(world: World, code: Json, customer: Json | None) -> None:
    used_up = code["max_redemptions"] is not None and code["times_redeemed"] >= code["max_redemptions"]
    over = code["expires_at"] is not None and code["expires_at"] <= world.now()
    if not code["active"] or used_up or over:
        raise invalid("This promotion code cannot be redeemed: it is expired or inactive.", "coupon_expired")
    if code["customer"] is not None and (customer is None or code["customer"] != customer["id"]):
        raise invalid("This promotion code cannot be redeemed by this customer.", "customer_not_eligible")
    paid_before = customer is not None and any(
        charge["customer"] == customer["id"] and charge["paid"] for charge in world.all("charge").values()
    )
    if code["restrictions"]["first_time_transaction"] and paid_before:
        raise invalid("This promotion code cannot be redeemed because the associated customer has prior transactions.")


def _valid(world: World, coupon: Json) -> Json:
    used_up = coupon["max_redemptions"] is not None and coupon["times_redeemed"] >= coupon["max_redemptions"]
    if used_up or (coupon["redeem_by"] is not None and coupon["redeem_by"] <= world.now()):
        coupon["valid"] = False
        raise invalid(f"Coupon expired: {coupon['id']}", "coupon_expired", "coupon")
    return coupon


def redeem(
    world: World, asked: Iterable[Json], customer: Json, *, subscription: Json | None = None, session: str | None = None
) -> list[Json]:
    """Redeem each, and tell the discounts as created where they stay on a subscription."""
    made = []
    for each in asked:
        coupon, code = coupon_of(world, each, customer)
        for used in filter(None, (coupon, code)):
            used["times_redeemed"] += 1
        discount = world.make(
            "discount",
            checkout_session=session,
            customer=customer["id"],
            end=_end(coupon, world.now()),
            promotion_code=code["id"] if code is not None else None,
            source={"type": "coupon", "coupon": coupon["id"]},
            start=world.now(),
            subscription=subscription["id"] if subscription is not None else None,
        )
        world.tell("customer.discount.created", discount)
        made.append(discount)
    return made


def _end(coupon: Json, now: int) -> int | None:
    if coupon["duration"] != "repeating":
        return None
    return calendar.period_end(now, now, "month", coupon["duration_in_months"])


def of_subscription(world: World, subscription: Json | None) -> list[Json]:
    """The discounts that an invoice of the subscription gets now."""
    if subscription is None:
        return []
    found = (world.find("discount", each) for each in subscription["discounts"])
    return [discount for discount in found if discount["end"] is None or discount["end"] > world.now()]


def used(world: World, subscription: Json | None) -> None:
    """An invoice was made: what counts once is taken off, as is what is over."""
    for wanted in list(subscription["discounts"]) if subscription is not None else []:
        discount = world.find("discount", wanted)
        coupon = _redeemed(world, discount)
        over = discount["end"] is not None and discount["end"] <= world.now()
        if subscription is not None and (coupon["duration"] == "once" or over):
            subscription["discounts"].remove(wanted)
            world.tell("customer.discount.deleted", discount)


def _redeemed(world: World, discount: Json) -> Json:
    """The discount's coupon, although it was deleted since."""
    wanted = discount["source"]["coupon"]
    found: Json = world.all("coupon").get(wanted) or world.all("deleted_coupon")[wanted]
    return found


def amounts(world: World, discounts: Sequence[Json], lines: Sequence[Line]) -> list[list[Json]]:
    """What each discount takes off each line, in cents: percentages of every line, amounts off what is positive."""
    left = [line.amount for line in lines]
    found: list[list[Json]] = [[] for _ in lines]
    for discount in discounts:
        coupon = _redeemed(world, discount)
        off = coupon["amount_off"] or 0
        for index, amount in enumerate(left):
            if coupon["percent_off"] is not None:
                taken = calendar.cents(Fraction(str(coupon["percent_off"])) * amount / 100)
            else:
                taken = max(0, min(amount, off))
                off -= taken
            left[index] -= taken
            if taken:
                found[index].append({"amount": taken, "discount": discount["id"]})
    return found
