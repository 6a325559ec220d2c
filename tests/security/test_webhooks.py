"""Webhooks that are replayed, altered, or lie: who signs them is checked, what they say is asked of Stripe."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Callable

import pytest

from local.values import WEBHOOK_SECRET
from tests.flows.client import Account, Api, Json, error_of
from tests.flows.test_webhooks import URL, post, send, signature
from tests.security.people import Rich, deposit, new_account

FUNCTION_URL_BYTES = 6 * 1024 * 1024


@pytest.fixture(scope="module")
def victim(api: Api) -> Rich:
    return Rich.make(api)


def credit(api: Api, account: Account) -> Json:
    """The event that told of an account's deposit."""
    customer = account.customers()[0]["id"]
    return api.events("payment_intent.succeeded", customer=customer)[0]


def assert_unchanged(victim: Rich, act: Callable[[], object]) -> None:
    before = victim.state()
    act()
    assert victim.state() == before


def test_a_delivery_that_was_overheard_credits_nothing_a_second_time(api: Api, victim: Rich) -> None:
    payload = json.dumps(credit(api, victim.account)).encode()
    header = signature(payload, api.now())

    def replay() -> None:
        for _ in range(5):
            assert post(api, payload, header).json() == {"received": True, "result": "duplicate"}

    assert_unchanged(victim, replay)


def test_a_deposit_told_again_under_other_names_is_credited_once(api: Api, victim: Rich) -> None:
    body = credit(api, victim.account)

    def repeat() -> None:
        for kind in ("payment_intent.succeeded", "payment_intent.payment_failed"):
            send(api, {**body, "id": f"evt_{uuid.uuid4().hex}", "type": kind})

    assert_unchanged(victim, repeat)


@pytest.mark.parametrize(
    "lie",
    [
        {"amount": 5_000_000, "amount_received": 5_000_000},
        {"metadata": {"account_id": "acct_thief", "kind": "deposit"}},
        {"currency": "jpy"},
        {"status": "succeeded", "id": "pi_made_up"},
    ],
)
def test_even_with_the_secret_an_event_that_lies_moves_no_money(api: Api, victim: Rich, lie: Json) -> None:
    body = credit(api, victim.account)
    thief = Account(api, "acct_thief")
    body["id"] = f"evt_{uuid.uuid4().hex}"
    body["data"]["object"].update(lie)
    assert_unchanged(victim, lambda: send(api, body))
    assert thief.get("/api/balance")["balance_micros"] == 0


def test_even_with_the_secret_a_payment_that_never_was_credits_nobody(api: Api) -> None:
    account = new_account(api)
    page = account.send("POST", "/api/balance/deposit", {"amount_cents": 500, **_back()}).json()["url"]
    session_id = page.rpartition("/")[2]
    session = {
        "object": "checkout.session",
        "id": session_id,
        "customer": account.customers()[0]["id"],
        "payment_status": "paid",
        "status": "complete",
        "amount_total": 50_000,
        "client_reference_id": account.id,
        "metadata": {"account_id": account.id, "kind": "deposit"},
        "mode": "payment",
        "payment_intent": "pi_made_up",
    }
    for kind in ("checkout.session.completed", "checkout.session.async_payment_succeeded"):
        event = {"id": f"evt_{uuid.uuid4().hex}", "object": "event", "type": kind, "created": 1_700_000_000}
        send(api, {**event, "data": {"object": session}})
    assert account.get("/api/balance")["balance_micros"] == 0


def test_a_signature_holds_for_its_very_bytes(api: Api, victim: Rich) -> None:
    body = credit(api, victim.account)
    payload = json.dumps(body).encode()
    header = signature(payload, api.now())
    same_meaning = [
        json.dumps(body, separators=(",", ":")).encode(),
        json.dumps(body, sort_keys=True).encode(),
        json.dumps(body, indent=1).encode(),
        b"\xef\xbb\xbf" + payload,
        payload.decode().encode("utf-16"),
        base64.b64encode(payload),
        payload.replace(b'"id": "evt_', b'"id": "evt_0", "id": "evt_', 1),
    ]
    for altered in same_meaning:
        assert altered != payload
        error_of(post(api, altered, header), 400, "INVALID_SIGNATURE")


def test_a_signature_is_not_lent_to_another_moment_or_event(api: Api, victim: Rich) -> None:
    payload = json.dumps(credit(api, victim.account)).encode()
    other = json.dumps({**json.loads(payload), "id": "evt_other"}).encode()
    now = api.now()
    mine, theirs = signature(payload, now), signature(other, now)
    for header in (
        f"t={now},{theirs.partition(',')[2]}",
        f"{theirs},{mine.partition(',')[0]}",
        f"t={now - 1},t={now},v1={'0' * 64}",
        mine.replace("v1=", "v1 ="),
        mine.replace(f"t={now}", f"t={now}.0"),
        mine + "0",
        mine.upper(),
        f"{mine.partition(',')[0]},v1=",
        f"{mine.partition(',')[0]},v1={WEBHOOK_SECRET}",
    ):
        error_of(post(api, payload, header), 400, "INVALID_SIGNATURE")


def test_a_compressed_body_is_taken_as_the_bytes_it_is(api: Api) -> None:
    answer = api.send(
        "POST",
        URL,
        data=b"\x1f\x8b\x08\x00",
        headers={"Stripe-Signature": "t=1,v1=00", "Content-Encoding": "gzip"},
    )
    error_of(answer, 400, "INVALID_SIGNATURE")


def test_a_body_of_megabytes_is_refused_before_it_is_read(api: Api) -> None:
    payload = b" " * (FUNCTION_URL_BYTES + 1)
    assert post(api, payload, signature(payload, api.now())).status_code == 413
    large = b" " * (FUNCTION_URL_BYTES // 2)
    error_of(post(api, large, "t=1,v1=00"), 400, "INVALID_SIGNATURE")


def test_a_deposit_is_credited_here_at_all(api: Api) -> None:
    account = new_account(api)
    deposit(account)
    assert account.get("/api/balance")["balance_cents"] == 500


def _back() -> Json:
    return {"success_url": "https://app.aerostack.dev/", "cancel_url": "https://app.aerostack.dev/"}
