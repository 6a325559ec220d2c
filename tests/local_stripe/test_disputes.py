from __future__ import annotations

import pytest
import stripe

from local.stripe.rules import balance
from tests.local_stripe.harness import Stack


def paid(stack: Stack, card: str = "4242424242424242") -> str:
    session = stack.deposit(stack.customer().id)
    assert stack.post(session.url, card=card).status_code == 303
    return str(stack.v1.checkout.sessions.retrieve(session.id).payment_intent)


@pytest.mark.parametrize(("end", "moved"), [("lost", -2500 - 1500), ("won", -1500)])
def test_a_dispute_is_opened_and_closed(stack: Stack, end: str, moved: int) -> None:
    intent = paid(stack)
    before, since = balance.total(stack.world), stack.position()
    opened = stack.door("/disputes", {"payment_intent": intent, "status": "needs_response"})
    assert opened.status_code == 200
    dispute = stack.v1.disputes.retrieve(opened.json()["id"], {"expand": ["charge", "payment_intent"]})
    assert (dispute.status, dispute.amount) == ("needs_response", 2500)
    assert isinstance(dispute.charge, stripe.Charge)
    assert dispute.charge.disputed is True
    assert balance.total(stack.world) - before == -2500 - 1500
    assert stack.door("/disputes", {"payment_intent": intent, "status": end}).json()["status"] == end
    assert balance.total(stack.world) - before == moved
    answer = ["charge.dispute.created", "charge.dispute.funds_withdrawn", "charge.dispute.closed"]
    assert stack.event_types(since) == answer + (["charge.dispute.funds_reinstated"] if end == "won" else [])
    assert stack.door("/disputes", {"payment_intent": intent, "status": end}).status_code == 400
    assert [d.id for d in stack.v1.disputes.list({"payment_intent": intent}).data] == [dispute.id]


def test_opening_twice_opens_once(stack: Stack) -> None:
    intent = paid(stack)
    ids = {stack.door("/disputes", {"payment_intent": intent}).json()["id"] for _ in range(2)}
    assert len(ids) == 1


def test_accepting_a_dispute_loses_it(stack: Stack) -> None:
    dispute = stack.door("/disputes", {"payment_intent": paid(stack)}).json()["id"]
    assert stack.v1.disputes.close(dispute).status == "lost"


def test_a_card_may_be_disputed_by_itself(stack: Stack) -> None:
    intent = paid(stack, "4000000000000259")
    assert stack.v1.disputes.list({"payment_intent": intent}).data[0].reason == "fraudulent"


def test_a_disputed_payment_is_not_refunded_except_at_the_same_time(stack: Stack) -> None:
    intent = paid(stack)
    stack.door("/disputes", {"payment_intent": intent})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stack.v1.refunds.create({"payment_intent": intent})
    assert refused.value.code == "charge_disputed"
    assert stack.door("/refunds", {"payment_intent": intent}).status_code == 200


def test_only_what_is_not_refunded_can_be_disputed(stack: Stack) -> None:
    intent = paid(stack)
    stack.door("/refunds", {"payment_intent": intent, "amount": 1000})
    assert stack.door("/disputes", {"payment_intent": intent}).json()["amount"] == 1500
    other = paid(stack)
    stack.door("/refunds", {"payment_intent": other})
    assert stack.door("/disputes", {"payment_intent": other}).status_code == 400
    assert stack.door("/disputes", {"payment_intent": other, "status": "maybe"}).status_code == 400
    assert stack.door("/disputes", {"payment_intent": "pi_none"}).status_code == 404


INQUIRY_CARD = "4000000000001976"


def test_an_inquiry_moves_no_money_until_it_becomes_a_chargeback(stack: Stack) -> None:
    before, since = balance.total(stack.world), stack.position()
    intent = paid(stack, INQUIRY_CARD)
    earned = balance.total(stack.world) - before
    inquiry = stack.v1.disputes.list({"payment_intent": intent}).data[0]
    assert (inquiry.status, inquiry.is_charge_refundable) == ("warning_needs_response", True)
    assert inquiry.balance_transactions == []
    assert earned > 0
    assert "charge.dispute.created" in stack.event_types(since)
    assert "charge.dispute.funds_withdrawn" not in stack.event_types(since)
    since = stack.position()
    assert stack.door("/disputes", {"payment_intent": intent}).json()["status"] == "needs_response"
    assert stack.event_types(since) == ["charge.dispute.updated", "charge.dispute.funds_withdrawn"]
    assert balance.total(stack.world) - before == earned - 2500 - 1500
    assert stack.v1.disputes.retrieve(inquiry.id).is_charge_refundable is False


@pytest.mark.parametrize(
    ("word", "end", "answer"),
    [
        ("winning_evidence", "warning_closed", ["charge.dispute.updated", "charge.dispute.closed"]),
        (
            "escalate_inquiry_evidence",
            "needs_response",
            ["charge.dispute.updated", "charge.dispute.updated", "charge.dispute.funds_withdrawn"],
        ),
        ("Here is the receipt.", "warning_under_review", ["charge.dispute.updated"]),
    ],
)
def test_evidence_ends_an_inquiry_or_does_not(stack: Stack, word: str, end: str, answer: list[str]) -> None:
    intent = paid(stack, INQUIRY_CARD)
    inquiry = stack.v1.disputes.list({"payment_intent": intent}).data[0].id
    since = stack.position()
    answered = stack.v1.disputes.update(inquiry, {"evidence": {"uncategorized_text": word}})
    assert (answered.status, answered.evidence_details.submission_count) == ("warning_under_review", 1)
    stack.advance(seconds=1)
    assert stack.v1.disputes.retrieve(inquiry).status == end
    assert stack.event_types(since) == answer


@pytest.mark.parametrize(("word", "end"), [("winning_evidence", "won"), ("losing_evidence", "lost")])
def test_evidence_decides_a_dispute(stack: Stack, word: str, end: str) -> None:
    dispute = stack.door("/disputes", {"payment_intent": paid(stack)}).json()["id"]
    since = stack.position()
    draft = stack.v1.disputes.update(dispute, {"evidence": {"uncategorized_text": word}, "submit": False})
    assert (draft.status, draft.evidence_details.has_evidence) == ("needs_response", True)
    assert stack.v1.disputes.update(dispute, {"submit": True}).status == "under_review"
    with pytest.raises(stripe.InvalidRequestError):
        stack.v1.disputes.update(dispute, {"evidence": {"uncategorized_text": "more"}})
    stack.advance(seconds=1)
    assert stack.v1.disputes.retrieve(dispute).status == end
    reinstated = ["charge.dispute.funds_reinstated"] if end == "won" else []
    assert stack.event_types(since) == ["charge.dispute.updated"] * 2 + ["charge.dispute.closed", *reinstated]


def test_an_inquiry_is_closed_by_a_refund_in_full(stack: Stack) -> None:
    intent = paid(stack, INQUIRY_CARD)
    stack.v1.refunds.create({"payment_intent": intent, "amount": 500})
    assert stack.v1.disputes.list({"payment_intent": intent}).data[0].status == "warning_needs_response"
    stack.v1.refunds.create({"payment_intent": intent})
    assert stack.v1.disputes.list({"payment_intent": intent}).data[0].status == "warning_closed"


def test_every_status_is_reached_by_the_door_and_no_closed_one_is_left(stack: Stack) -> None:
    ways = (
        ("warning_needs_response", "warning_under_review", "warning_closed"),
        ("warning_needs_response", "needs_response", "under_review", "won"),
        ("warning_under_review", "needs_response", "lost"),
        ("warning_closed",),
        ("needs_response", "under_review", "lost"),
        ("won",),
    )
    for way in ways:
        intent = paid(stack)
        for status in way:
            answered = stack.door("/disputes", {"payment_intent": intent, "status": status})
            assert (answered.status_code, answered.json()["status"]) == (200, status)
        for status in ("warning_under_review", "under_review"):
            assert stack.door("/disputes", {"payment_intent": intent, "status": status}).status_code == 400


def test_a_dispute_s_metadata_is_edited(stack: Stack) -> None:
    dispute = stack.door("/disputes", {"payment_intent": paid(stack)}).json()["id"]
    since = stack.position()
    assert stack.v1.disputes.update(dispute, {"metadata": {"ticket": "7"}}).to_dict()["metadata"] == {"ticket": "7"}
    assert stack.event_types(since) == ["charge.dispute.updated"]


def test_an_early_fraud_warning_is_told_and_acted_on_until_the_payment_is_refunded(stack: Stack) -> None:
    since = stack.position()
    intent = paid(stack, "4000000000005423")
    assert "radar.early_fraud_warning.created" in stack.event_types(since)
    warning = stack.v1.radar.early_fraud_warnings.list({"payment_intent": intent}).data[0]
    assert (warning.actionable, warning.fraud_type) == (True, "made_with_stolen_card")
    since = stack.position()
    stack.v1.refunds.create({"payment_intent": intent})
    assert stack.event_types(since)[-1] == "radar.early_fraud_warning.updated"
    assert stack.v1.radar.early_fraud_warnings.retrieve(warning.id).actionable is False
    other = stack.door("/early_fraud_warnings", {"payment_intent": paid(stack)}).json()
    stack.door("/disputes", {"payment_intent": other["payment_intent"]})
    assert stack.v1.radar.early_fraud_warnings.retrieve(other["id"]).actionable is False
