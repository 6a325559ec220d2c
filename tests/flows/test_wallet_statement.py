"""What a user reads of their wallet, and the cap that they set on it."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

import pytest

from tests.flows.client import Account, Json, error_of
from tests.flows.test_wallet_charges import INSTANT, charge, charged
from tests.flows.test_wallet_deposits import (
    audited_accounts,  # noqa: F401 - audits each test's accounts
    balance,
    deposit,
    lines,
)
from tests.flows.test_wallet_holds import capture, held, hold, release, sums

TRANSACTIONS = "/api/balance/transactions"
TYPES = [
    "deposit",
    "reload",
    "charge",
    "hold",
    "capture",
    "release",
    "charge_refund",
    "refund",
    "dispute",
    "dispute_reversal",
    "debt_payment",
    "grant",
]


@pytest.fixture
def busy(account: Account) -> Account:
    """An account with eight transactions: deposit, charge, two holds, a capture, a release of its rest and of all."""
    deposit(account, 500)
    charged(account, "0.34", "a", reference="conversation")
    assert capture(account, held(account, 100), 50).status_code == 200
    assert release(account, held(account, 100, "h2")).status_code == 200
    charged(account, 1, "b")
    return account


def listed(account: Account, query: str = "") -> Json:
    """`GET /api/balance/transactions`."""
    return account.get(f"{TRANSACTIONS}{query}")


def set_cap(account: Account, cents: object) -> Json:
    """The balance after the monthly cap on spending is set."""
    answer = account.send("PUT", "/api/balance/spend-cap", {"monthly_cap_cents": cents})
    assert answer.status_code == 200, answer.text
    return answer.json()


# Transactions


def test_a_new_account_has_none(account: Account) -> None:
    assert listed(account) == {"transactions": [], "next_cursor": None}


def test_each_line_has_the_fields_and_follows_from_the_one_before(busy: Account) -> None:
    body = listed(busy)
    assert set(body) == {"transactions", "next_cursor"}
    running = 0.0
    for line in reversed(body["transactions"]):
        assert {"id", "type", "amount_cents", "balance_after_cents", "created_at", "description", "reference"} <= set(
            line
        )
        assert INSTANT.fullmatch(line["created_at"])
        assert line["description"]
        running = round(running + line["amount_cents"], 4)
        assert line["balance_after_cents"] == running
    assert running == 448.66
    assert len({line["id"] for line in body["transactions"]}) == len(body["transactions"]) == 8
    assert [line["type"] for line in body["transactions"]] == [
        "charge",
        "release",
        "hold",
        "capture",
        "release",
        "hold",
        "charge",
        "deposit",
    ]


def test_the_pages_hold_every_line_once_and_end(busy: Account) -> None:
    for limit in (1, 3, 8, 100):
        seen: list[Json] = []
        query = f"?limit={limit}"
        while True:
            page = listed(busy, query)
            assert len(page["transactions"]) <= limit
            seen += page["transactions"]
            if page["next_cursor"] is None:
                break
            query = f"?limit={limit}&cursor={quote(page['next_cursor'])}"
        assert seen == listed(busy)["transactions"]


def test_a_page_stays_where_it_was_while_new_lines_come(busy: Account) -> None:
    first = listed(busy, "?limit=2")
    charged(busy, 1, "later")
    second = listed(busy, f"?limit=2&cursor={first['next_cursor']}")
    shown = [line["id"] for line in first["transactions"] + second["transactions"]]
    assert shown == [line["id"] for line in listed(busy)["transactions"][1:5]]


def test_the_filter_shows_one_type_only_in_pages_too(busy: Account) -> None:
    everything = listed(busy)["transactions"]
    for kind in TYPES:
        wanted = [line for line in everything if line["type"] == kind]
        assert listed(busy, f"?type={kind}")["transactions"] == wanted
        seen, query = [], f"?type={kind}&limit=1"
        while True:
            page = listed(busy, query)
            seen += page["transactions"]
            if page["next_cursor"] is None:
                break
            query = f"?type={kind}&limit=1&cursor={page['next_cursor']}"
        assert seen == wanted


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=-1", "limit"),
        ("limit=1.5", "limit"),
        ("limit=ten", "limit"),
        ("limit=", "limit"),
        ("limit=%2b5", "limit"),
        ("limit=%D9%A3", "limit"),
        ("limit=1&limit=2", "limit"),
        (f"limit={'9' * 5_000}", "limit"),
        ("type=gift", "type"),
        ("type=", "type"),
        ("type=CHARGE", "type"),
        ("type=charge,hold", "type"),
        ("cursor=", "cursor"),
        ("cursor=x", "cursor"),
        ("cursor=c2VxOi0x", "cursor"),
        ("cursor=c2VxOjEuNQ", "cursor"),
        ("cursor=" + "A" * 4_000, "cursor"),
        ("cursor=%00", "cursor"),
        ("cursor=%C3%A9", "cursor"),
        ("cursor=%ff", "cursor"),
        ("cursor=1&cursor=2", "cursor"),
    ],
)
def test_a_wrong_query_is_422_and_named(account: Account, query: str, named: str) -> None:
    answer = account.send("GET", f"{TRANSACTIONS}?{query}")
    assert set(error_of(answer, 422, "INVALID_REQUEST")["details"]) == {named}


def test_a_cursor_of_another_account_shows_ones_own_lines_only(
    busy: Account, account: Account, new_account: Callable[[], Account]
) -> None:
    other = new_account()
    deposit(other, 500)
    cursor = listed(busy, "?limit=1")["next_cursor"]
    assert [line["type"] for line in listed(other, f"?cursor={cursor}")["transactions"]] == ["deposit"]


# The cap on spending


def test_the_cap_is_shown_and_refuses_what_passes_it(account: Account) -> None:
    deposit(account, 500)
    body = set_cap(account, 100)
    assert (body["monthly_spend_cap_cents"], body["balance_cents"]) == (100, 500)
    assert balance(account) == body
    charged(account, 99.5, "a")
    error = error_of(charge(account, "0.51", "b"), 402, "SPEND_CAP_REACHED")
    assert error["details"] == {"cap_cents": 100, "spent_cents": 99.5, "held_cents": 0, "required_cents": 0.51}
    charged(account, "0.5", "b")
    assert set_cap(account, None)["monthly_spend_cap_cents"] is None
    charged(account, 1, "c")
    assert balance(account)["monthly_spent_cents"] == 101


def test_holds_that_are_open_count_towards_the_cap(account: Account) -> None:
    deposit(account, 500)
    set_cap(account, 100)
    hold_id = held(account, 60)
    error_of(hold(account, 41, "h2"), 402, "SPEND_CAP_REACHED")
    error_of(charge(account, 41), 402, "SPEND_CAP_REACHED")
    charged(account, 40)
    error_of(capture(account, hold_id, 61), 402, "SPEND_CAP_REACHED")
    body = capture(account, hold_id, 61, allow_partial=True).json()
    assert (body["captured_cents"], body["short_cents"]) == (60, 1)
    assert balance(account)["monthly_spent_cents"] == 100


def test_a_hold_that_lapsed_counts_no_more_towards_the_cap(account: Account) -> None:
    deposit(account, 500)
    set_cap(account, 100)
    held(account, 100, ttl_seconds=60)
    error_of(charge(account, 100), 402, "SPEND_CAP_REACHED")
    account.api.advance(minutes=2)
    charged(account, 100)
    assert sums(account) == (400, 0)


def test_ones_own_key_and_deposits_are_not_capped(account: Account) -> None:
    set_cap(account, 1)
    deposit(account, 500)
    charged(account, 100, billing_mode="byok")
    assert lines(account) == [("deposit", 500), ("charge", 0)]


@pytest.mark.parametrize("cap", [0, -1, 100_000_001, 10**30, 99.5, "100", True, [100]])
def test_a_cap_that_is_none_is_refused(account: Account, cap: object) -> None:
    answer = account.send("PUT", "/api/balance/spend-cap", {"monthly_cap_cents": cap})
    assert set(error_of(answer, 422, "INVALID_REQUEST")["details"]) == {"monthly_cap_cents"}


def test_a_cap_must_be_given(account: Account) -> None:
    answer = account.send("PUT", "/api/balance/spend-cap", {})
    assert set(error_of(answer, 422, "INVALID_REQUEST")["details"]) == {"monthly_cap_cents"}
