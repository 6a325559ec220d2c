"""Work priced by its tokens: charged, held and captured by usage, exact to the rule, computed again from its line."""

from __future__ import annotations

from typing import Any

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.ledger import chain
from aerostack_billing.platform import correlation
from aerostack_billing.prices.book import PriceBook, UnknownModel
from aerostack_billing.prices.models import BookData
from aerostack_billing.usage.models import ConsumeRequest
from aerostack_billing.values.errors import IdempotencyKeyReused, InvalidRequest, PlanLimitExceeded
from aerostack_billing.values.fields import validated
from aerostack_billing.wallet.requests import (
    CaptureRequest,
    ChargeRequest,
    HoldRequest,
    RefundRequest,
)
from aerostack_billing.wallet.rules import InsufficientBalance
from tests.rooms.conftest import Time
from tests.rooms.worlds.wallet import audited, fund

MINI = "gpt-4o-mini"
LABELS = {"agent": "agt_7", "key": "k_1"}


def tokens(input_: int = 0, output: int = 0, read: int = 0, write: int = 0, model: str = MINI) -> dict[str, object]:
    return {
        "model": model,
        "input_tokens": input_,
        "output_tokens": output,
        "cache_read_tokens": read,
        "cache_write_tokens": write,
    }


def charged(parts: Runtime, account: str, key: str = "k", **more: object) -> dict[str, Any]:
    body = {"account_id": account, "kind": "agent_execution", "billing_mode": "wallet", "idempotency_key": key, **more}
    return parts.wallet.charges.charge(validated(ChargeRequest, body)).body


def held(parts: Runtime, account: str, **more: object) -> dict[str, Any]:
    body = {"account_id": account, "kind": "agent_execution", "idempotency_key": "h", **more}
    return parts.wallet.holds.take(validated(HoldRequest, body)).body


def captured(parts: Runtime, account: str, hold_id: str, **more: object) -> dict[str, Any]:
    body = {"account_id": account, "idempotency_key": "c", **more}
    return parts.wallet.holds.capture(hold_id, validated(CaptureRequest, body)).body


def repriced(parts: Runtime, day: str) -> None:
    """Let the book charge ten times as much from a day on."""
    models = [
        {
            "model": MINI,
            "provider": "openai",
            "prices": [
                {"effective_from": "2026-01-01", "input": "0.15", "output": "0.60"},
                {"effective_from": day, "input": "1.50", "output": "6"},
            ],
        }
    ]
    parts.prices.book = PriceBook(BookData.model_validate({"models": models}), 0)
    parts.prices.starts = ["2026-01-01", day]


def test_one_token_costs_a_micro_and_a_million_cost_fifteen_cents(parts: Runtime, account: str) -> None:
    fund(parts, account, 500)
    one = charged(parts, account, "one", usage=tokens(1))
    assert one["amount_cents"] == 0.0001
    million = charged(parts, account, "million", usage=tokens(1_000_000))
    assert million["amount_cents"] == 15
    assert (million["usage"], million["price_version"]) == (tokens(1_000_000), "2026-01-01")
    assert audited(parts, account).balance == 5_000_000 - 1 - 150_000


def test_a_price_has_the_stack_s_markup_and_its_line_says_by_what_it_was_made(parts: Runtime, account: str) -> None:
    parts.settings.environment["PRICE_MARKUP_BPS"] = "2500"  # type: ignore[index]
    fund(parts, account, 500)
    answer = charged(parts, account, usage=tokens(1_000_000, 0, model="openai/gpt-4o-mini"), labels=LABELS)
    parts.settings.environment["PRICE_MARKUP_BPS"] = "0"  # type: ignore[index]
    assert answer["amount_cents"] == 18.75
    line = parts.ledger.transfer(account, answer["charge_id"])
    assert line is not None
    assert line.labels == LABELS
    assert line.details["usage"] == tokens(1_000_000)
    assert (line.details["price_version"], line.details["markup_bps"]) == ("2026-01-01", 2_500)


def test_a_replay_answers_with_the_first_price_whatever_the_book_says_now(
    parts: Runtime, account: str, time_stands: Time
) -> None:
    fund(parts, account, 500)
    first = charged(parts, account, usage=tokens(1_000_000))
    repriced(parts, "2026-03-11")
    time_stands.to(2026, 3, 11)
    assert charged(parts, account, usage=tokens(1_000_000)) == first
    with pytest.raises(IdempotencyKeyReused):
        charged(parts, account, usage=tokens(1_000_001))
    assert charged(parts, account, "later", usage=tokens(1_000_000))["amount_cents"] == 150


def test_a_price_change_in_the_middle_of_a_hold_does_not_change_the_hold_s_price(
    parts: Runtime, account: str, time_stands: Time
) -> None:
    fund(parts, account, 500)
    repriced(parts, "2026-03-11")
    taken = held(parts, account, usage=tokens(2_000_000), ttl_seconds=86_400, labels={"agent": "a"})
    assert (taken["amount_cents"], taken["price_version"]) == (30, "2026-01-01")
    time_stands.forward(43_200)
    answer = captured(parts, account, taken["hold_id"], usage=tokens(1_000_000), labels={"run": "r"})
    assert (answer["captured_cents"], answer["price_version"]) == (15, "2026-01-01")
    line = parts.ledger.transfer(account, answer["charge_id"])
    assert line is not None
    assert line.labels == {"agent": "a", "run": "r"}
    assert audited(parts, account).held == 0


def test_a_hold_of_an_amount_that_lapsed_is_still_captured_at_the_price_of_its_day(
    parts: Runtime, account: str, time_stands: Time
) -> None:
    fund(parts, account, 500)
    repriced(parts, "2026-03-11")
    taken = held(parts, account, amount_cents=10)
    time_stands.forward(86_400)
    assert captured(parts, account, taken["hold_id"], usage=tokens(1_000_000))["captured_cents"] == 15


def test_own_keys_take_nothing_and_keep_what_it_would_have_cost(parts: Runtime, account: str) -> None:
    answer = charged(parts, account, billing_mode="byok", usage=tokens(1_000_000))
    assert (answer["amount_cents"], answer["estimated_cents"]) == (0, 15)
    assert audited(parts, account).spent == 0


def test_the_plan_pays_by_its_tokens_and_gives_them_back_at_a_refund(parts: Runtime, account: str) -> None:
    answer = charged(parts, account, billing_mode="plan_quota", usage=tokens(60_000, 20_000, 10_000, 5_000))
    assert (answer["amount_cents"], answer["billing_mode"]) == (0, "plan_quota")
    assert counted(parts, account) == 95_000
    assert charged(parts, account, billing_mode="plan_quota", usage=tokens(60_000, 20_000, 10_000, 5_000)) == answer
    assert counted(parts, account) == 95_000
    refund = RefundRequest(account_id=account, idempotency_key="r")
    parts.wallet.refunds.refund(answer["charge_id"], refund)
    parts.wallet.refunds.refund(answer["charge_id"], refund)
    assert counted(parts, account) == 0
    audited(parts, account)


def test_tokens_that_the_plan_has_not_are_refused_with_figures_and_nothing_is_taken(
    parts: Runtime, account: str
) -> None:
    with pytest.raises(PlanLimitExceeded) as refused:
        charged(parts, account, billing_mode="plan_quota", usage=tokens(110_001))
    assert (refused.value.details["remaining"], refused.value.details["requested"]) == (110_000, 110_001)
    assert counted(parts, account) == 0
    assert charged(parts, account, billing_mode="plan_quota", usage=tokens(110_000))["amount_cents"] == 0
    assert counted(parts, account) == 110_000


def test_the_wallet_pays_the_whole_where_it_is_the_fallback(parts: Runtime, account: str) -> None:
    asked = {"billing_mode": "plan_quota", "fallback": "wallet", "usage": tokens(1_000_000)}
    with pytest.raises(InsufficientBalance):
        charged(parts, account, **asked)
    fund(parts, account, 500)
    answer = charged(parts, account, **asked)
    assert (answer["amount_cents"], answer["billing_mode"]) == (15, "wallet")
    assert charged(parts, account, **asked) == answer
    assert counted(parts, account) == 0
    assert audited(parts, account).balance == 4_850_000


def counted(parts: Runtime, account: str) -> int:
    """The AI tokens that the plan has counted this month."""
    asked = ConsumeRequest(account_id=account, metric="ai_tokens", quantity=1, dry_run=True)
    try:
        body = parts.usage.metering.consume(asked).body
    except PlanLimitExceeded as refused:
        body = refused.details
    used = body["used"]
    assert isinstance(used, int)
    return used


def test_a_quote_takes_nothing_and_says_what_would_be_refused(parts: Runtime, account: str) -> None:
    body = {"account_id": account, "kind": "agent_execution", "billing_mode": "wallet", "idempotency_key": "q"}
    asked = validated(ChargeRequest, {**body, "usage": tokens(1_000_000)})
    quote = parts.wallet.charges.quote(asked)
    assert (quote["amount_cents"], quote["price_version"]) == (15, "2026-01-01")
    refusal: Any = quote["refusal"]
    assert (refusal["code"], refusal["details"]["missing_cents"]) == ("INSUFFICIENT_BALANCE", 15)
    fund(parts, account, 500)
    assert parts.wallet.charges.quote(asked)["refusal"] is None
    assert audited(parts, account).seq == 1


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"usage": tokens(1), "amount_cents": 1}, "usage"),
        ({}, "amount_cents"),
        ({"usage": tokens(-1)}, "usage.input_tokens"),
        ({"usage": tokens(10**9 + 1)}, "usage.input_tokens"),
        ({"usage": {**tokens(1), "output_tokens": 1.5}}, "usage.output_tokens"),
        ({"usage": {**tokens(1), "more": 1}}, "usage.more"),
        ({"amount_cents": 1, "billing_mode": "plan_quota"}, "usage"),
        ({"amount_cents": 1, "fallback": "wallet"}, "fallback"),
        ({"amount_cents": 1, "labels": {"Agent": "a"}}, "labels.Agent.[key]"),
        ({"amount_cents": 1, "labels": {"agent": ""}}, "labels.agent"),
        ({"amount_cents": 1, "labels": {"agent": "a" * 129}}, "labels.agent"),
        ({"amount_cents": 1, "labels": {"agent": "a\nb"}}, "labels.agent"),
        ({"amount_cents": 1, "labels": {f"l{i}": "a" for i in range(9)}}, "labels"),
        ({"amount_cents": 1, "labels": {"agent": 7}}, "labels.agent"),
        ({"usage": tokens(10**9, model="o1")}, "usage"),
        ({"amount_cents": 10_001}, "amount_cents"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_taken(
    parts: Runtime, account: str, more: dict[str, object], field: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        charged(parts, account, **more)
    assert list(refused.value.details) == [field]
    assert audited(parts, account).seq == 0


def test_an_unknown_model_is_refused_everywhere(parts: Runtime, account: str) -> None:
    fund(parts, account, 500)
    hold_id = held(parts, account, amount_cents=10)["hold_id"]
    for act in (
        lambda: charged(parts, account, usage=tokens(1, model="gpt-9")),
        lambda: held(parts, account, usage=tokens(1, model="gpt-9"), idempotency_key="h2"),
        lambda: captured(parts, account, hold_id, usage=tokens(1, model="gpt-9")),
    ):
        with pytest.raises(UnknownModel):
            act()


def test_each_line_says_which_service_asked(parts: Runtime, account: str) -> None:
    fund(parts, account, 500)
    with correlation.using("req_1", "svc_bots"):
        answer = charged(parts, account, amount_cents=1)
    line = parts.ledger.transfer(account, answer["charge_id"])
    assert line is not None
    assert (line.caller, line.correlation_id) == ("svc_bots", "req_1")


def test_every_line_seals_the_one_before(parts: Runtime, account: str) -> None:
    fund(parts, account, 500)
    charged(parts, account, usage=tokens(1_000), labels=LABELS)
    held(parts, account, amount_cents=10, labels=LABELS)
    lines = [chain.line(transfer) for transfer in parts.ledger.whole(account)]
    checked = chain.verify(lines)
    assert checked.wrong is None
    assert checked.hash == parts.wallet.store.get(account).head
    assert checked.lines == 3
