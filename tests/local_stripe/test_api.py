from __future__ import annotations

import json

import pytest
import requests
import stripe

from aerostack_billing.payments.client import API_VERSION
from tests.local_stripe.harness import DAY, Stack

AUTH = {"Authorization": "Bearer sk_test_local"}


def test_a_call_without_a_key_is_401(stack: Stack) -> None:
    answer = requests.get(f"{stack.base}/v1/customers", timeout=60)
    assert answer.status_code == 401
    assert answer.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize("key", ["pk_test_1", "sk_live_1", "nonsense"])
def test_a_key_that_is_not_a_test_key_is_401(stack: Stack, key: str) -> None:
    with pytest.raises(stripe.AuthenticationError, match="Invalid API Key"):
        stack.client(key).v1.customers.list()


def test_basic_auth_is_taken_too(stack: Stack) -> None:
    assert requests.get(f"{stack.base}/v1/prices", auth=("sk_test_local", ""), timeout=60).status_code == 200


def test_every_answer_has_a_request_id(stack: Stack) -> None:
    answer = requests.get(f"{stack.base}/v1/customers", headers=AUTH, timeout=60)
    assert answer.headers["Request-Id"].startswith("req_")


@pytest.mark.parametrize(
    ("path", "form", "code", "param"),
    [
        ("customers", {"colour": "red"}, "parameter_unknown", "colour"),
        ("customers", {"address[planet]": "Mars"}, "parameter_unknown", "address[planet]"),
        ("customers", {"name": ""}, "parameter_invalid_empty", "name"),
        ("customers", {"a[b": "c"}, "parameter_unknown", "a[b"),
        ("customers", {"metadata": "text"}, None, "metadata"),
        ("customers", {"name": "x" * 257}, None, "name"),
        ("prices", {"unit_amount": "100", "product": "prod_pro"}, "parameter_missing", "currency"),
        ("prices", {"currency": "usd", "unit_amount": "1.5", "product": "prod_pro"}, "parameter_invalid_integer", None),
        ("prices", {"currency": "usd", "unit_amount": "1", "active": "yes", "product": "prod_pro"}, None, "active"),
        ("checkout/sessions", {"mode": "gift", "success_url": "https://a.b"}, None, "mode"),
        ("refunds", {}, "parameter_missing", None),
        ("refunds", {"payment_intent": ""}, "parameter_invalid_empty", "payment_intent"),
    ],
)
def test_parameters_are_held_to_stripes_document(
    stack: Stack, path: str, form: dict[str, str], code: str | None, param: str | None
) -> None:
    answer = requests.post(f"{stack.base}/v1/{path}", data=form, headers=AUTH, timeout=60)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["type"] == "invalid_request_error"
    if code is not None:
        assert error["code"] == code
    if param is not None:
        assert error["param"] == param


def test_a_path_that_stripe_does_not_have_is_404(stack: Stack) -> None:
    answer = requests.get(f"{stack.base}/v1/wishes", headers=AUTH, timeout=60)
    assert answer.status_code == 404
    assert "Unrecognized request URL" in answer.json()["error"]["message"]


def test_a_call_that_stripe_has_and_this_has_not_says_so(stack: Stack) -> None:
    with pytest.raises(stripe.APIError, match="does not serve") as refused:
        stack.v1.topups.list()
    assert refused.value.http_status == 501


def test_a_parameter_that_is_not_acted_on_is_never_ignored(stack: Stack) -> None:
    with pytest.raises(stripe.APIError, match="does not act on tax_exempt"):
        stack.v1.customers.create({"tax_exempt": "exempt"})


def test_what_is_not_there_is_resource_missing(stack: Stack) -> None:
    for get in (
        stack.v1.customers.retrieve,
        stack.v1.subscriptions.retrieve,
        stack.v1.invoices.retrieve,
        stack.v1.payment_intents.retrieve,
        stack.v1.charges.retrieve,
        stack.v1.refunds.retrieve,
        stack.v1.events.retrieve,
        stack.v1.prices.retrieve,
        stack.v1.products.retrieve,
        stack.v1.payment_methods.retrieve,
        stack.v1.setup_intents.retrieve,
        stack.v1.invoice_payments.retrieve,
        stack.v1.balance_transactions.retrieve,
        stack.v1.checkout.sessions.retrieve,
        stack.v1.subscription_schedules.retrieve,
        stack.v1.billing_portal.configurations.retrieve,
    ):
        with pytest.raises(stripe.InvalidRequestError, match="No such") as refused:
            get("nothing_1")
        assert (refused.value.http_status, refused.value.code) == (404, "resource_missing")


def test_customers_are_kept_changed_and_found(stack: Stack) -> None:
    first, second = stack.customer("acct_1"), stack.customer("acct_2")
    assert stack.v1.customers.retrieve(first.id).metadata["account_id"] == "acct_1"
    changed = stack.v1.customers.update(first.id, {"name": "Ada", "metadata": {"more": "1", "account_id": "acct_9"}})
    assert (changed.name, changed.metadata.to_dict()) == ("Ada", {"account_id": "acct_9", "more": "1"})
    emptied = stack.v1.customers.update(first.id, {"metadata": {"more": ""}, "shipping": ""})
    assert (emptied.shipping, emptied.metadata.to_dict()) == (None, {"account_id": "acct_9"})
    assert [c.id for c in stack.v1.customers.list().data] == [second.id, first.id]
    assert [c.id for c in stack.v1.customers.list({"email": "acct_2@example.com"}).data] == [second.id]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("metadata['account_id']:'acct_1'", ["acct_1"]),
        ('metadata["account_id"]:"acct_2"', ["acct_2"]),
        ("metadata['account_id']:'acct_1' AND email:'acct_1@example.com'", ["acct_1"]),
        ("metadata['account_id']:'acct_1' AND email:'other@example.com'", []),
        ("metadata['account_id']:'acct_1' OR metadata['account_id']:'acct_2'", ["acct_2", "acct_1"]),
        ("-metadata['account_id']:'acct_1'", ["acct_2"]),
        ("email~'EXAMPLE'", ["acct_2", "acct_1"]),
    ],
)
def test_customers_are_searched(stack: Stack, query: str, found: list[str]) -> None:
    stack.customer("acct_1")
    stack.customer("acct_2")
    stack.advance(seconds=60)
    result = stack.v1.customers.search({"query": query})
    assert [customer.metadata["account_id"] for customer in result.data] == found


@pytest.mark.parametrize("query", ["account", "shoes:'x'", "email:'a' AND name:'b' OR name:'c'", "email:'a' email:'b'"])
def test_a_crooked_search_is_refused(stack: Stack, query: str) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        stack.v1.customers.search({"query": query})


def test_search_goes_page_by_page(stack: Stack) -> None:
    for number in range(3):
        stack.customer(f"acct_{number}")
    stack.advance(seconds=60)
    first = stack.v1.customers.search({"query": "email~'example'", "limit": 2})
    assert (len(first.data), first.has_more) == (2, True)
    assert [c.id for c in first.auto_paging_iter()][-1] == stack.v1.customers.list({"limit": 100}).data[-1].id


def test_lists_go_page_by_page(stack: Stack) -> None:
    made = [stack.customer(f"acct_{number}").id for number in range(5)][::-1]
    first = stack.v1.customers.list({"limit": 2})
    assert ([c.id for c in first.data], first.has_more) == (made[:2], True)
    last = stack.v1.customers.list({"limit": 3, "starting_after": made[1]})
    assert ([c.id for c in last.data], last.has_more) == (made[2:], False)
    back = stack.v1.customers.list({"limit": 2, "ending_before": made[3]})
    assert ([c.id for c in back.data], back.has_more) == (made[1:3], True)
    assert [c.id for c in first.auto_paging_iter()] == made
    for wrong in ({"limit": 0}, {"limit": 101}, {"starting_after": "cus_none"}):
        with pytest.raises(stripe.InvalidRequestError):
            stack.v1.customers.list(wrong)


def test_lists_are_cut_by_time(stack: Stack) -> None:
    early = stack.customer("acct_1")
    stack.advance(days=1)
    late = stack.customer("acct_2")
    listed = stack.v1.customers.list
    assert [c.id for c in listed({"created": {"gte": late.created}}).data] == [late.id]
    assert [c.id for c in listed({"created": {"lt": late.created}}).data] == [early.id]
    assert [c.id for c in listed({"created": {"gt": early.created, "lte": late.created}}).data] == [late.id]
    assert [c.id for c in listed({"created": early.created}).data] == [early.id]


def test_the_catalog_is_there_from_the_start(stack: Stack) -> None:
    found = {price.lookup_key: price.unit_amount for price in stack.v1.prices.list({"active": True}).data}
    assert found == {
        "starter_monthly": 1900,
        "starter_yearly": 17100,
        "pro_monthly": 4900,
        "pro_yearly": 44100,
        "business_monthly": 14900,
        "business_yearly": 134100,
    }
    two = stack.v1.prices.list({"lookup_keys": ["pro_monthly", "pro_yearly"], "expand": ["data.product"]}).data
    assert {price.product.name for price in two if isinstance(price.product, stripe.Product)} == {"Pro"}
    yearly = stack.v1.prices.list({"recurring": {"interval": "year"}, "product": "prod_pro"}).data
    assert [price.lookup_key for price in yearly] == ["pro_yearly"]


def test_products_and_prices_are_made_and_changed(stack: Stack) -> None:
    product = stack.v1.products.create({"name": "Gold", "metadata": {"tier": "gold"}})
    price = stack.v1.prices.create(
        {
            "product": product.id,
            "currency": "usd",
            "unit_amount": 99900,
            "lookup_key": "gold_monthly",
            "recurring": {"interval": "month"},
        }
    )
    asked = {"product": product.id, "currency": "usd", "unit_amount": 1, "lookup_key": "gold_monthly"}
    with pytest.raises(stripe.InvalidRequestError, match="already uses that lookup key"):
        stack.v1.prices.create(asked)
    moved = stack.v1.prices.create({**asked, "transfer_lookup_key": True})
    assert stack.v1.prices.retrieve(price.id).lookup_key is None
    assert stack.v1.prices.update(moved.id, {"active": False}).active is False
    assert stack.v1.products.update(product.id, {"name": "Platinum"}).name == "Platinum"
    assert stack.v1.products.list({"ids": [product.id]}).data[0].metadata["tier"] == "gold"
    with pytest.raises(stripe.InvalidRequestError, match="already exists"):
        stack.v1.products.create({"id": product.id, "name": "Again"})


def test_a_price_that_changes_is_shown_changed_to_whoever_subscribed_to_it(stack: Stack) -> None:
    customer, subscription = stack.subscribed("pro_monthly")
    price = subscription["items"].data[0].price
    stack.v1.prices.update(price.id, {"metadata": {"tier": "gold"}})
    moved = {"product": price.product, "currency": "usd", "unit_amount": 1, "recurring": {"interval": "month"}}
    stack.v1.prices.create({**moved, "lookup_key": "pro_monthly", "transfer_lookup_key": True})
    (item,) = stack.subscription(customer.id)["items"].data
    assert (item.price.id, item.price.metadata["tier"], item.price.lookup_key) == (price.id, "gold", None)


def test_expand_reaches_through_lists_and_objects(stack: Stack) -> None:
    customer, subscription = stack.subscribed()
    found = stack.v1.subscriptions.list(
        {"customer": customer.id, "expand": ["data.latest_invoice.payments", "data.default_payment_method"]}
    ).data[0]
    assert isinstance(found.default_payment_method, stripe.PaymentMethod)
    assert isinstance(found.latest_invoice, stripe.Invoice)
    assert found.latest_invoice.payments is not None
    assert "payments" not in stack.v1.invoices.retrieve(found.latest_invoice.id)
    invoice = stack.v1.invoices.retrieve(
        found.latest_invoice.id, {"expand": ["payments.data.payment.payment_intent", "customer.subscriptions"]}
    )
    assert invoice.payments is not None
    intent = invoice.payments.data[0].payment.payment_intent
    assert isinstance(intent, stripe.PaymentIntent)
    assert intent.amount == 4900
    assert isinstance(invoice.customer, stripe.Customer)
    assert invoice.customer.subscriptions is not None
    assert invoice.customer.subscriptions.data[0].id == subscription.id
    payments = stack.v1.invoice_payments.list({"invoice": invoice.id, "expand": ["data.payment.payment_intent"]}).data
    assert [payment.status for payment in payments] == ["paid"]
    by_intent = {"payment": {"type": "payment_intent", "payment_intent": intent.id}}
    assert stack.v1.invoice_payments.list(by_intent).data[0].invoice == invoice.id


@pytest.mark.parametrize("path", ["colour", "customer.colour", "a.b.c.d.e"])
def test_what_cannot_be_expanded_is_refused(stack: Stack, path: str) -> None:
    _, subscription = stack.subscribed()
    with pytest.raises(stripe.InvalidRequestError, match="expand"):
        stack.v1.subscriptions.retrieve(subscription.id, {"expand": [path]})


def test_payments_and_their_traces_are_read(stack: Stack) -> None:
    customer, _ = stack.subscribed()
    charge = stack.v1.charges.list({"customer": customer.id, "expand": ["data.balance_transaction"]}).data[0]
    assert isinstance(charge.balance_transaction, stripe.BalanceTransaction)
    assert charge.balance_transaction.net == 4900 - (4900 * 290 // 10_000 + 30)
    assert stack.v1.balance_transactions.retrieve(charge.balance_transaction.id).source == charge.id
    assert stack.v1.charges.list({"payment_intent": str(charge.payment_intent)}).data[0].id == charge.id
    methods = stack.v1.customers.payment_methods.list(customer.id, {"type": "card"}).data
    assert [method.id for method in methods] == [charge.payment_method]


def test_subscriptions_are_listed_by_status(stack: Stack) -> None:
    customer, subscription = stack.subscribed()
    stack.v1.subscriptions.cancel(subscription.id)
    stack.post(stack.session(customer.id, "starter_monthly").url)

    def having(status: str | None) -> int:
        asked = {"customer": customer.id} if status is None else {"customer": customer.id, "status": status}
        return len(stack.v1.subscriptions.list(asked).data)

    assert [having(s) for s in (None, "all", "active", "canceled", "ended", "past_due")] == [1, 2, 1, 1, 1, 0]
    by_price = {"customer": customer.id, "price": stack.price("starter_monthly")}
    assert len(stack.v1.subscriptions.list(by_price).data) == 1


def test_events_are_listed_by_type_and_time(stack: Stack) -> None:
    customer, _ = stack.subscribed()
    assert stack.v1.events.list({"type": "customer.created"}).data[0].data.object["id"] == customer.id
    some = stack.v1.events.list({"types": ["invoice.paid", "charge.succeeded"]}).data
    assert [event.type for event in some] == ["invoice.paid", "charge.succeeded"]
    assert {e.type for e in stack.v1.events.list({"type": "invoice.*", "limit": 100}).data} >= {"invoice.created"}
    assert stack.v1.events.list({"created": {"gt": int(stack.clock.now)}}).data == []
    event = stack.v1.events.retrieve(some[0].id)
    assert event.api_version == API_VERSION


def test_an_event_names_the_request_that_caused_it(stack: Stack) -> None:
    stack.v1.customers.create({"name": "Ada"}, {"idempotency_key": "key-1"})
    event = stack.v1.events.list({"type": "customer.created"}).data[0]
    assert event.request is not None
    assert event.request.idempotency_key == "key-1"
    assert str(event.request.id).startswith("req_")
    stack.subscribed()
    stack.advance(days=31)
    by_itself = stack.v1.events.list({"type": "invoice.paid"}).data[0]
    assert by_itself.request is not None
    assert by_itself.request.id is None


def test_the_time_is_the_stacks(stack: Stack) -> None:
    stack.advance(days=400)
    assert stack.customer().created == stack.clock.now
    assert stack.clock.now > 400 * DAY


def test_answers_are_json_also_for_errors(stack: Stack) -> None:
    answer = requests.post(f"{stack.base}/v1/customers", data={"x": "y"}, headers=AUTH, timeout=60)
    assert answer.headers["Content-Type"] == "application/json"
    assert json.loads(answer.text)["error"]["doc_url"].endswith("parameter-unknown")
