"""Many rows by one pass of a schema: each is made, or refused, as it would be alone."""

from __future__ import annotations

from aerostack_billing.usage.models import ConsumeRequest
from aerostack_billing.values import authority
from aerostack_billing.values.authority import Authority
from aerostack_billing.values.errors import BillingError, InvalidRequest
from aerostack_billing.values.fields import validated, validated_each

ROWS: list[dict[str, object]] = [
    {"account_id": "acct_1", "metric": "api_requests"},
    {"account_id": "acct_1", "metric": "api_requests", "quantity": "1"},
    {"account_id": "other_1", "metric": "api_requests", "quantity": 3},
    {"metric": 7, "more": 1},
    {"account_id": "acct_2", "metric": "ai_tokens", "idempotency_key": "k"},
]


def alone(row: dict[str, object]) -> object:
    try:
        return validated(ConsumeRequest, row)
    except BillingError as error:
        return type(error), error.message, error.details


def together(rows: list[dict[str, object]]) -> list[object]:
    made = validated_each(ConsumeRequest, rows)
    return [(type(one), one.message, one.details) if isinstance(one, BillingError) else one for one in made]


def test_each_row_is_made_or_refused_in_its_place_as_it_would_be_alone() -> None:
    assert together(ROWS) == [alone(row) for row in ROWS]
    assert [isinstance(one, ConsumeRequest) for one in together(ROWS)] == [True, False, True, False, True]
    assert together(ROWS[:1]) == [alone(ROWS[0])]
    assert together([ROWS[3]]) == [alone(ROWS[3])]
    assert together([]) == []


def test_a_token_that_is_for_some_accounts_is_refused_the_others_row_by_row() -> None:
    with authority.using(Authority(accounts=("acct_",))):
        assert together(ROWS) == [alone(row) for row in ROWS]
        refused = [one for one in validated_each(ConsumeRequest, ROWS) if isinstance(one, BillingError)]
    assert [type(one) is InvalidRequest for one in refused] == [True, False, True]
