"""Tokens that try to say who their key is, that come by another way, or that claim more than one thing."""

from __future__ import annotations

import base64
import json
import socket

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.flows.client import Account, Api, Json
from tests.security.people import new_account

PATH = "/api/billing"
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@pytest.fixture(scope="module")
def foreign() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def claims(api: Api) -> Json:
    return jwt.decode(api.stack.token("acct_forged"), options={"verify_signature": False})


def signed(api: Api, claims: Json, key: Key | None = None, algorithm: str = "RS256", **header: object) -> str:
    signing = api.stack.key
    found = {"kid": signing.key_id, **header}
    return jwt.encode(claims, key or signing.private, algorithm=algorithm, headers=found)


def assert_refused(api: Api, token: str) -> None:
    answer = api.send("GET", PATH, token=token)
    assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorized"})


def test_the_tokens_here_would_be_taken_if_nothing_were_wrong(api: Api, claims: Json) -> None:
    assert api.send("GET", PATH, token=signed(api, claims)).status_code == 200


def test_a_token_cannot_bring_its_own_key(api: Api, claims: Json, foreign: rsa.RSAPrivateKey) -> None:
    own: Json = jwt.algorithms.RSAAlgorithm.to_jwk(foreign.public_key(), as_dict=True)
    for header in (
        {"jwk": own},
        {"jku": "https://evil.example/jwks.json"},
        {"x5u": "https://evil.example/cert.pem"},
        {"jwk": {**own, "kid": api.stack.key.key_id}, "jku": "https://evil.example/"},
    ):
        assert_refused(api, signed(api, claims, foreign, **header))


@pytest.mark.parametrize("kid", ["../../../../dev/null", "' OR '1'='1", "/proc/self/environ", "", "a" * 5_000, "\0"])
def test_a_key_id_is_a_name_and_not_a_path_or_a_query(api: Api, claims: Json, kid: str) -> None:
    assert_refused(api, signed(api, claims, kid=kid))


@pytest.mark.parametrize("algorithm", ["RS384", "RS512", "PS256"])
def test_another_algorithm_is_refused_even_with_the_right_key(api: Api, claims: Json, algorithm: str) -> None:
    assert_refused(api, signed(api, claims, algorithm=algorithm))


def test_an_algorithm_of_another_family_is_refused(api: Api, claims: Json) -> None:
    assert_refused(api, signed(api, claims, ec.generate_private_key(ec.SECP256R1()), "ES256"))


def test_what_is_signed_is_what_counts(api: Api, claims: Json) -> None:
    header, payload, signature = signed(api, claims).split(".")
    for altered in (
        f"{header}.{payload}.",
        f"{header}.{payload}",
        f"{header}.{payload}.{signature}.",
        f"{header}.{payload}.{signature[:-8]}",
        f"{header}.{payload}A.{signature}",
        f"{header}..{signature}",
        f".{payload}.{signature}",
        f"{header}.{payload}.{signature}.{payload}.{signature}",
    ):
        assert_refused(api, altered)


def test_a_payload_that_is_no_object_of_claims_is_refused(api: Api) -> None:
    signing = jwt.PyJWS()
    headers = {"kid": api.stack.key.key_id}
    for payload in (b"[]", b"null", b'"acct_forged"', b"not json", b"", b"\xff"):
        assert_refused(api, signing.encode(payload, api.stack.key.private, "RS256", headers))


@pytest.mark.parametrize("subject", [7, True, ["acct_victim"], {"id": "acct_victim"}])
def test_a_subject_is_one_text(api: Api, claims: Json, subject: object) -> None:
    token = jwt.PyJWS().encode(
        json.dumps({**claims, "sub": subject}).encode(),
        api.stack.key.private,
        "RS256",
        {"kid": api.stack.key.key_id},
    )
    assert api.send("GET", PATH, token=token).status_code == 401


@pytest.mark.parametrize("place", ["query", "cookie", "body", "x-header"])
def test_a_token_is_taken_from_its_header_only(api: Api, place: str) -> None:
    token = api.stack.token("acct_elsewhere")
    path = f"{PATH}?access_token={token}&Authorization=Bearer%20{token}" if place == "query" else PATH
    headers = {
        "cookie": {"Cookie": f"Authorization={token}; access_token={token}"},
        "x-header": {"X-Authorization": f"Bearer {token}", "Proxy-Authorization": f"Bearer {token}"},
    }.get(place, {})
    body = {"access_token": token, "authorization": f"Bearer {token}"} if place == "body" else None
    assert api.send("GET", path, headers=headers, body=body).status_code == 401


def test_two_tokens_in_one_request_are_none(api: Api) -> None:
    tokens = [api.stack.token(name) for name in ("acct_a", "acct_b")]
    head = "".join(f"Authorization: Bearer {token}\r\n" for token in tokens)
    with socket.create_connection(("127.0.0.1", api.stack.port)) as connection:
        connection.sendall(f"GET {PATH} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{head}\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 401 ")


def test_scopes_outside_the_scope_claim_open_nothing(api: Api, claims: Json) -> None:
    account = new_account(api)
    body = {"account_id": account.id, "metric": "email_sends"}
    for more in (
        {"scopes": "billing:meter"},
        {"permissions": ["billing:meter"]},
        {"roles": ["billing:meter"]},
        {"scope": "openid", "scp": "billing:meter"},
        {"scope": {"billing:meter": True}},
        {"scope": "billing:meterx xbilling:meter billing:*"},
        {"aud": [claims["aud"], "billing:meter"]},
    ):
        answer = api.send("POST", "/api/billing/usage/consume", token=signed(api, {**claims, **more}), body=body)
        assert (answer.status_code, answer.json()) == (403, {"message": "Forbidden"}), more
    assert account.usage("email_sends")["used"] == 0


def test_no_scope_opens_the_routes_of_another(api: Api) -> None:
    account: Account = new_account(api)
    scopes = ("billing:meter", "billing:charge", "billing:operate")
    meter, charge, operator = (api.stack.token("svc", scope) for scope in scopes)
    body = {"account_id": account.id}
    for token, method, path in (
        (charge, "POST", "/api/billing/usage/consume"),
        (charge, "POST", "/api/billing/usage/batch"),
        (charge, "POST", "/api/billing/usage/leases"),
        (charge, "POST", "/api/billing/usage/leases/lease_1/settle"),
        (charge, "PUT", "/api/billing/resources/projects/p"),
        (charge, "DELETE", f"/api/billing/resources/projects/p?account_id={account.id}"),
        (meter, "POST", "/api/balance/charges"),
        (meter, "POST", "/api/balance/charges/batch"),
        (meter, "POST", "/api/balance/charges/ch_1/refund"),
        (meter, "POST", "/api/balance/holds"),
        (meter, "POST", "/api/balance/holds/hold_1/capture"),
        (meter, "POST", "/api/balance/holds/hold_1/release"),
        (meter, "GET", f"/api/operators/accounts/{account.id}/timeline"),
        (charge, "GET", f"/api/operators/accounts/{account.id}/timeline"),
        (account.token, "GET", f"/api/operators/accounts/{account.id}/timeline"),
        (operator, "POST", "/api/billing/usage/consume"),
        (operator, "POST", "/api/balance/charges"),
        (operator, "POST", "/api/balance/charges/ch_1/refund"),
    ):
        assert api.send(method, path, token=token, body=body).status_code == 403, path


def test_a_header_of_a_token_without_end_is_refused(api: Api, claims: Json) -> None:
    padding = base64.b64encode(b"x" * 30_000).decode()
    assert api.send("GET", PATH, token=signed(api, claims, cty=padding) + "A").status_code in {400, 401, 431}
