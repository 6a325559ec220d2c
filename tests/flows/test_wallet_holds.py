"""Holds: money set aside for work that is priced when it ends, and given back when it never does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.flows.client import Account, Json, error_of
from tests.flows.test_wallet_charges import INSTANT, by_service, charge, charged
from tests.flows.test_wallet_deposits import (
    audited_accounts,  # noqa: F401 - audits each test's accounts
    balance,
    deposit,
    lines,
)

HOLDS = "/api/balance/holds"


def hold(account: Account, amount_cents: object = 300, key: str = "h", **more: object) -> requests.Response:
    """`POST /api/balance/holds`."""
    body = {
        "account_id": account.id,
        "kind": "agent_execution",
        "amount_cents": amount_cents,
        "idempotency_key": key,
        **more,
    }
    return by_service(account.api, HOLDS, body)


def held(account: Account, amount_cents: object = 300, key: str = "h", **more: object) -> str:
    """The id of a hold that is expected to be taken."""
    answer = hold(account, amount_cents, key, **more)
    assert answer.status_code == 201, answer.text
    return answer.json()["hold_id"]


def capture(
    account: Account, hold_id: str, amount_cents: object = 300, key: str = "c", **more: object
) -> requests.Response:
    """`POST /api/balance/holds/{hold_id}/capture`."""
    body = {"account_id": account.id, "amount_cents": amount_cents, "idempotency_key": key, **more}
    return by_service(account.api, f"{HOLDS}/{hold_id}/capture", body)


def release(account: Account, hold_id: str, key: str = "r", **more: object) -> requests.Response:
    """`POST /api/balance/holds/{hold_id}/release`."""
    body = {"account_id": account.id, "idempotency_key": key, **more}
    return by_service(account.api, f"{HOLDS}/{hold_id}/release", body)


def sums(account: Account) -> tuple[float, float]:
    """What can be spent and what is held, in cents."""
    shown = balance(account)
    return shown["balance_cents"], shown["held_cents"]


@pytest.fixture
def funded(account: Account) -> Account:
    """An account with $5.00."""
    deposit(account, 500)
    return account


# Taking


def test_a_hold_sets_money_aside_and_the_user_sees_it(funded: Account) -> None:
    answer = hold(funded, "300.5", ttl_seconds=60)
    found = answer.json()
    assert answer.status_code == 201
    assert INSTANT.fullmatch(found.pop("expires_at"))
    assert found.pop("hold_id").startswith("hold_")
    assert found.pop("price_version")
    assert found == {
        "amount_cents": 300.5,
        "usage": None,
        "tool_id": None,
        "balance_cents": 199,
        "balance_micros": 1_995_000,
        "held_cents": 300.5,
    }
    assert sums(funded) == (199, 300.5)
    assert balance(funded)["lifetime_spent_cents"] == 0
    error_of(charge(funded, 200), 402, "INSUFFICIENT_BALANCE")


def test_a_hold_that_is_not_covered_is_402_and_holds_nothing(funded: Account) -> None:
    error = error_of(hold(funded, 501), 402, "INSUFFICIENT_BALANCE")
    assert (error["details"]["required_cents"], error["details"]["missing_cents"]) == (501, 1)
    assert sums(funded) == (500, 0)


def test_a_hold_replays_also_when_it_is_captured_and_another_body_is_409(funded: Account) -> None:
    first = hold(funded)
    assert capture(funded, first.json()["hold_id"]).status_code == 200
    again = hold(funded)
    assert (again.status_code, again.text) == (201, first.text)
    assert again.headers["Idempotency-Replayed"] == "true"
    for other in ({"amount_cents": 299}, {"ttl_seconds": 901}, {"kind": "bot_conversation"}):
        error_of(hold(funded, **{"amount_cents": 300, **other}), 409, "IDEMPOTENCY_KEY_REUSED")
    assert sums(funded) == (200, 0)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"amount_cents": -1}, "amount_cents"),
        ({"amount_cents": "0.00001"}, "amount_cents"),
        ({"amount_cents": None}, "amount_cents"),
        ({"ttl_seconds": 0}, "ttl_seconds"),
        ({"ttl_seconds": -1}, "ttl_seconds"),
        ({"ttl_seconds": 10**30}, "ttl_seconds"),
        ({"ttl_seconds": 1.5}, "ttl_seconds"),
        ({"ttl_seconds": "60"}, "ttl_seconds"),
        ({"kind": "gift"}, "kind"),
        ({"kind": "tool_call"}, "creator_id"),
        ({"idempotency_key": None}, "idempotency_key"),
        ({"billing_mode": "wallet"}, "billing_mode"),
    ],
)
def test_a_wrong_hold_is_refused_and_named(account: Account, wrong: Json, named: str) -> None:
    answer = hold(account, **{"amount_cents": 0, **wrong})
    assert set(error_of(answer, 422, "INVALID_REQUEST")["details"]) == {named}
    assert lines(account) == []


# Capturing


def test_a_capture_of_less_gives_the_rest_back(funded: Account) -> None:
    hold_id = held(funded)
    answer = capture(funded, hold_id, "120.5")
    found = answer.json()
    assert answer.status_code == 200
    assert found.pop("charge_id")
    assert found == {
        "hold_id": hold_id,
        "captured_cents": 120.5,
        "short_cents": 0,
        "usage": None,
        "price_version": None,
        "tool_id": None,
        "remaining_cents": 0,
        "items": None,
        "balance_cents": 379,
        "balance_micros": 3_795_000,
        "held_cents": 0,
    }
    assert lines(funded) == [("deposit", 500), ("hold", -300), ("release", 300), ("capture", -120.5)]
    assert balance(funded)["lifetime_spent_cents"] == 120.5


def test_a_capture_of_more_takes_the_rest_and_of_too_much_keeps_the_hold(funded: Account) -> None:
    hold_id = held(funded)
    error = error_of(capture(funded, hold_id, 501), 402, "INSUFFICIENT_BALANCE")
    assert (error["details"]["required_cents"], error["details"]["missing_cents"]) == (501, 1)
    assert sums(funded) == (200, 300)
    found = capture(funded, hold_id, 450).json()
    assert (found["captured_cents"], found["balance_cents"], found["held_cents"]) == (450, 50, 0)


def test_a_partial_capture_takes_what_there_is_and_says_what_is_short(funded: Account) -> None:
    found = capture(funded, held(funded), 620, allow_partial=True).json()
    assert (found["captured_cents"], found["short_cents"], found["balance_cents"]) == (500, 120, 0)


def test_a_capture_of_nothing_frees_the_hold(funded: Account) -> None:
    found = capture(funded, held(funded), 0).json()
    assert (found["captured_cents"], found["balance_cents"], found["held_cents"]) == (0, 500, 0)


def test_a_captured_hold_replays_its_capture_and_takes_no_other_key(funded: Account) -> None:
    hold_id = held(funded)
    first = capture(funded, hold_id, 120)
    again = capture(funded, hold_id, 120)
    assert (again.status_code, again.text, again.headers["Idempotency-Replayed"]) == (200, first.text, "true")
    error_of(capture(funded, hold_id, 121), 409, "IDEMPOTENCY_KEY_REUSED")
    error_of(capture(funded, hold_id, 120, "other"), 409, "HOLD_ENDED")
    error_of(release(funded, hold_id), 409, "HOLD_ENDED")
    assert sums(funded) == (380, 0)


def test_captures_and_releases_at_once_end_a_hold_once(funded: Account) -> None:
    hold_id = held(funded)
    acts: list[Callable[[], requests.Response]] = []
    for i in range(8):
        acts += [lambda i=i: capture(funded, hold_id, 100, f"c{i}"), lambda i=i: release(funded, hold_id, f"r{i}")]  # type: ignore[misc]
    with ThreadPoolExecutor(16) as pool:
        statuses = Counter(pool.map(lambda act: act().status_code, acts))
    assert statuses == {200: 1, 409: 15}
    assert sums(funded) in {(500, 0), (400, 0)}


def test_a_wrong_capture_is_refused_and_named(funded: Account) -> None:
    hold_id = held(funded)
    for wrong, named in (
        ({"amount_cents": -1}, "amount_cents"),
        ({"amount_cents": None}, "amount_cents"),
        ({"allow_partial": "yes"}, "allow_partial"),
        ({"allow_partial": 1}, "allow_partial"),
        ({"idempotency_key": None}, "idempotency_key"),
        ({"kind": "agent_execution"}, "kind"),
    ):
        answer = capture(funded, hold_id, **{"amount_cents": 300, **wrong})
        assert set(error_of(answer, 422, "INVALID_REQUEST")["details"]) == {named}
    assert sums(funded) == (200, 300)


# Releasing


def test_a_release_gives_all_back_once(funded: Account) -> None:
    hold_id = held(funded)
    first = release(funded, hold_id)
    assert first.status_code == 200
    assert first.json() == {
        "hold_id": hold_id,
        "released_cents": 300,
        "balance_cents": 500,
        "balance_micros": 5_000_000,
        "held_cents": 0,
    }
    again = release(funded, hold_id)
    assert (again.text, again.headers["Idempotency-Replayed"]) == (first.text, "true")
    error_of(release(funded, hold_id, "other"), 409, "HOLD_ENDED")
    error_of(capture(funded, hold_id, 1), 409, "HOLD_ENDED")
    assert lines(funded) == [("deposit", 500), ("hold", -300), ("release", 300)]


def test_a_release_without_a_key_is_refused(funded: Account) -> None:
    answer = release(funded, held(funded), idempotency_key=None)
    assert set(error_of(answer, 422, "INVALID_REQUEST")["details"]) == {"idempotency_key"}


@pytest.mark.parametrize(
    "hold_id", ["hold_", "hold_" + "0" * 40, "hold_" + "G" * 40, "pi_1", "%2e%2e%2fx", "h%00", "h%0d%0ax", "%C3%A9"]
)
def test_a_hold_that_is_none_is_404(account: Account, hold_id: str) -> None:
    error_of(capture(account, hold_id), 404, "HOLD_NOT_FOUND")
    error_of(release(account, hold_id), 404, "HOLD_NOT_FOUND")


def test_another_accounts_hold_is_404_and_stays(funded: Account, new_account: Callable[[], Account]) -> None:
    other, hold_id = new_account(), held(funded)
    deposit(other, 500)
    error_of(capture(other, hold_id), 404, "HOLD_NOT_FOUND")
    error_of(release(other, hold_id), 404, "HOLD_NOT_FOUND")
    assert (sums(funded), sums(other)) == ((200, 300), (500, 0))


def test_one_key_for_a_charge_a_hold_its_capture_and_a_release_is_four_acts(funded: Account) -> None:
    assert charge(funded, 10, "k").status_code == 201
    first = held(funded, 20, "k")
    assert capture(funded, first, 20, "k").status_code == 200
    assert release(funded, held(funded, 30, "k2"), "k").status_code == 200
    assert sums(funded) == (470, 0)


# Lapsing


def test_a_hold_lapses_by_the_schedule_and_not_before_its_time(funded: Account) -> None:
    held(funded, ttl_seconds=600)
    funded.api.advance(minutes=8)
    assert sums(funded) == (200, 300)
    funded.api.advance(minutes=4)
    assert sums(funded) == (500, 0)
    assert lines(funded) == [("deposit", 500), ("hold", -300), ("release", 300)]


def test_a_lapsed_hold_is_served_from_the_balance_and_released_for_good(funded: Account) -> None:
    captured, forgotten = held(funded, 100, "h1", ttl_seconds=60), held(funded, 100, "h2", ttl_seconds=60)
    funded.api.advance(minutes=2)
    charged(funded, 400)
    error_of(capture(funded, captured, 101), 402, "INSUFFICIENT_BALANCE")
    found = capture(funded, captured, 101, allow_partial=True).json()
    assert (found["captured_cents"], found["short_cents"], found["balance_cents"]) == (100, 1, 0)
    error_of(capture(funded, captured, 1, "other"), 409, "HOLD_ENDED")
    assert release(funded, forgotten).json()["released_cents"] == 100
    assert sums(funded) == (0, 0)


def test_a_release_after_the_lapse_is_kept_like_any_other(funded: Account) -> None:
    hold_id = held(funded, ttl_seconds=60)
    funded.api.advance(minutes=2)
    first, again = release(funded, hold_id), release(funded, hold_id)
    assert (first.status_code, first.json()["released_cents"]) == (200, 300)
    assert (first.headers.get("Idempotency-Replayed"), again.headers["Idempotency-Replayed"]) == (None, "true")
    assert again.text == first.text
    error_of(release(funded, hold_id, "other"), 409, "HOLD_ENDED")
    error_of(capture(funded, hold_id, 1), 409, "HOLD_ENDED")
    assert sums(funded) == (500, 0)
    assert lines(funded) == [("deposit", 500), ("hold", -300), ("release", 300), ("release", 0)]


def test_a_hold_captured_after_its_lapse_is_released_no_more(funded: Account) -> None:
    hold_id = held(funded, ttl_seconds=60)
    funded.api.advance(minutes=2)
    first = capture(funded, hold_id, 120)
    error_of(release(funded, hold_id), 409, "HOLD_ENDED")
    assert capture(funded, hold_id, 120).text == first.text
    assert sums(funded) == (380, 0)


def test_captures_and_releases_at_once_after_the_lapse_end_it_once(funded: Account) -> None:
    hold_id = held(funded, ttl_seconds=60)
    funded.api.advance(minutes=2)
    acts: list[Callable[[], requests.Response]] = []
    for i in range(4):
        acts += [lambda i=i: capture(funded, hold_id, 100, f"c{i}"), lambda i=i: release(funded, hold_id, f"r{i}")]  # type: ignore[misc]
    with ThreadPoolExecutor(8) as pool:
        statuses = Counter(pool.map(lambda act: act().status_code, acts))
    assert statuses == {200: 1, 409: 7}
    assert sums(funded) in {(500, 0), (400, 0)}


def test_holds_at_once_hold_no_more_than_there_is(funded: Account) -> None:
    with ThreadPoolExecutor(16) as pool:
        statuses = Counter(pool.map(lambda i: hold(funded, 50, f"h{i}").status_code, range(16)))
    assert statuses == {201: 10, 402: 6}
    assert sums(funded) == (0, 500)


def test_a_hold_s_reference_stands_in_the_statement_and_is_part_of_what_its_key_means(funded: Account) -> None:
    taken = hold(funded, 100, "referred", reference="run-0043")
    assert taken.status_code == 201
    assert hold(funded, 100, "referred", reference="run-0043").json() == taken.json()
    error_of(hold(funded, 100, "referred", reference="run-0044"), 409, "IDEMPOTENCY_KEY_REUSED")
    (line,) = funded.get("/api/balance/transactions?type=hold")["transactions"]
    assert line["reference"] == "run-0043"
