from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from local.gateway.authorizer import Authorizer, Grant
from local.gateway.messages import HttpResponse
from local.template import JwtAuthorizer
from local.tokens import SigningKey, mint, signing_key

NOW = 1_772_357_400.0
KEY = SigningKey.of(rsa.generate_private_key(public_exponent=65537, key_size=2048))
OTHER_KEY = SigningKey.of(rsa.generate_private_key(public_exponent=65537, key_size=2048))
AUTHORIZER = JwtAuthorizer("Jwt", "https://issuer.test", ("first", "second"))
CLAIMS = {"iss": "https://issuer.test", "aud": "first", "sub": "acct_1", "iat": NOW, "exp": NOW + 60}


def token(changes: Mapping[str, object] | None = None, *, without: str = "", key: SigningKey = KEY) -> str:
    claims = {name: value for name, value in {**CLAIMS, **(changes or {})}.items() if name != without}
    return jwt.encode(claims, key.private, algorithm="RS256", headers={"kid": key.key_id})


def asked(header: str, *scopes: str, now: float = NOW) -> Grant | HttpResponse:
    return Authorizer(KEY, lambda: now).authorize(header, AUTHORIZER, scopes)


def refusal(header: str, *scopes: str, now: float = NOW) -> tuple[int, str, str]:
    response = asked(header, *scopes, now=now)
    assert isinstance(response, HttpResponse)
    return response.status, response.body.decode(), dict(response.headers)["www-authenticate"]


def unsigned(header: dict[str, str]) -> str:
    parts = [json.dumps(part).encode() for part in (header, CLAIMS)]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts) + "."


def keyed_with_the_public_key() -> str:
    pem = KEY.public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    # PyJWT itself refuses to sign so; an attacker's library would not.
    algorithm = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    signed = unsigned({"alg": "HS256", "typ": "JWT", "kid": KEY.key_id}).rstrip(".")
    return f"{signed}.{base64.urlsafe_b64encode(algorithm.sign(signed.encode(), pem)).decode().rstrip('=')}"


def test_a_valid_token_is_taken_with_and_without_bearer_before_it() -> None:
    for header in (f"Bearer {token()}", f"bearer {token()}", token()):
        grant = asked(header)
        assert isinstance(grant, Grant)
        assert grant.claims["sub"] == "acct_1"


def test_claims_are_handed_on_as_texts() -> None:
    grant = asked(token({"groups": ["admin", "user"], "level": 3, "live": True, "none": None}))
    assert isinstance(grant, Grant)
    assert grant.claims["groups"] == "[admin user]"
    assert grant.claims["level"] == "3"
    assert grant.claims["live"] == "true"
    assert "none" not in grant.claims


def test_no_token_is_unauthorized() -> None:
    assert refusal("") == (401, '{"message":"Unauthorized"}', "Bearer")
    assert refusal("Bearer ") == (401, '{"message":"Unauthorized"}', "Bearer")


@pytest.mark.parametrize(
    "refused",
    [
        pytest.param("not.a.token", id="not a token"),
        pytest.param("Basic dXNlcjpwYXNz", id="another scheme"),
        pytest.param(unsigned({"alg": "none", "typ": "JWT", "kid": KEY.key_id}), id="alg none"),
        pytest.param(keyed_with_the_public_key(), id="HS256 with the public key for a secret"),
        pytest.param(token(key=OTHER_KEY), id="another key"),
        pytest.param(
            token(key=SigningKey(OTHER_KEY.private, OTHER_KEY.public, KEY.key_id)), id="another key by our id"
        ),
        pytest.param(token()[:-6] + "AAAAAA", id="a signature that was changed"),
        pytest.param(token({"aud": "third"}), id="another audience"),
        pytest.param(token({"aud": "third", "client_id": "first"}), id="another audience, with our client id"),
        pytest.param(token(without="aud"), id="no audience"),
        pytest.param(token({"iss": "https://issuer.test/"}), id="another issuer"),
        pytest.param(token(without="iss"), id="no issuer"),
        pytest.param(token({"exp": NOW}), id="expired"),
        pytest.param(token(without="exp"), id="no expiry"),
        pytest.param(token({"exp": "tomorrow"}), id="an expiry that is no number"),
        pytest.param(token({"exp": True}), id="an expiry that is a truth"),
        pytest.param(token({"nbf": NOW + 1}), id="not yet valid"),
        pytest.param(token({"iat": NOW + 1}), id="issued in the future"),
        pytest.param(token(without="sub"), id="no subject"),
        pytest.param(token({"sub": ""}), id="an empty subject"),
    ],
)
def test_a_token_that_does_not_hold_is_unauthorized(refused: str) -> None:
    status, body, challenge = refusal(f"Bearer {refused}")
    assert (status, body) == (401, '{"message":"Unauthorized"}')
    assert challenge.startswith('Bearer scope="" error="invalid_token" error_description="')


def test_the_challenge_says_what_was_wrong() -> None:
    assert refusal(token({"aud": "third"}))[2].endswith('error_description="the token does not have a valid audience"')
    assert refusal(token({"exp": NOW - 1}))[2].endswith('error_description="the token has expired"')


def test_the_audience_may_be_any_of_a_list_or_the_client_id() -> None:
    assert isinstance(asked(token({"aud": ["other", "second"]})), Grant)
    assert isinstance(asked(token({"client_id": "first"}, without="aud")), Grant)


def test_a_token_expires_by_the_stack_s_clock() -> None:
    assert isinstance(asked(token(), now=NOW + 59), Grant)
    assert refusal(token(), now=NOW + 60)[0] == 401


def test_a_route_s_scopes_ask_for_any_one_of_them() -> None:
    grant = asked(token({"scope": "billing:charge other"}), "billing:meter", "billing:charge")
    assert isinstance(grant, Grant)
    assert grant.scopes == ("billing:charge",)


def test_scopes_are_null_where_the_route_asks_for_none() -> None:
    grant = asked(token({"scope": "billing:charge"}))
    assert isinstance(grant, Grant)
    assert grant.scopes is None


@pytest.mark.parametrize("scope", [None, "", "billing:metering", "billing", ["other"], 7])
def test_a_token_without_the_route_s_scope_is_forbidden(scope: object) -> None:
    status, body, challenge = refusal(token({"scope": scope}), "billing:meter")
    assert (status, body) == (403, '{"message":"Forbidden"}')
    assert 'scope="billing:meter" error="insufficient_scope"' in challenge


def test_a_minted_token_is_taken_for_ten_years() -> None:
    minted = mint(KEY, AUTHORIZER, account="acct_2", now=NOW + 0.9, scopes="billing:meter billing:charge")
    grant = asked(f"Bearer {minted}", "billing:meter", now=NOW + 0.9)
    assert isinstance(grant, Grant)
    assert grant.claims["sub"] == "acct_2"
    assert isinstance(asked(minted, now=NOW + 3_649 * 86_400), Grant)
    assert refusal(minted, now=NOW + 3_651 * 86_400)[0] == 401


def test_the_key_is_made_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "state" / "key.pem"
    first = signing_key(path)
    assert signing_key(path).key_id == first.key_id
    assert path.stat().st_mode & 0o077 == 0
    assert list(path.parent.iterdir()) == [path]
