"""A wallet under attack: odd numbers, odd texts, odd JSON, other people's ids; nothing moves, nothing breaks."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import requests

from tests.flows.client import Account, Json, error_of
from tests.flows.test_wallet_auto_reload import SETTINGS
from tests.flows.test_wallet_charges import CHARGES, asked, by_service, charge, charged
from tests.flows.test_wallet_deposits import (
    EMPTY,
    audited_accounts,  # noqa: F401 - audits each test's accounts
    balance,
    deposit,
    lines,
)
from tests.flows.test_wallet_holds import HOLDS, capture, held, hold, release, sums

USER_BODIES = [
    ("POST", "/api/balance/deposit"),
    ("PUT", SETTINGS),
    ("PUT", "/api/balance/spend-cap"),
]
SERVICE_BODIES = [CHARGES, HOLDS, f"{HOLDS}/hold_x/capture", f"{HOLDS}/hold_x/release"]
NO_JSON = ["", "amount_cents=5", "{", "[" * 50_000, '{"amount_cents": NaN}', '{"amount_cents": -Infinity}', b"\xff\x00"]


def charge_raw(account: Account, written: str, field: str = "amount_cents") -> requests.Response:
    """A charge at one's own key, which nothing but its form can refuse, with a field as written."""
    body = json.dumps({**asked(account, billing_mode="byok"), field: "@"}).replace('"@"', written)
    return by_service(account.api, CHARGES, data=body)


# Numbers


@pytest.mark.parametrize(
    "written",
    [
        "-1",
        "-0.0001",
        "10000001",
        "10000000.0001",
        "1" + "0" * 400,
        "1e8",
        "1e400",
        "1e999999",
        "-1e999999",
        "1e-400",
        "9" * 4_000,
        "0." + "9" * 4_000,
        '"-0"',
        '"1e2"',
        '"+1"',
        '" 1"',
        '"1,5"',
        '"0x10"',
        '"\\u0661"',
        '"NaN"',
        '"Infinity"',
        '""',
        "true",
        "null",
        "[5]",
        '{"cents": 5}',
    ],
)
def test_an_amount_that_is_none_is_refused(account: Account, written: str) -> None:
    details = error_of(charge_raw(account, written), 422, "INVALID_REQUEST")["details"]
    assert set(details) == {"amount_cents"}
    assert lines(account) == []


@pytest.mark.parametrize(
    "written", ["1e99999999999999999999", "1E-99999999999999999999", "9" * 5_000, "01", "1.", ".5"]
)
def test_a_number_that_json_or_any_reader_knows_nothing_of_is_a_400(account: Account, written: str) -> None:
    error_of(charge_raw(account, written), 400, "INVALID_JSON")
    assert lines(account) == []


@pytest.mark.parametrize("written", ["0", "-0", "-0.0", "0e9", "0.0000", '"0"', '"0.0000"', "0e-2000000"])
def test_nothing_however_it_is_written_is_nothing(account: Account, written: str) -> None:
    body = json.dumps(asked(account, "@")).replace('"@"', written)
    answer = by_service(account.api, CHARGES, data=body)
    assert (answer.status_code, answer.json()["amount_cents"], answer.json()["balance_micros"]) == (201, 0, 0)
    assert (lines(account), balance(account)) == ([("charge", 0)], EMPTY)


def test_the_most_that_may_be_asked_is_refused_for_want_of_money_alone(account: Account) -> None:
    error = error_of(charge(account, "10000"), 402, "INSUFFICIENT_BALANCE")
    assert error["details"]["missing_cents"] == 10_000


# JSON


@pytest.mark.parametrize("body", NO_JSON)
def test_what_is_not_json_is_a_400_on_every_route(account: Account, body: str | bytes) -> None:
    for method, path in USER_BODIES:
        answer = account.api.send(method, path, token=account.token, data=body)
        error_of(answer, 400, "INVALID_JSON")
    for path in SERVICE_BODIES:
        error_of(by_service(account.api, path, data=body), 400, "INVALID_JSON")
    assert balance(account) == EMPTY


def test_a_field_given_twice_is_refused(account: Account) -> None:
    deposit(account, 500)
    body = json.dumps(asked(account, 1))
    for twice in ('"amount_cents": 400', '"account_id": "acct_other"', '"\\u0061mount_cents": 400'):
        answer = by_service(account.api, CHARGES, data=f"{body[:-1]}, {twice}}}")
        assert len(error_of(answer, 422, "INVALID_REQUEST")["details"]) == 1
    assert lines(account) == [("deposit", 500)]


def test_a_very_long_body_is_a_413(account: Account) -> None:
    error_of(charge_raw(account, json.dumps("r" * 2**17), "reference"), 413, "PAYLOAD_TOO_LARGE")
    assert lines(account) == []


@pytest.mark.parametrize("name", ["__proto__", "amount_cents ", "Amount_Cents", "", "\ud800", "\x00", "a.b", "🗝"])
def test_a_field_that_there_is_not_is_refused(account: Account, name: str) -> None:
    answer = by_service(account.api, CHARGES, {**asked(account, billing_mode="byok"), name: 1})
    error_of(answer, 422, "INVALID_REQUEST")
    assert lines(account) == []


# Texts


@pytest.mark.parametrize(
    "text",
    ["ключ", "🗝" * 200, "<script>", "' OR 1=1", "#", "%0d%0aSet-Cookie: a=b"],
)
def test_a_reference_and_a_key_may_be_any_text_and_stay_where_they_are(account: Account, text: str) -> None:
    body = asked(account, billing_mode="byok", reference=text, key=text)
    first, again = by_service(account.api, CHARGES, body), by_service(account.api, CHARGES, body)
    assert (first.status_code, again.text) == (201, first.text)
    assert "Set-Cookie" not in first.headers
    assert (first.headers.get("Idempotency-Replayed"), again.headers["Idempotency-Replayed"]) == (None, "true")
    (line,) = account.get("/api/balance/transactions")["transactions"]
    assert line["reference"] == text


@pytest.mark.parametrize("text", ["\r\nSet-Cookie: a=b", "Idempotency-Replayed: true\n", "\x00", "\x1b[2J"])
def test_a_reference_has_no_control_characters_and_a_key_with_some_makes_no_header(account: Account, text: str) -> None:
    refused = by_service(account.api, CHARGES, asked(account, billing_mode="byok", reference=text))
    assert set(error_of(refused, 422, "INVALID_REQUEST")["details"]) == {"reference"}
    body = asked(account, billing_mode="byok", key=text)
    first, again = by_service(account.api, CHARGES, body), by_service(account.api, CHARGES, body)
    assert (first.status_code, again.text) == (201, first.text)
    assert "Set-Cookie" not in first.headers
    assert (first.headers.get("Idempotency-Replayed"), again.headers["Idempotency-Replayed"]) == (None, "true")


@pytest.mark.parametrize("field", ["reference", "idempotency_key", "account_id", "kind", "billing_mode"])
@pytest.mark.parametrize("text", ["\ud800", "a\udfff", "x" * 256, ""])
def test_a_text_that_is_none_or_too_long_is_refused(account: Account, field: str, text: str) -> None:
    answer = by_service(account.api, CHARGES, {**asked(account, billing_mode="byok"), field: text})
    assert set(error_of(answer, 422, "INVALID_REQUEST")["details"]) == {field}
    assert lines(account) == []


@pytest.mark.parametrize("name", ["", "a b", "a#b", "wallet:x\n", "a/b", "é", "x" * 129, "\x00"])
def test_an_account_or_creator_that_can_be_none_is_refused(account: Account, name: str) -> None:
    for body, field in (
        ({**asked(account), "account_id": name}, "account_id"),
        ({**asked(account), "kind": "tool_call", "creator_id": name}, "creator_id"),
    ):
        answer = by_service(account.api, CHARGES, body)
        assert set(error_of(answer, 422, "INVALID_REQUEST")["details"]) == {field}


def test_a_key_in_the_header_of_255_bytes_of_any_kind_is_a_key(account: Account) -> None:
    body: Json = asked(account, billing_mode="byok")
    del body["idempotency_key"]
    for key in ("k" * 255, "é", "a b", '"quoted"'):
        header = {"Idempotency-Key": key.encode().decode("latin-1")}
        assert by_service(account.api, CHARGES, body, headers=header).status_code == 201
        assert by_service(account.api, CHARGES, body, headers=header).headers["Idempotency-Replayed"] == "true"
    too_long = {"Idempotency-Key": "k" * 256}
    error_of(by_service(account.api, CHARGES, body, headers=too_long), 422, "INVALID_REQUEST")


# Other people's things


def test_nothing_is_done_to_anothers_hold_or_charge_by_its_id(
    account: Account, new_account: Callable[[], Account]
) -> None:
    thief = new_account()
    for each in (account, thief):
        deposit(each, 500)
    hold_id, charge_id = held(account), charged(account, 100)["charge_id"]
    error_of(capture(thief, hold_id, key="h"), 404, "HOLD_NOT_FOUND")
    error_of(release(thief, hold_id, key="h"), 404, "HOLD_NOT_FOUND")
    give_back = {"account_id": thief.id, "idempotency_key": "k"}
    answer = by_service(account.api, f"{CHARGES}/{charge_id}/refund", give_back)
    assert answer.status_code == 404
    assert (sums(account), sums(thief)) == ((100, 300), (500, 0))


def test_an_id_of_one_kind_is_none_of_another(account: Account) -> None:
    payment = deposit(account, 500)
    hold_id, charge_id = held(account, 100), charged(account, 100)["charge_id"]
    for other in (charge_id, payment, f"{hold_id}:end", f"{hold_id}%3Aend", hold_id.upper(), f"{hold_id}%20"):
        error_of(capture(account, other, 1), 404, "HOLD_NOT_FOUND")
        error_of(release(account, other), 404, "HOLD_NOT_FOUND")
    give_back = {"account_id": account.id, "idempotency_key": "k"}
    for other in (hold_id, payment, f"{charge_id}:refund", "x"):
        answer = by_service(account.api, f"{CHARGES}/{other}/refund", give_back)
        assert answer.status_code == 404
    assert sums(account) == (300, 100)


def test_a_key_that_looks_like_an_id_meets_nobodys_transfer(account: Account) -> None:
    payment = deposit(account, 500)
    first = charged(account, 10, payment)
    again = charged(account, 10, first["charge_id"])
    assert held(account, 10, first["charge_id"]) != first["charge_id"] != again["charge_id"]
    assert sums(account) == (470, 10)


def test_one_key_in_all_kinds_and_accounts_is_each_its_own(
    account: Account, new_account: Callable[[], Account]
) -> None:
    for each in (account, new_account()):
        deposit(each, 500)
        assert charge(each, 10, "k").status_code == 201
        hold_id = held(each, 20, "k")
        assert hold(each, 20, "k").headers["Idempotency-Replayed"] == "true"
        assert capture(each, hold_id, 20, "k").status_code == 200
        assert sums(each) == (470, 0)
