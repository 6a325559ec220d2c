"""Keys of money hold for ever: also through the changes of the requests that they were used for."""

from __future__ import annotations

from aerostack_billing.ledger.keys import fingerprint, transfer_id
from aerostack_billing.wallet.requests import ChargeRequest

BODY = {
    "account_id": "acct_1",
    "kind": "bot_conversation",
    "amount_cents": "0.34",
    "billing_mode": "wallet",
    "idempotency_key": "k",
}


class _LaterRequest(ChargeRequest):
    """A charge as some later version of the API may take it."""

    campaign: str | None = None


def test_a_field_that_is_added_some_day_changes_no_fingerprint_of_before() -> None:
    assert fingerprint(_LaterRequest.model_validate(BODY)) == fingerprint(ChargeRequest.model_validate(BODY))


def test_a_field_that_is_given_counts_and_the_key_does_not() -> None:
    asked = {
        fingerprint(_LaterRequest.model_validate({**BODY, **more}))
        for more in ({}, {"campaign": "spring"}, {"reference": "r"}, {"amount_cents": "0.35"})
    }
    assert len(asked) == 4
    assert fingerprint(ChargeRequest.model_validate({**BODY, "idempotency_key": "other"})) in asked


def test_a_key_makes_another_id_for_each_account_and_each_kind_of_act() -> None:
    ids = {transfer_id(kind, account, key) for kind in ("ch_", "hold_") for account in "ab" for key in ("k", "k2")}
    assert len(ids) == 8
