from __future__ import annotations

import pytest
import stripe

from tests.local_stripe.harness import Stack


def paid_intent(stack: Stack) -> str:
    session = stack.deposit(stack.customer().id)
    assert stack.post(session.url).status_code == 303
    return str(stack.v1.checkout.sessions.retrieve(session.id).payment_intent)


def test_a_payment_is_given_back_in_parts_and_never_beyond(stack: Stack) -> None:
    intent = paid_intent(stack)
    mark = stack.mark()
    first = stack.v1.refunds.create({"payment_intent": intent, "amount": 1000, "reason": "requested_by_customer"})
    assert (first.status, first.amount, first.payment_intent) == ("succeeded", 1000, intent)
    assert stack.told(mark) == ["refund.created", "charge.refunded"]
    charge = stack.v1.charges.retrieve(str(first.charge), {"expand": ["refunds"]})
    assert (charge.refunded, charge.amount_refunded) == (False, 1000)
    assert charge.refunds is not None
    assert [refund.id for refund in charge.refunds.data] == [first.id]
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount"):
        stack.v1.refunds.create({"payment_intent": intent, "amount": 1501})
    rest = stack.v1.refunds.create({"charge": charge.id})
    assert rest.amount == 1500
    assert stack.v1.charges.retrieve(charge.id).refunded is True
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stack.v1.refunds.create({"payment_intent": intent})
    assert refused.value.code == "charge_already_refunded"
    assert [refund.id for refund in stack.v1.refunds.list({"payment_intent": intent}).data] == [rest.id, first.id]
    assert stack.v1.refunds.retrieve(rest.id).amount == 1500


def test_the_door_refunds_too(stack: Stack) -> None:
    intent = paid_intent(stack)
    part = stack.door("/refunds", {"payment_intent": intent, "amount": 500})
    assert (part.status_code, part.json()["amount"]) == (200, 500)
    assert stack.door("/refunds", {"payment_intent": intent}).json()["amount"] == 2000
    assert stack.door("/refunds", {"payment_intent": intent}).status_code == 400
    assert stack.door("/refunds", {"payment_intent": intent, "amount": "5"}).status_code == 400
    assert stack.door("/refunds", {"payment_intent": "pi_none"}).status_code == 404


def test_a_payment_that_failed_has_nothing_to_give_back(stack: Stack) -> None:
    customer = stack.customer()
    stack.post(stack.deposit(customer.id).url, card="4000000000000002")
    intent = stack.v1.payment_intents.list({"customer": customer.id}).data[0]
    with pytest.raises(stripe.InvalidRequestError, match="successful charge"):
        stack.v1.refunds.create({"payment_intent": intent.id})


@pytest.mark.parametrize("amount", [0, -1])
def test_an_amount_must_be_positive(stack: Stack, amount: int) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        stack.v1.refunds.create({"payment_intent": paid_intent(stack), "amount": amount})
