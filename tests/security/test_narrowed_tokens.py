"""A service's token that is narrowed does what it is for, and nothing else; a caller that is blocked does nothing."""

from __future__ import annotations

import pytest

from aerostack_billing.assembly import runtime
from tests.flows.client import Account, Api, Json
from tests.security.people import SERVICE, deposit, new_account

CONSUME, BATCH = "/api/billing/usage/consume", "/api/billing/usage/batch"
LEASES = "/api/billing/usage/leases"
CHARGES, HOLDS = "/api/balance/charges", "/api/balance/holds"


def ask(api: Api, claims: Json, method: str, path: str, body: object = None) -> tuple[int, Json]:
    token = api.stack.token("svc_narrow", SERVICE, claims=claims)
    answer = api.send(method, path, body=body, token=token)
    return answer.status_code, answer.json()


def code(answer: tuple[int, Json]) -> tuple[int, str]:
    return answer[0], answer[1]["error"]["code"]


RESTRICTED = (403, "TOKEN_RESTRICTED")


@pytest.fixture
def funded(api: Api) -> Account:
    account = new_account(api)
    deposit(account, 2_000)
    return account


def charge(account: Account, **more: object) -> Json:
    return {
        "account_id": account.id,
        "kind": "bot_conversation",
        "amount_cents": 10,
        "billing_mode": "wallet",
        "idempotency_key": f"k{len(str(more))}{more}",
        **more,
    }


def test_a_token_for_some_accounts_reaches_no_other_by_any_route(api: Api, funded: Account) -> None:
    for claims in ({"billing_accounts": "acct_nobody team_"}, {"billing_accounts": ["team_", "org_"]}):
        named = {"account_id": funded.id}
        metered = {**named, "metric": "api_requests"}
        hold = {**named, "kind": "agent_execution", "amount_cents": 10, "idempotency_key": "h"}
        key = {**named, "idempotency_key": "k"}
        for method, path, body in (
            ("POST", CONSUME, metered),
            ("POST", LEASES, {**metered, "quantity": 1, "ttl_seconds": 60}),
            (
                "POST",
                f"{LEASES}/lease.2026-03.api_requests.1.1.{'0' * 16}/settle",
                {**named, "used": 0},
            ),
            ("PUT", "/api/billing/resources/projects/p", named),
            ("DELETE", f"/api/billing/resources/projects/p?account_id={funded.id}", None),
            ("POST", CHARGES, charge(funded)),
            ("POST", f"{CHARGES}/ch_{'0' * 40}/refund", key),
            ("POST", HOLDS, hold),
            ("POST", f"{HOLDS}/hold_{'0' * 40}/capture", {**key, "amount_cents": 1}),
            ("POST", f"{HOLDS}/hold_{'0' * 40}/release", key),
            ("GET", f"/api/operators/accounts/{funded.id}/timeline", None),
        ):
            assert code(ask(api, claims, method, path, body)) == RESTRICTED, path
        status, answer = ask(api, claims, "POST", BATCH, {"events": [metered, metered]})
        assert status == 200
        assert [result["error"]["code"] for result in answer["results"]] == ["TOKEN_RESTRICTED"] * 2
    assert funded.usage("api_requests")["used"] == 0
    assert ask(api, {"billing_accounts": funded.id[:8]}, "POST", CONSUME, metered)[0] == 200


def test_a_token_for_some_kinds_charges_and_holds_no_other(api: Api, funded: Account) -> None:
    claims = {"billing_kinds": ["agent_execution"]}
    assert code(ask(api, claims, "POST", CHARGES, charge(funded))) == RESTRICTED
    hold = {"account_id": funded.id, "kind": "bot_conversation", "amount_cents": 10, "idempotency_key": "h"}
    assert code(ask(api, claims, "POST", HOLDS, hold)) == RESTRICTED
    assert ask(api, claims, "POST", CHARGES, charge(funded, kind="agent_execution"))[0] == 201
    taken = ask(api, {}, "POST", HOLDS, hold)[1]["hold_id"]
    captured = {"account_id": funded.id, "amount_cents": 10, "idempotency_key": "c"}
    assert code(ask(api, claims, "POST", f"{HOLDS}/{taken}/capture", captured)) == RESTRICTED
    assert ask(api, {"billing_kinds": "bot_conversation"}, "POST", f"{HOLDS}/{taken}/capture", captured)[0] == 200


def test_a_token_takes_no_more_at_once_than_it_says(api: Api, funded: Account) -> None:
    claims = {"billing_max_charge_cents": 50}
    assert code(ask(api, claims, "POST", CHARGES, charge(funded, amount_cents="50.0001"))) == RESTRICTED
    assert ask(api, claims, "POST", CHARGES, charge(funded, amount_cents=50))[0] == 201
    usage = {"model": "gpt-4o", "input_tokens": 1_000_000, "output_tokens": 0}
    priced = {name: value for name, value in charge(funded, key="u").items() if name not in {"amount_cents", "key"}}
    assert code(ask(api, claims, "POST", CHARGES, {**priced, "usage": usage})) == RESTRICTED
    hold = {"account_id": funded.id, "kind": "agent_execution", "amount_cents": 51, "idempotency_key": "h"}
    assert code(ask(api, claims, "POST", HOLDS, hold)) == RESTRICTED


@pytest.mark.parametrize("claims", [{"billing_kinds": "tool_call"}, {"billing_max_charge_cents": "100"}])
def test_a_token_undoes_nothing_that_it_could_not_have_done(api: Api, funded: Account, claims: Json) -> None:
    """Whoever gives another's charges back has had the work for nothing, and who releases holds stops its payment."""
    made = ask(api, {}, "POST", CHARGES, charge(funded, kind="agent_execution", amount_cents=101))[1]["charge_id"]
    refund = {"account_id": funded.id, "idempotency_key": "r"}
    assert code(ask(api, claims, "POST", f"{CHARGES}/{made}/refund", refund)) == RESTRICTED
    hold = {"account_id": funded.id, "kind": "agent_execution", "amount_cents": 101, "idempotency_key": "h"}
    taken = ask(api, {}, "POST", HOLDS, {**hold, "ttl_seconds": 60})[1]["hold_id"]
    extend = {**refund, "ttl_seconds": 60}
    assert code(ask(api, claims, "POST", f"{HOLDS}/{taken}/extend", extend)) == RESTRICTED
    assert code(ask(api, claims, "POST", f"{HOLDS}/{taken}/release", refund)) == RESTRICTED
    nothing = {"account_id": funded.id, "amount_cents": 0, "idempotency_key": "nothing"}
    assert code(ask(api, claims, "POST", f"{HOLDS}/{taken}/capture", nothing)) == RESTRICTED
    api.advance(minutes=5)
    assert code(ask(api, claims, "POST", f"{HOLDS}/{taken}/release", refund)) == RESTRICTED
    captured = {"account_id": funded.id, "amount_cents": 101, "idempotency_key": "c"}
    assert ask(api, {}, "POST", f"{HOLDS}/{taken}/capture", captured)[0] == 200
    assert ask(api, {}, "POST", f"{CHARGES}/{made}/refund", refund)[0] == 200


@pytest.mark.parametrize(
    "claims",
    [{"billing_kinds": 7}, {"billing_kinds": {}}, {"billing_accounts": ""}, {"billing_max_charge_cents": "-1"}],
)
def test_a_claim_that_cannot_be_read_allows_nothing(api: Api, funded: Account, claims: Json) -> None:
    assert code(ask(api, claims, "POST", CHARGES, charge(funded))) == RESTRICTED


def test_a_blocked_caller_is_refused_on_every_route_of_services_and_no_other_is(api: Api, funded: Account) -> None:
    metered = {"account_id": funded.id, "metric": "api_requests"}
    callers = runtime.current().callers
    callers.block("svc_narrow")
    runtime.reset()
    try:
        for path, body in ((CONSUME, metered), (CHARGES, charge(funded)), (BATCH, {"events": [metered]})):
            assert code(ask(api, {}, "POST", path, body)) == (403, "CALLER_BLOCKED")
        other = api.stack.token("svc_other", SERVICE)
        assert api.send("POST", CONSUME, body=metered, token=other).status_code == 200
    finally:
        callers.unblock("svc_narrow")
        runtime.reset()
    assert ask(api, {}, "POST", CONSUME, metered)[0] == 200
