"""Stripe's webhooks: only Stripe is believed, once, in any order, late or never."""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from collections.abc import Callable, Iterator

import pytest
import requests

from local.values import WEBHOOK_SECRET
from tests.flows.client import DECLINES_LATER, Account, Api, Json, error_of, until

URL = "/_local/url/StripeWebhookFunction"
TOLERANCE_SECONDS = 300
# No slow machine makes up this much between signing and checking.
MARGIN_SECONDS = 60


def signature(payload: bytes, at: int, secret: str = WEBHOOK_SECRET) -> str:
    """The header Stripe-Signature, as Stripe's documentation describes it."""
    digest = hmac.new(secret.encode(), f"{at}.".encode() + payload, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def post(api: Api, payload: bytes, header: str | None, path: str = "") -> requests.Response:
    headers = {} if header is None else {"Stripe-Signature": header}
    return api.send("POST", URL + path, data=payload, headers=headers)


def send(api: Api, event: Json) -> str:
    """Deliver an event as Stripe would; what became of it."""
    payload = json.dumps(event).encode()
    answer = post(api, payload, signature(payload, api.now()))
    assert answer.status_code == 200, answer.text
    assert set(answer.json()) == {"received", "result"}
    return answer.json()["result"]


def event(kind: str = "customer.subscription.updated", **about: object) -> Json:
    """An event with an id that was never seen."""
    return {
        "id": f"evt_{uuid.uuid4().hex}",
        "object": "event",
        "type": kind,
        "created": 1_700_000_000,
        "data": {"object": {"object": kind.split(".")[1], **about}},
    }


@pytest.fixture
def _paused(api: Api) -> Iterator[None]:
    api.door("stripe/webhooks", {"paused": True})
    yield
    api.door("stripe/webhooks", {"paused": False})


@pytest.fixture
def unseen(account: Account, _paused: None) -> Json:
    """A genuine event that would make a plan, and has not arrived."""
    account.pay(account.page("pro"))
    customer = account.customers()[0]["id"]
    return account.api.events("customer.subscription.updated", customer=customer)[0]


# Who is believed


def forged(payload: bytes, now: int) -> list[str | None]:
    good = signature(payload, now)
    return [
        None,
        "",
        "garbage",
        "t=,v1=",
        f"t={now}",
        good.partition(",")[2],
        signature(payload, now, "whsec_other"),
        signature(payload, now, ""),
        signature(payload + b" ", now),
        good.replace("v1=", "v0="),
        good[:-1] + ("0" if good[-1] != "0" else "1"),
        good.replace(f"t={now}", f"t={now + 1}"),
        signature(payload, now - TOLERANCE_SECONDS - MARGIN_SECONDS),
        signature(payload, now + TOLERANCE_SECONDS + MARGIN_SECONDS),
        signature(payload, 0),
        f"t={'9' * 400},v1=00",
        f"t=-1,v1={'0' * 64}",
        f"t=١٢٣,v1={'0' * 64}".encode().decode("latin-1"),
    ]


def test_what_stripe_did_not_sign_a_moment_ago_is_refused_and_writes_nothing(account: Account, unseen: Json) -> None:
    api, payload = account.api, json.dumps(unseen).encode()
    for header in forged(payload, api.now()):
        error_of(post(api, payload, header), 400, "INVALID_SIGNATURE")
    assert account.tier() == "free"
    # Had one of them left a mark, the genuine one would be taken for its duplicate.
    assert send(api, unseen) == "processed"
    assert account.tier() == "pro"


def test_an_altered_byte_is_refused(account: Account, unseen: Json) -> None:
    payload = json.dumps(unseen).encode()
    header = signature(payload, account.api.now())
    for altered in (payload.replace(b"evt_", b"evt-"), payload + b"\n", payload[:-1], b"", b"\xff" + payload):
        error_of(post(account.api, altered, header), 400, "INVALID_SIGNATURE")
    assert account.tier() == "free"


def test_a_signature_is_good_for_five_minutes_of_the_stacks_time(account: Account, unseen: Json) -> None:
    api, payload = account.api, json.dumps(unseen).encode()
    header = signature(payload, api.now() - TOLERANCE_SECONDS + MARGIN_SECONDS)
    api.advance(minutes=2)
    error_of(post(api, payload, header), 400, "INVALID_SIGNATURE")
    # Under an id of its own: the reconciler may have run in these minutes, and taken in what Stripe made.
    payload = json.dumps({**unseen, "id": f"evt_{uuid.uuid4().hex}"}).encode()
    fresh = signature(payload, api.now() - TOLERANCE_SECONDS + MARGIN_SECONDS)
    assert post(api, payload, fresh).json()["result"] == "processed"


def test_one_good_signature_among_others_is_enough(account: Account, unseen: Json) -> None:
    payload = json.dumps(unseen).encode()
    header = f"{signature(payload, account.api.now())},v1={'0' * 64},v0=old"
    assert post(account.api, payload, header).json()["result"] == "processed"


def test_the_raw_bytes_are_what_is_signed(account: Account, unseen: Json) -> None:
    payload = json.dumps(unseen, indent=7, ensure_ascii=False).encode() + b"\n\n"
    assert post(account.api, payload, signature(payload, account.api.now())).json()["result"] == "processed"


def test_the_function_url_takes_a_path_below_it(account: Account, unseen: Json) -> None:
    payload = json.dumps(unseen).encode()
    assert post(account.api, payload, signature(payload, account.api.now()), "/stripe").status_code == 200


# Once


def test_an_event_takes_effect_once(account: Account, unseen: Json) -> None:
    assert [send(account.api, unseen) for _ in range(3)] == ["processed", "duplicate", "duplicate"]
    assert account.tier() == "pro"


def test_an_event_sent_again_after_its_time_undoes_nothing(account: Account) -> None:
    account.buy("starter")
    customer = account.customers()[0]["id"]
    account.api.deliver()
    account.confirm("business")
    account.cancel()
    account.api.deliver()
    before = account.billing()
    for old in account.api.events("customer.subscription.created", customer=customer) + account.api.events(
        "invoice.paid", customer=customer
    ):
        account.api.door(f"stripe/events/{old['id']}/resend", {})
        send(account.api, {**old, "id": f"evt_{uuid.uuid4().hex}"})
    assert account.billing() == before


def test_an_event_that_lies_about_the_plan_is_not_believed(account: Account) -> None:
    account.buy("starter")
    account.api.deliver()
    customer = account.customers()[0]["id"]
    found = account.api.events("customer.subscription.created", customer=customer)[0]
    found["id"] = f"evt_{uuid.uuid4().hex}"
    found["data"]["object"]["items"]["data"][0]["price"]["lookup_key"] = "business_yearly"
    found["data"]["object"]["metadata"]["account_id"] = "acct_other"
    assert send(account.api, found) == "processed"
    assert account.tier() == "starter"


# Late or never


@pytest.mark.usefixtures("_paused")
def test_events_that_were_held_back_arrive_later(account: Account) -> None:
    account.pay(account.page("pro"))
    assert account.tier() == "free"
    account.api.door("stripe/webhooks", {"paused": False})
    until(lambda: account.tier() == "pro")


@pytest.mark.usefixtures("_paused")
def test_any_one_event_of_a_purchase_makes_the_plan(account: Account) -> None:
    account.pay(account.page("pro"))
    customer = account.customers()[0]["id"]
    resent = account.api.events("invoice.paid", customer=customer)[0]
    assert account.api.door(f"stripe/events/{resent['id']}/resend", {})["status"] == 200
    assert account.tier() == "pro"


def test_a_purchase_whose_events_were_lost_is_found_on_return(account: Account) -> None:
    account.api.door("stripe/webhooks", {"drop": True})
    try:
        session = account.pay(account.page("pro"))
    finally:
        account.api.door("stripe/webhooks", {"drop": False})
    account.api.deliver()
    assert account.tier() == "free"
    assert account.verify(session).json()["plan_tier"] == "pro"


def test_an_end_whose_events_were_lost_is_found_without_them(account: Account) -> None:
    account.buy("pro")
    account.in_portal(action="update_card", card=DECLINES_LATER)
    account.api.door("stripe/webhooks", {"drop": True})
    try:
        account.api.advance(days=50)
    finally:
        account.api.door("stripe/webhooks", {"drop": False})
    assert account.tier() == "free"


def test_the_events_of_an_upgrade_in_reverse_end_the_same(account: Account, new_account: Callable[[], Account]) -> None:
    api = account.api
    api.door("stripe/webhooks", {"drop": True})
    try:
        account.pay(account.page("starter"))
        customer = account.customers()[0]["id"]
    finally:
        api.door("stripe/webhooks", {"drop": False})
    mine = [e for e in api.door("stripe/events")["data"] if e["data"]["object"].get("customer") == customer]
    for newest_first in mine:
        send(api, newest_first)
    found = account.billing()
    assert (found["plan_tier"], found["status"]) == ("starter", "active")


def test_an_event_that_could_not_be_processed_is_sent_again_and_then_takes_effect(account: Account) -> None:
    api = account.api
    api.door("stripe/webhooks", {"drop": True})
    try:
        account.pay(account.page("pro"))
    finally:
        api.door("stripe/webhooks", {"drop": False})
    customer = account.customers()[0]["id"]
    paid = api.events("invoice.paid", customer=customer)[0]
    payload = json.dumps(paid).encode()
    api.deliver()
    api.door("stripe/faults", {"on": "subscriptions.list", "kind": "timeout_before", "times": 3})
    error_of(post(api, payload, signature(payload, api.now())), 500, "SEND_AGAIN")
    assert account.tier() == "free"
    assert send(api, paid) == "processed"
    assert account.tier() == "pro"


# What is no business of ours, and what can never be processed


@pytest.mark.parametrize("kind", ["charge.expired", "something.new", "plan.created", "", "customer.subscription"])
def test_an_unknown_type_is_ignored(api: Api, kind: str) -> None:
    unknown = {**event(), "type": kind}
    assert [send(api, unknown), send(api, unknown)] == ["ignored", "duplicate"]


@pytest.mark.parametrize("customer", ["cus_unknown", None, "cus_" + "x" * 200])
def test_an_object_that_is_not_ours_is_ignored(api: Api, customer: str | None) -> None:
    assert send(api, event(customer=customer)) == "ignored"


def test_a_customer_that_only_claims_to_be_the_accounts_is_ignored(account: Account) -> None:
    account.buy("starter")
    account.api.deliver()
    impostor = account.api.stripe("customers", "POST", **{"metadata[account_id]": account.id})
    try:
        assert send(account.api, event(customer=impostor["id"])) == "ignored"
    finally:
        account.api.stripe(f"customers/{impostor['id']}", "POST", **{"metadata[account_id]": ""})


@pytest.mark.parametrize("customer", [7, ["cus_1"], True, {"id": 5}, "", "../charges", "a b", "é", "x" * 500])
@pytest.mark.parametrize("kind", ["customer.subscription.updated", "invoice.paid", "checkout.session.completed"])
def test_a_malformed_object_of_a_handled_type_is_dead_and_not_sent_again(api: Api, kind: str, customer: object) -> None:
    malformed = event(kind, customer=customer)
    assert [send(api, malformed), send(api, malformed)] == ["dead", "duplicate"]


@pytest.mark.parametrize("payload", [b"", b"not json", b"[" * 50_000])
def test_a_signed_body_that_is_no_json_is_refused(api: Api, payload: bytes) -> None:
    error_of(post(api, payload, signature(payload, api.now())), 400, "INVALID_JSON")


@pytest.mark.parametrize(
    ("payload", "result"),
    [
        ([], "ignored"),
        (None, "ignored"),
        ({}, "ignored"),
        ({"id": "evt_1"}, "ignored"),
        ({"id": "evt_thin", "object": "v2.core.event", "type": "v2.core.account.created"}, "ignored"),
        ({"id": 5, "type": "invoice.paid", "created": 1, "data": {"object": {}}}, "dead"),
        ({"id": "x" * 5_000, "type": "invoice.paid", "created": 1, "data": {"object": {}}}, "dead"),
        ({"id": "evt_\ud800", "type": "invoice.paid", "created": 1, "data": {"object": {}}}, "dead"),
        ({"id": "evt_1", "type": "invoice.paid", "created": 1, "data": {"object": []}}, "dead"),
        ({"id": "evt_2", "type": "invoice.paid", "created": 1, "data": []}, "dead"),
    ],
)
def test_what_is_no_whole_event_is_judged_by_its_type_and_not_sent_again(
    api: Api, payload: object, result: str
) -> None:
    body = json.dumps(payload).encode()
    answers = [post(api, body, signature(body, api.now())) for _ in range(2)]
    assert [(answer.status_code, answer.json()["result"]) for answer in answers] == [(200, result), (200, "duplicate")]


@pytest.mark.parametrize("header", ["é", "t=1,v1=é", "t=²,v1=00"])
def test_a_signature_that_is_not_ascii_is_a_forgery_like_any_other(api: Api, header: str) -> None:
    error_of(post(api, b"{}", header.encode().decode("latin-1")), 400, "INVALID_SIGNATURE")


def test_a_webhook_is_a_post(api: Api) -> None:
    for method in ("GET", "PUT", "DELETE", "OPTIONS"):
        assert api.send(method, URL).status_code == 400
