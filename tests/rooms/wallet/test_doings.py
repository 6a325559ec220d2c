"""What one service did: found by the name in its tokens, and taken back once, whatever is repeated."""

from __future__ import annotations

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.platform import correlation
from aerostack_billing.values.errors import InvalidRequest
from aerostack_billing.wallet.doings import Span
from aerostack_billing.wallet.requests import RefundRequest
from tests.rooms.conftest import Time
from tests.rooms.worlds.wallet import audited, capture, charge, fund, hold

ALL = Span.asked(None, None)


@pytest.fixture
def parts(parts_alone: Runtime) -> Runtime:
    """Whose tables are read whole."""
    return parts_alone


@pytest.fixture
def leaked(account: str) -> str:
    return f"svc_{account}"


def test_charges_captures_and_open_holds_of_a_caller_are_taken_back_and_nothing_else(
    parts: Runtime, account: str, leaked: str
) -> None:
    fund(parts, account, 1_000)
    charge(parts, account, 10, "before")
    with correlation.using("r", leaked):
        first = charge(parts, account, 20, "a")
        charge(parts, account, 30, "b")
        capture(parts, account, hold(parts, account, 50, "h")["hold_id"], 40)
        hold(parts, account, 60, "left")
    parts.wallet.refunds.refund(first["charge_id"], RefundRequest(account_id=account, idempotency_key="mine"))
    foreseen = parts.wallet.doings.foresee(leaked, ALL)
    assert (foreseen["to_refund"], foreseen["to_refund_cents"], foreseen["to_release"]) == (2, 70, 1)
    done = parts.wallet.doings.take_back(leaked, ALL).view()
    assert done == {
        "refunded": 2,
        "refunded_cents": 70,
        "refunded_before": 1,
        "released_holds": 1,
        "failed": [],
    }
    assert audited(parts, account).balance == 9_900_000
    again = parts.wallet.doings.take_back(leaked, ALL, account).view()
    assert (again["refunded"], again["refunded_before"], again["released_holds"]) == (0, 3, 0)
    assert audited(parts, account).balance == 9_900_000


def test_a_span_of_time_narrows_what_is_found(parts: Runtime, account: str, leaked: str, time_stands: Time) -> None:
    fund(parts, account, 1_000)
    for day in (11, 12, 13):
        time_stands.to(2026, 3, day, 9)
        with correlation.using("r", leaked):
            charge(parts, account, 1, f"k{day}")
    days = [line.created_at[:10] for line in parts.wallet.doings.lines(leaked, Span.asked("2026-03-12", "2026-03-13"))]
    assert days == ["2026-03-12"]
    assert len(parts.wallet.doings.lines(leaked, Span.asked("2026-03-12T10:00+01:00", None), account)) == 2
    with pytest.raises(InvalidRequest):
        Span.asked("yesterday", None)
