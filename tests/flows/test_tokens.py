"""Who may call what: the token alone says whose account it is, and service routes ask for their scope."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.flows.client import Account, Api, Json, error_of

USER_ROUTES = [
    ("GET", "/api/billing"),
    ("GET", "/api/billing/usage"),
    ("GET", "/api/billing/resources"),
    ("POST", "/api/billing/checkout"),
    ("GET", "/api/billing/verify-session?session_id=cs_x"),
    ("POST", "/api/billing/cancel"),
    ("POST", "/api/billing/resume"),
    ("GET", "/api/billing/portal"),
]
METER_ROUTES = [
    ("POST", "/api/billing/usage/consume"),
    ("POST", "/api/billing/usage/batch"),
    ("POST", "/api/billing/usage/leases"),
    ("POST", "/api/billing/usage/leases/lease_1/settle"),
    ("PUT", "/api/billing/resources/projects/p"),
    ("DELETE", "/api/billing/resources/projects/p?account_id=a"),
]

Mint = Callable[..., str]


@pytest.fixture
def claims(api: Api) -> Json:
    """The claims of a token that the stack takes."""
    return jwt.decode(api.stack.token("acct_forged"), options={"verify_signature": False})


@pytest.fixture
def signed(api: Api) -> Mint:
    """Signs claims with the stack's own key."""

    def sign(claims: Json, **headers: str) -> str:
        key = api.stack.key
        return jwt.encode(claims, key.private, algorithm="RS256", headers={"kid": key.key_id, **headers})

    return sign


def assert_unauthorized(api: Api, token: str | None) -> None:
    answer = api.send("GET", "/api/billing", token=token)
    assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorized"})
    assert "www-authenticate" in answer.headers


def by_hand(header: Json, claims: Json, sign: Callable[[bytes], bytes]) -> str:
    """A token that no library would make."""

    def part(value: bytes) -> str:
        return base64.urlsafe_b64encode(value).rstrip(b"=").decode()

    body = f"{part(json.dumps(header).encode())}.{part(json.dumps(claims).encode())}"
    return f"{body}.{part(sign(body.encode()))}"


# Tokens that are refused


@pytest.mark.parametrize(("method", "path"), USER_ROUTES + METER_ROUTES)
def test_no_route_is_open_without_a_token(api: Api, method: str, path: str) -> None:
    answer = api.send(method, path, body={})
    assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorized"})


@pytest.mark.parametrize("token", ["garbage", "a.b.c", "", "null", "e30.e30.", "🗝".encode().decode("latin-1")])
def test_garbage_is_refused(api: Api, token: str) -> None:
    assert_unauthorized(api, token)


@pytest.mark.parametrize("scheme", ["Basic", "Token", "Bearer Bearer"])
def test_another_scheme_is_refused(api: Api, account: Account, scheme: str) -> None:
    answer = api.send("GET", "/api/billing", headers={"Authorization": f"{scheme} {account.token}"})
    assert answer.status_code == 401


def test_a_token_that_the_stack_takes_is_taken(api: Api, claims: Json, signed: Mint) -> None:
    assert api.send("GET", "/api/billing", token=signed(claims)).status_code == 200


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "another-api"},
        {"aud": ["another-api"]},
        {"aud": None},
        {"iss": "https://evil.example"},
        {"iss": "https://auth.aerostack.local/"},
        {"iss": None},
        {"exp": 1_600_000_000},
        {"exp": None},
        {"nbf": 4_000_000_000},
        {"iat": 4_000_000_000},
        {"sub": None},
        {"sub": ""},
    ],
)
def test_a_claim_that_does_not_hold_is_refused(api: Api, claims: Json, signed: Mint, changed: Json) -> None:
    claims.update(changed)
    assert_unauthorized(api, signed({name: value for name, value in claims.items() if value is not None}))


@pytest.mark.parametrize("sub", ["a b", "a#b", "x" * 129, ".", "é"])
def test_a_subject_that_can_be_no_account_is_refused(api: Api, claims: Json, signed: Mint, sub: str) -> None:
    error_of(api.send("GET", "/api/billing", token=signed({**claims, "sub": sub})), 401, "UNAUTHORIZED")


def test_a_token_expires_by_the_stacks_clock(api: Api, account: Account) -> None:
    token = api.stack.token(account.id, expires_in_seconds=3_600)
    assert api.send("GET", "/api/billing", token=token).status_code == 200
    api.advance(days=1)
    assert_unauthorized(api, token)


def test_a_token_without_a_signature_is_refused(api: Api, claims: Json) -> None:
    for algorithm in ("none", "None", "NONE"):
        header = {"alg": algorithm, "typ": "JWT", "kid": api.stack.key.key_id}
        assert_unauthorized(api, by_hand(header, claims, lambda _: b""))


@pytest.mark.parametrize("encoding", [serialization.Encoding.PEM, serialization.Encoding.DER])
def test_the_public_key_is_no_secret_to_sign_with(api: Api, claims: Json, encoding: serialization.Encoding) -> None:
    public = api.stack.key.public.public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)
    header = {"alg": "HS256", "typ": "JWT", "kid": api.stack.key.key_id}
    token = by_hand(header, claims, lambda body: hmac.new(public, body, hashlib.sha256).digest())
    assert_unauthorized(api, token)


def test_another_key_is_refused_also_under_the_right_keys_name(api: Api, claims: Json) -> None:
    foreign = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert_unauthorized(api, jwt.encode(claims, foreign, algorithm="RS256", headers={"kid": api.stack.key.key_id}))


def test_a_key_that_is_not_the_issuers_is_refused(api: Api, claims: Json, signed: Mint) -> None:
    assert_unauthorized(api, signed(claims, kid="another"))


def test_an_altered_claim_is_refused(api: Api, claims: Json, signed: Mint) -> None:
    header, _, signature = signed(claims).split(".")
    forged = by_hand({}, {**claims, "sub": "acct_victim"}, lambda _: b"").split(".")[1]
    assert_unauthorized(api, f"{header}.{forged}.{signature}")


# Scopes


@pytest.mark.parametrize("scopes", ["", "billing:charge", "billing", "billing:meter:read", "BILLING:METER"])
@pytest.mark.parametrize(("method", "path"), METER_ROUTES)
def test_a_service_route_asks_for_its_scope(api: Api, account: Account, method: str, path: str, scopes: str) -> None:
    body = {"account_id": account.id, "metric": "api_requests"}
    answer = api.send(method, path, body=body, token=api.stack.token(account.id, scopes))
    assert (answer.status_code, answer.json()) == (403, {"message": "Forbidden"})
    assert account.usage("api_requests")["used"] == 0


def test_one_scope_among_others_is_enough(api: Api, account: Account) -> None:
    token = api.stack.token("svc", "billing:charge billing:meter")
    body = {"account_id": account.id, "metric": "api_requests"}
    assert api.send("POST", "/api/billing/usage/consume", body=body, token=token).status_code == 200


# Whose account


@pytest.mark.parametrize("query", ["?account_id={0}", "?sub={0}", "?account={0}"])
def test_a_token_shows_its_own_account_only_whatever_the_query_says(api: Api, account: Account, query: str) -> None:
    account.buy("pro")
    for token in api.stack.token("svc_gateway", "billing:meter"), api.stack.token("acct_curious"):
        for path in ("/api/billing", "/api/billing/usage", "/api/billing/resources"):
            found = api.send("GET", path + query.format(account.id), token=token).json()
            assert found.get("plan_tier", found.get("tier")) == "free"
            assert account.id not in json.dumps(found)


@pytest.mark.parametrize("route", ["cancel", "resume"])
def test_an_act_on_a_plan_is_on_ones_own_whatever_the_body_says(
    api: Api, account: Account, new_account: Callable[[], Account], route: str
) -> None:
    account.buy("pro")
    other = new_account()
    answer = other.send("POST", f"/api/billing/{route}?account_id={account.id}", {"account_id": account.id})
    assert answer.status_code == 409
    assert account.billing()["cancel_at_period_end"] is False


def test_a_checkout_that_names_an_account_is_refused(account: Account, new_account: Callable[[], Account]) -> None:
    answer = new_account().checkout("pro", account_id=account.id)
    assert set(error_of(answer, 422, "INVALID_REQUEST")["details"]) == {"account_id"}


def test_plans_are_public_and_take_no_notice_of_a_token(api: Api) -> None:
    found = api.send("GET", "/api/billing/plans")
    assert found.status_code == 200
    assert api.send("GET", "/api/billing/plans", token="garbage").json() == found.json()
