"""What the API's edge promises to browsers, caches and strangers."""

from __future__ import annotations

import json

import boto3
import pytest

from tests.flows.client import METER, Account, Api

APP = "https://app.aerostack.dev"


def preflight(api: Api, origin: str, method: str = "POST") -> dict[str, str]:
    answer = api.send(
        "OPTIONS",
        "/api/billing/checkout",
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "authorization,content-type,idempotency-key",
        },
    )
    assert answer.status_code == 204
    return {name.lower(): value for name, value in answer.headers.items()}


def test_a_browser_on_the_apps_origin_may_call(api: Api) -> None:
    allowed = preflight(api, APP)
    assert allowed["access-control-allow-origin"] == APP
    assert {"GET", "POST", "PUT", "DELETE"} <= set(allowed["access-control-allow-methods"].split(","))
    headers = allowed["access-control-allow-headers"].lower().split(",")
    assert {"authorization", "content-type", "idempotency-key"} <= set(headers)
    assert "access-control-allow-credentials" not in allowed


@pytest.mark.parametrize("origin", ["https://evil.example", "http://app.aerostack.dev", "null", f"{APP}.evil.example"])
def test_a_browser_elsewhere_may_not(api: Api, account: Account, origin: str) -> None:
    assert "access-control-allow-origin" not in preflight(api, origin)
    answer = account.send("GET", "/api/billing", headers={"Origin": origin})
    assert "access-control-allow-origin" not in answer.headers


def test_a_browser_can_read_answers_refusals_and_the_replay_header(account: Account) -> None:
    own, stranger = (
        account.send("GET", "/api/billing", headers={"Origin": APP}),
        account.api.send("GET", "/api/billing", headers={"Origin": APP}),
    )
    assert (own.status_code, stranger.status_code) == (200, 401)
    for answer in own, stranger:
        assert answer.headers["access-control-allow-origin"] == APP
        assert "idempotency-replayed" in answer.headers["access-control-expose-headers"].lower()


def test_plans_may_be_cached_and_nothing_else(api: Api, account: Account) -> None:
    plans = api.send("GET", "/api/billing/plans")
    assert "public" in plans.headers["Cache-Control"]
    assert "max-age=" in plans.headers["Cache-Control"]
    private = [
        account.send("GET", path)
        for path in ("/api/billing", "/api/billing/usage", "/api/billing/resources", "/api/billing/portal")
    ]
    private += [account.consume(), account.checkout("pro"), account.checkout("free"), account.cancel()]
    assert {answer.headers["Cache-Control"] for answer in private} == {"no-store"}


def test_every_answer_is_json(account: Account) -> None:
    answers = [
        account.send("GET", "/api/billing"),
        account.send("GET", "/api/billing/nothing"),
        account.consume(quantity=0),
        account.api.send("GET", "/api/billing", token="garbage"),
        account.api.send("POST", "/_local/url/StripeWebhookFunction", data="{}"),
    ]
    for answer in answers:
        assert answer.headers["Content-Type"] == "application/json"
        assert isinstance(answer.json(), dict)


def test_a_function_that_breaks_tells_nothing_of_why(api: Api, account: Account) -> None:
    table = api.stack.app.tables["AccountsTable"].name
    broken = {"account_id": {"S": account.id}, "version": {"N": "1"}, "plan": {"M": {"tier": {"S": "gold"}}}}
    boto3.client("dynamodb").put_item(TableName=table, Item=broken)
    answer = account.send("GET", "/api/billing")
    assert (answer.status_code, answer.json()) == (500, {"message": "Internal Server Error"})


def test_a_stripe_failure_tells_no_key_and_no_word_of_stripes(account: Account) -> None:
    account.api.door("stripe/faults", {"on": "customers.create", "kind": "500_before"})
    answer = account.checkout("pro")
    assert answer.status_code == 502
    assert set(answer.json()["error"]) == {"code", "message", "details", "request_id"}
    assert "ordered by a fault" not in answer.text
    assert "stripe" not in answer.text.lower()


@pytest.mark.parametrize("path", ["/api/billing", "/api/billing/plans"])
def test_a_head_request_is_not_served(api: Api, path: str) -> None:
    assert api.send("HEAD", path, token=api.stack.token("acct_head")).status_code == 404


def test_a_header_in_any_case_is_a_header(api: Api, account: Account) -> None:
    body = {"account_id": account.id, "metric": "email_sends"}
    token = api.stack.token("svc", METER)
    sent = {"AUTHORIZATION": f"bearer {token}", "IDEMPOTENCY-KEY": "k"}
    answers = [api.send("POST", "/api/billing/usage/consume", body=body, headers=sent) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[1].headers["Idempotency-Replayed"] == "true"


def test_a_body_sent_under_any_type_is_read_as_json(account: Account) -> None:
    body = json.dumps({"account_id": account.id, "metric": "email_sends"})
    token = account.api.stack.token("svc", METER)
    for kind in ("application/json; charset=utf-8", "text/plain", "application/octet-stream", ""):
        sent = {"Content-Type": kind}
        answer = account.api.send("POST", "/api/billing/usage/consume", data=body, token=token, headers=sent)
        assert answer.status_code == 200
    assert account.usage("email_sends")["used"] == 4
