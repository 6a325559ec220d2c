from __future__ import annotations

import pytest
import stripe

from tests.local_stripe.harness import Stack


@pytest.mark.parametrize("kind", ["timeout_before", "timeout_after"])
def test_a_call_without_an_answer_is_repeated_and_happens_once(stack: Stack, kind: str) -> None:
    assert stack.door("/faults", {"on": "customers.create", "kind": kind}).status_code == 200
    with pytest.raises(stripe.APIConnectionError):
        stack.v1.customers.create({"name": "Ada"}, {"idempotency_key": "k"})
    assert len(stack.v1.customers.list().data) == (1 if kind.endswith("after") else 0)
    again = stack.v1.customers.create({"name": "Ada"}, {"idempotency_key": "k"})
    assert [customer.id for customer in stack.v1.customers.list().data] == [again.id]


@pytest.mark.parametrize(("kind", "made"), [("500_before", 0), ("500_after", 1)])
def test_a_500_is_replayed_to_its_key_for_a_day_whether_it_took_effect_or_not(
    stack: Stack, kind: str, made: int
) -> None:
    stack.door("/faults", {"on": "customers.create", "kind": kind})
    for hours in (0, 0, 23):
        stack.advance(hours=hours)
        with pytest.raises(stripe.APIError) as failed:
            stack.v1.customers.create({"name": "Ada"}, {"idempotency_key": "k"})
        assert failed.value.http_status == 500
    assert failed.value.headers is not None
    assert failed.value.headers["idempotent-replayed"] == "true"
    assert len(stack.v1.customers.list().data) == made
    stack.v1.customers.create({"name": "Ada"}, {"idempotency_key": "another"})
    stack.advance(hours=1)
    stack.v1.customers.create({"name": "Ada"}, {"idempotency_key": "k"})
    assert len(stack.v1.customers.list().data) == made + 2


def test_a_500_without_a_key_is_not_kept(stack: Stack) -> None:
    stack.door("/faults", {"on": "customers.list", "kind": "500_before"})
    with pytest.raises(stripe.APIError):
        stack.v1.customers.list()
    assert stack.v1.customers.list().data == []


@pytest.mark.parametrize(
    ("kind", "error", "code"),
    [
        ("429", stripe.RateLimitError, None),
        ("403", stripe.PermissionError, None),
        ("401", stripe.AuthenticationError, None),
        ("400", stripe.InvalidRequestError, "parameter_unknown"),
    ],
)
def test_what_was_refused_before_it_began_is_not_kept(
    stack: Stack, kind: str, error: type[stripe.StripeError], code: str | None
) -> None:
    stack.door("/faults", {"on": "customers.*", "kind": kind})
    with pytest.raises(error) as refused:
        stack.v1.customers.create({"name": "Ada"}, {"idempotency_key": "k"})
    assert refused.value.code == code
    stack.v1.customers.create({"name": "Ada"}, {"idempotency_key": "k"})
    assert len(stack.v1.customers.list().data) == 1


def test_an_ordered_refusal_is_kept_and_says_what_was_ordered(stack: Stack) -> None:
    order = {"on": "*", "kind": "400_refused", "code": "testmode_charges_only", "message": "Not yet."}
    assert stack.door("/faults", order).json() == {**order, "times": 1}
    for _ in range(2):
        with pytest.raises(stripe.InvalidRequestError, match="Not yet") as refused:
            stack.v1.customers.create({"name": "Ada"}, {"idempotency_key": "k"})
        assert refused.value.code == "testmode_charges_only"


def test_a_fault_strikes_as_often_as_ordered_and_only_its_call(stack: Stack) -> None:
    stack.door("/faults", {"on": "customers.create", "kind": "500_before", "times": 2})
    stack.v1.products.create({"name": "Gold"})
    for _ in range(2):
        with pytest.raises(stripe.APIError):
            stack.v1.customers.create()
    stack.v1.customers.create()


def test_the_sdk_gets_over_a_fault_by_itself(stack: Stack) -> None:
    stack.door("/faults", {"on": "customers.create", "kind": "timeout_after"})
    client = stripe.StripeClient("sk_test_local", base_addresses={"api": stack.base}, max_network_retries=1)
    client.v1.customers.create({"name": "Ada"})
    assert len(stack.v1.customers.list().data) == 1


def test_a_crooked_order_is_refused(stack: Stack) -> None:
    for wrong in ({"on": "wishes.create", "kind": "500_after"}, {"on": "customers.create", "kind": "fire"}):
        assert stack.door("/faults", wrong).status_code == 400
    assert stack.door("/faults", {"on": "customers.create", "kind": "500_after", "times": 0}).status_code == 400
    assert stack.door("/faults", {"on": "*", "kind": "400", "code": 7}).status_code == 400
    assert stack.door("/faults", [1]).status_code == 400
