"""What staff and banks do at Stripe: whatever they did, the account's owner has a way on by the public routes."""

from __future__ import annotations

from tests.flows.client import Account


def subscribe(account: Account, product: str, **terms: str | int) -> None:
    """Make a subscription at a price of its own for the account's customer, as sales would at Stripe's dashboard."""
    (customer,) = account.customers()
    made = account.api.stripe("products", "POST", name=product)["id"]
    price = account.api.stripe("prices", "POST", product=made, currency="usd", **terms)["id"]
    card = account.api.stripe("payment_methods", customer=customer["id"])["data"][0]["id"]
    params = {"customer": customer["id"], "default_payment_method": card, "items[0][price]": price}
    account.api.stripe("subscriptions", "POST", **params)
    account.api.deliver()


def test_who_was_deleted_at_stripe_is_free_and_buys_and_deposits_anew(account: Account) -> None:
    account.buy("pro")
    (customer,) = account.customers()
    account.api.stripe(f"customers/{customer['id']}", "DELETE")
    account.api.deliver()
    answer = account.billing()
    assert (answer["plan_tier"], answer["stripe_customer_id"]) == ("free", None)
    assert account.send("GET", "/api/billing/portal").status_code == 409
    assert account.cancel().status_code == 409
    assert account.buy("starter")["plan_tier"] == "starter"


def test_enterprise_that_sales_made_is_kept_and_what_checkout_sold_ends_with_its_period(account: Account) -> None:
    account.buy("starter")
    terms = {"recurring[interval]": "year", "metadata[tier]": "enterprise"}
    subscribe(account, "Agreed", unit_amount=900_000, **terms)
    assert account.tier() == "enterprise"
    agreed, starter = account.subscriptions()
    assert (agreed["status"], starter["status"], starter["cancel_at_period_end"]) == ("active", "active", True)
    account.api.advance(days=32)
    assert [subscription["status"] for subscription in account.subscriptions()] == ["active", "canceled"]
    assert account.tier() == "enterprise"


def test_a_subscription_that_is_no_plan_is_passed_over(account: Account) -> None:
    account.buy("pro")
    subscribe(account, "Support", unit_amount=5_000, **{"recurring[interval]": "month"})
    assert account.tier() == "pro"
    assert account.cancel().status_code == 200
    assert account.resume().json()["cancel_at_period_end"] is False


def test_a_plan_whose_collection_is_paused_without_an_end_is_not_free_for_ever(account: Account) -> None:
    bought = account.buy("pro")
    subscription = f"subscriptions/{bought['stripe_subscription_id']}"
    account.api.stripe(subscription, "POST", **{"pause_collection[behavior]": "void"})
    account.api.deliver()
    assert account.billing()["status"] == "active"
    account.api.advance(days=33)
    answer = account.billing()
    assert (answer["plan_tier"], answer["payment_issue"]["reason"]) == ("pro", "collection_paused")
    assert account.usage("api_requests")["limit"] == 2_000_000
    account.api.advance(days=8)
    assert account.usage("api_requests")["limit"] == 50_000
