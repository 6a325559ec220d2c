"""Charges by the platform's services: what each shape of request does to a wallet, and to nobody else's."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.flows.client import METER, Account, Api, Json, error_of
from tests.flows.test_wallet_deposits import (
    EMPTY,
    audited_accounts,  # noqa: F401 - audits each test's accounts
    balance,
    deposit,
    lines,
    open_deposit,
)

SCOPE = "billing:charge"
CHARGES = "/api/balance/charges"
SERVICE_ROUTES = [
    CHARGES,
    "/api/balance/holds",
    "/api/balance/holds/hold_x/capture",
    "/api/balance/holds/hold_x/release",
]
USER_ROUTES = [
    ("GET", "/api/balance"),
    ("GET", "/api/balance/transactions"),
    ("POST", "/api/balance/deposit"),
    ("PUT", "/api/balance/auto-reload"),
    ("PUT", "/api/balance/spend-cap"),
]
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def by_service(
    api: Api,
    path: str,
    body: object = None,
    data: bytes | str | None = None,
    headers: Mapping[str, str] | None = None,
    scopes: str = SCOPE,
) -> requests.Response:
    """A POST of the platform's own service that may charge."""
    token = api.stack.token("svc_runner", scopes)
    return api.send("POST", path, body=body, data=data, headers=headers, token=token)


def asked(account: Account, amount_cents: object = 5, key: str = "k", **more: object) -> Json:
    """The body of a charge; a field given as None is left out."""
    body = {
        "account_id": account.id,
        "kind": "bot_conversation",
        "amount_cents": amount_cents,
        "billing_mode": "wallet",
        "idempotency_key": key,
        **more,
    }
    return {name: value for name, value in body.items() if value is not None}


def charge(account: Account, amount_cents: object = 5, key: str = "k", **more: object) -> requests.Response:
    """`POST /api/balance/charges`."""
    return by_service(account.api, CHARGES, asked(account, amount_cents, key, **more))


def charged(account: Account, amount_cents: object = 5, key: str = "k", **more: object) -> Json:
    """The answer to a charge that is expected to be taken."""
    answer = charge(account, amount_cents, key, **more)
    assert answer.status_code == 201, answer.text
    return answer.json()


@pytest.fixture
def funded(account: Account) -> Account:
    """An account with $5.00."""
    deposit(account, 500)
    return account


# What a charge does


def test_a_charge_of_each_kind_takes_its_price_and_the_user_sees_it(
    funded: Account, new_account: Callable[[], Account]
) -> None:
    kinds = {"bot_conversation": None, "agent_execution": None, "tool_call": new_account().id}
    for n, (kind, creator) in enumerate(kinds.items(), 1):
        found = charged(funded, 120, kind, kind=kind, creator_id=creator, reference=f"run_{n}")
        assert INSTANT.fullmatch(found.pop("created_at"))
        charge_id = found.pop("charge_id")
        assert found == {
            "account_id": funded.id,
            "kind": kind,
            "amount_cents": 120,
            "estimated_cents": None,
            "billing_mode": "wallet",
            "usage": None,
            "price_version": None,
            "tool_id": None,
            "balance_cents": 500 - n * 120,
            "balance_micros": 5_000_000 - n * 1_200_000,
        }
        shown = balance(funded)
        assert (shown["balance_cents"], shown["lifetime_spent_cents"], shown["monthly_spent_cents"]) == (
            500 - n * 120,
            n * 120,
            n * 120,
        )
        newest = funded.get("/api/balance/transactions")["transactions"][0]
        assert (newest["id"], newest["type"], newest["amount_cents"]) == (charge_id, "charge", -120)
        assert (newest["balance_after_cents"], newest["reference"]) == (500 - n * 120, f"run_{n}")


def test_a_price_below_a_cent_is_exact(funded: Account) -> None:
    for n, written in enumerate(("0.34", '"0.34"', "0.3400", "34e-2"), 1):
        body = json.dumps(asked(funded, "price", f"k{n}")).replace('"price"', written)
        answer = by_service(funded.api, CHARGES, data=body)
        assert (answer.status_code, answer.json()["balance_micros"]) == (201, 5_000_000 - n * 3_400)
        assert '"amount_cents": 0.34,' in answer.text
    assert balance(funded)["balance_cents"] == 498


def test_the_smallest_price_is_a_micro_each_time(funded: Account) -> None:
    for i in range(5):
        charged(funded, "0.0001", f"k{i}")
    assert balance(funded)["balance_micros"] == 4_999_995


@pytest.mark.parametrize(
    "written",
    ["0.34001", '"0.34001"', "0.00001", '"0.00001"', "1e-5", "0.34" + "0" * 40 + "1", '"0.340000"', "1e-2000000"],
)
def test_a_fifth_decimal_is_refused_and_not_rounded(account: Account, written: str) -> None:
    body = json.dumps(asked(account, "price", billing_mode="byok")).replace('"price"', written)
    answer = by_service(account.api, CHARGES, data=body)
    assert set(error_of(answer, 422, "INVALID_REQUEST")["details"]) == {"amount_cents"}
    assert lines(account) == []


def test_ones_own_key_is_recorded_at_zero_also_with_an_empty_wallet(account: Account) -> None:
    found = charged(account, 120, billing_mode="byok", kind="agent_execution")
    assert (found["amount_cents"], found["billing_mode"], found["balance_micros"]) == (0, "byok", 0)
    assert (lines(account), balance(account)) == ([("charge", 0)], EMPTY)


def test_a_short_wallet_is_402_with_the_figures_and_the_way_out(funded: Account) -> None:
    error = error_of(charge(funded, 501.5), 402, "INSUFFICIENT_BALANCE")
    assert error["details"] == {
        "balance_cents": 500,
        "balance_micros": 5_000_000,
        "debt_cents": 0,
        "required_cents": 501.5,
        "missing_cents": 1.5,
        "deposit": {"method": "POST", "path": "/api/balance/deposit"},
    }
    assert "POST /api/balance/deposit" in error["message"]
    assert lines(funded) == [("deposit", 500)]


def test_a_wallet_that_never_was_is_short_and_stays_empty(account: Account) -> None:
    error_of(charge(account, "0.0001"), 402, "INSUFFICIENT_BALANCE")
    assert (balance(account), lines(account)) == (EMPTY, [])


# Keys


def test_a_replay_gives_the_first_answer_also_when_the_money_is_gone(funded: Account) -> None:
    first = charge(funded, 500, reference="a")
    error_of(charge(funded, 1, "other"), 402, "INSUFFICIENT_BALANCE")
    again = charge(funded, 500, reference="a")
    assert (again.status_code, again.text) == (201, first.text)
    assert (first.headers.get("Idempotency-Replayed"), again.headers["Idempotency-Replayed"]) == (None, "true")
    assert lines(funded) == [("deposit", 500), ("charge", -500)]


def test_the_same_price_written_otherwise_is_the_same_request(funded: Account) -> None:
    first = charged(funded, "2.50")
    again = charge(funded, 2.5)
    assert (again.json(), again.headers["Idempotency-Replayed"]) == (first, "true")


def test_a_key_for_another_body_is_409(funded: Account) -> None:
    charged(funded)
    for other in (
        {"amount_cents": 6},
        {"amount_cents": "5.0001"},
        {"kind": "agent_execution"},
        {"billing_mode": "byok"},
        {"reference": "x"},
        {"kind": "tool_call", "creator_id": "acct_creator"},
    ):
        answer = by_service(funded.api, CHARGES, {**asked(funded), **other})
        error_of(answer, 409, "IDEMPOTENCY_KEY_REUSED")
    assert lines(funded) == [("deposit", 500), ("charge", -5)]


def test_a_refused_charges_key_is_free(account: Account) -> None:
    error_of(charge(account), 402, "INSUFFICIENT_BALANCE")
    error_of(charge(account, -1), 422, "INVALID_REQUEST")
    deposit(account, 500)
    answer = charge(account)
    assert (answer.status_code, answer.headers.get("Idempotency-Replayed")) == (201, None)


def test_a_key_belongs_to_one_account(funded: Account, new_account: Callable[[], Account]) -> None:
    other = new_account()
    deposit(other, 500)
    ids = {charged(each)["charge_id"] for each in (funded, other)}
    assert len(ids) == 2
    assert lines(other) == lines(funded) == [("deposit", 500), ("charge", -5)]


def test_the_header_may_carry_the_key_and_must_not_contradict_it(funded: Account) -> None:
    first = charged(funded)
    header = {"Idempotency-Key": "k"}
    body = asked(funded)
    assert by_service(funded.api, CHARGES, body, headers=header).json() == first
    answer = by_service(funded.api, CHARGES, {**body, "idempotency_key": "other"}, headers=header)
    assert set(error_of(answer, 422, "INVALID_REQUEST")["details"]) == {"idempotency_key"}


# Many at once


def test_64_charges_at_once_take_exactly_what_there_is(funded: Account) -> None:
    with ThreadPoolExecutor(64) as pool:
        statuses = Counter(pool.map(lambda i: charge(funded, 10, f"k{i}").status_code, range(64)))
    assert statuses == {201: 50, 402: 14}
    assert (balance(funded)["balance_micros"], balance(funded)["lifetime_spent_cents"]) == (0, 500)


def test_duplicates_under_one_key_charge_once_and_hear_the_same(funded: Account) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: charge(funded), range(16)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert Counter(answer.headers.get("Idempotency-Replayed") for answer in answers) == {None: 1, "true": 15}
    assert lines(funded) == [("deposit", 500), ("charge", -5)]


# Wrong bodies


@pytest.mark.parametrize("missing", ["account_id", "kind", "amount_cents", "billing_mode", "idempotency_key"])
def test_a_missing_field_is_named(account: Account, missing: str) -> None:
    body = asked(account)
    del body[missing]
    answer = by_service(account.api, CHARGES, body)
    assert set(error_of(answer, 422, "INVALID_REQUEST")["details"]) == {missing}


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"account_id": "a b"}, "account_id"),
        ({"account_id": 7}, "account_id"),
        ({"kind": "gift"}, "kind"),
        ({"kind": "TOOL_CALL"}, "kind"),
        ({"billing_mode": "free"}, "billing_mode"),
        ({"billing_mode": True}, "billing_mode"),
        ({"idempotency_key": ""}, "idempotency_key"),
        ({"idempotency_key": "k" * 256}, "idempotency_key"),
        ({"idempotency_key": None}, "idempotency_key"),
        ({"reference": ""}, "reference"),
        ({"reference": "r" * 256}, "reference"),
        ({"reference": 7}, "reference"),
        ({"creator_id": "a#b", "kind": "tool_call"}, "creator_id"),
        ({"refund": True}, "refund"),
        ({"kind": "tool_call"}, "creator_id"),
        ({"kind": "agent_execution", "creator_id": "acct_creator"}, "creator_id"),
        ({"kind": "tool_call", "creator_id": "acct_creator", "billing_mode": "byok"}, "billing_mode"),
        ({"amount_cents": 10_001}, "amount_cents"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_taken(account: Account, wrong: Json, named: str) -> None:
    # At one's own key nothing stands in the way of a charge but its form.
    answer = by_service(account.api, CHARGES, {**asked(account, billing_mode="byok"), **wrong})
    assert set(error_of(answer, 422, "INVALID_REQUEST")["details"]) == {named}
    assert lines(account) == []


# Who may


@pytest.mark.parametrize("path", SERVICE_ROUTES)
def test_only_the_charge_scope_charges(account: Account, path: str) -> None:
    api, body = account.api, asked(account, billing_mode="byok")
    assert api.send("POST", path, body=body).status_code == 401
    assert account.send("POST", path, body).status_code == 403
    for scopes in (METER, "billing:charges", "billing", "billing:charge:read"):
        answer = by_service(api, path, body, scopes=scopes)
        assert (answer.status_code, answer.json()) == (403, {"message": "Forbidden"})
    assert lines(account) == []
    assert by_service(api, path, body, scopes=f"{METER} {SCOPE}").status_code in {201, 422}


@pytest.mark.parametrize(("method", "path"), USER_ROUTES)
def test_no_wallet_route_is_open_without_a_token(api: Api, method: str, path: str) -> None:
    answer = api.send(method, path, body={})
    assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorized"})


def test_another_account_is_never_seen_or_changed(funded: Account, new_account: Callable[[], Account]) -> None:
    curious = new_account()
    for query in (f"?account_id={funded.id}", f"?sub={funded.id}", f"?account={funded.id}"):
        assert curious.get(f"/api/balance{query}") == EMPTY
        assert curious.get(f"/api/balance/transactions{query}") == {"transactions": [], "next_cursor": None}
    error_of(open_deposit(curious, account_id=funded.id), 422, "INVALID_REQUEST")
    named = {"monthly_cap_cents": 1, "account_id": funded.id}
    error_of(curious.send("PUT", "/api/balance/spend-cap", named), 422, "INVALID_REQUEST")
    off = {"enabled": False, "account_id": funded.id}
    error_of(curious.send("PUT", "/api/balance/auto-reload", off), 422, "INVALID_REQUEST")
    assert balance(funded)["balance_cents"] == 500


def test_a_services_token_sees_its_own_wallet_only(funded: Account) -> None:
    token = funded.api.stack.token("svc_runner", SCOPE)
    found = funded.api.send("GET", f"/api/balance?account_id={funded.id}", token=token)
    assert found.json() == EMPTY
