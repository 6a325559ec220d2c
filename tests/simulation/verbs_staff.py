"""The steps of the random mode in which staff act at Stripe, by its API: what they may do there at any moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.simulation.randomly import Play

_DAY = 24 * 3600


def staff(play: Play) -> None:
    """Somebody of our own does something in Stripe's dashboard; what cannot be done just then is refused there."""
    act = play.chance.choice(_ACTS)
    done = act(play)
    play.say(f"staff {act.__name__}: {'done' if done else 'not possible'}")


def _any(play: Play, kind: str, *statuses: str) -> Any | None:  # noqa: ANN401 - Stripe's JSON
    made = [each for each in play.world.stripe.world.all(kind).values() if not statuses or each["status"] in statuses]
    return play.chance.choice(made) if made else None


def _sell(play: Play, price: str) -> bool:
    """Make a subscription for a customer, to be paid by card where there is one, else by its invoice."""
    customer = _any(play, "customer")
    if customer is None:
        return False
    card = customer["invoice_settings"]["default_payment_method"]
    paying = {"default_payment_method": card} if card else {"collection_method": "send_invoice", "days_until_due": "7"}
    sold = play.world.person.try_post("subscriptions", customer=customer["id"], **{"items[0][price]": price}, **paying)
    return sold is not None


def _price(play: Play, **more: str) -> str:
    asked = {"currency": "usd", "unit_amount": "90000", "recurring[interval]": "month", **more}
    made = play.world.person.try_post("prices", **{"product_data[name]": "Agreed with sales"}, **asked)
    assert made is not None
    return str(made["id"])


def sells_enterprise(play: Play) -> bool:
    return _sell(play, _price(play, **{"metadata[tier]": "enterprise"}))


def sells_a_plan(play: Play) -> bool:
    prices = [each for each in play.world.stripe.world.all("price").values() if each["lookup_key"] and each["active"]]
    return _sell(play, play.chance.choice(prices)["id"])


def sells_what_is_no_plan(play: Play) -> bool:
    return _sell(play, _price(play))


def deletes_a_customer(play: Play) -> bool:
    customer = _any(play, "customer")
    return customer is not None and play.world.person.try_delete(f"customers/{customer['id']}")


def ends_a_subscription(play: Play) -> bool:
    subscription = _any(play, "subscription", "active", "past_due", "trialing")
    if subscription is None:
        return False
    # So that the invariants know that it was not ended by machine.
    play.world.person.try_post(f"subscriptions/{subscription['id']}", **{"metadata[ended_by]": "staff"})
    return play.world.person.try_delete(f"subscriptions/{subscription['id']}")


def sets_an_end(play: Play) -> bool:
    """An end at a period's end, or in a year, or none any more."""
    subscription = _any(play, "subscription", "active", "past_due")
    if subscription is None:
        return False
    far = str(int(play.world.time.at) + 400 * _DAY)
    change = play.chance.choice(({"cancel_at_period_end": "true"}, {"cancel_at": far}, {"cancel_at": ""}))
    return play.world.person.try_post(f"subscriptions/{subscription['id']}", **change) is not None


def pauses_collection(play: Play) -> bool:
    subscription = _any(play, "subscription", "active", "past_due")
    if subscription is None:
        return False
    change = play.chance.choice(({"pause_collection[behavior]": "void"}, {"pause_collection": ""}))
    return play.world.person.try_post(f"subscriptions/{subscription['id']}", **change) is not None


def gives_credit(play: Play) -> bool:
    customer = _any(play, "customer")
    if customer is None:
        return False
    path, credit = f"customers/{customer['id']}/balance_transactions", {"amount": "-500", "currency": "usd"}
    return play.world.person.try_post(path, **credit) is not None


def treats_an_invoice(play: Play) -> bool:
    """An open invoice is voided, given up, or said to be paid in another way."""
    invoice = _any(play, "invoice", "open")
    if invoice is None:
        return False
    verb, form = play.chance.choice((("void", {}), ("mark_uncollectible", {}), ("pay", {"paid_out_of_band": "true"})))
    return play.world.person.try_post(f"invoices/{invoice['id']}/{verb}", **form) is not None


def refunds_a_plan(play: Play) -> bool:
    """The newest payment of a subscription is given back in full, or in part."""
    subscription, made = _any(play, "subscription", "active"), play.world.stripe.world
    payments = [
        payment["payment"]["payment_intent"]
        for payment in made.all("invoice_payment").values()
        if subscription and payment["invoice"] == subscription["latest_invoice"] and payment["status"] == "paid"
    ]
    if not payments or payments[0] is None:
        return False
    some = play.chance.choice(({}, {"amount": "100"}))
    form = {"payment_intent": payments[0], "metadata[by]": "staff", **some}
    return play.world.person.try_post("refunds", **form) is not None


def replaces_a_price(play: Play) -> bool:
    """The same price anew under its lookup key, and the old one archived."""
    prices = [each for each in play.world.stripe.world.all("price").values() if each["lookup_key"] and each["active"]]
    old = play.chance.choice(prices)
    made = play.world.person.try_post(
        "prices",
        currency="usd",
        unit_amount=str(old["unit_amount"]),
        product=old["product"],
        lookup_key=old["lookup_key"],
        transfer_lookup_key="true",
        **{"recurring[interval]": old["recurring"]["interval"]},
        **{f"metadata[{name}]": value for name, value in old["metadata"].items()},
    )
    if made is None:
        return False
    _offer_in_the_portal(play, old["id"], made["id"])
    return play.world.person.try_post(f"prices/{old['id']}", active="false") is not None


def _offer_in_the_portal(play: Play, old: str, new: str) -> None:
    """Have the portal offer the new price, as the guide to operations says; without it no change to it is confirmed."""
    for configuration in play.world.stripe.world.all("billing_portal.configuration").values():
        form: dict[str, str] = {}
        for i, offered in enumerate(configuration["features"]["subscription_update"]["products"] or []):
            place = f"features[subscription_update][products][{i}]"
            form[f"{place}[product]"] = offered["product"]
            for j, price in enumerate(offered["prices"]):
                form[f"{place}[prices][{j}]"] = new if price == old else price
        if not form:
            continue
        assert play.world.person.try_post(f"billing_portal/configurations/{configuration['id']}", **form) is not None


_ACTS: tuple[Callable[[Play], bool], ...] = (
    sells_enterprise,
    sells_a_plan,
    sells_what_is_no_plan,
    deletes_a_customer,
    ends_a_subscription,
    sets_an_end,
    pauses_collection,
    gives_credit,
    treats_an_invoice,
    refunds_a_plan,
    replaces_a_price,
)
