"""The tokens of the local stack: one signing key, made once, and the claims that its authorizer takes."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import jwt
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from local.paths import KEY_FILE, STATE, TEMPLATE
from local.providers import PLAIN, SHAPES, Bearer
from local.template import JwtAuthorizer, ServerlessApp, TemplateError, load_app

ALGORITHM = "RS256"
TEN_YEARS_SECONDS = 10 * 365 * 86_400


@dataclass(frozen=True)
class SigningKey:
    """An RSA key with the id that tokens name it by."""

    private: rsa.RSAPrivateKey
    public: rsa.RSAPublicKey
    key_id: str

    @classmethod
    def of(cls, private: rsa.RSAPrivateKey) -> SigningKey:
        public = private.public_key()
        digest = hashes.Hash(hashes.SHA256())
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        digest.update(public.public_bytes(serialization.Encoding.DER, form))
        return cls(private, public, digest.finalize().hex()[:16])


def signing_key(path: Path) -> SigningKey:
    """The key kept at `path`; made there on first use, once, whoever comes first."""
    if not path.exists():
        _make_key(path)
    private = serialization.load_pem_private_key(path.read_bytes(), password=None)
    assert isinstance(private, rsa.RSAPrivateKey)
    return SigningKey.of(private)


def authorizer_for(app: ServerlessApp, scopes: str) -> JwtAuthorizer:
    """The authorizer that a token is made out for: with scopes the services', else the users'."""
    asked = [route for route in app.routes if route.authorizer is not None and bool(route.scopes) is bool(scopes)]
    found = tuple(dict.fromkeys(route.authorizer for route in asked if route.authorizer is not None))
    if len(found) != 1:
        who = "services" if scopes else "users"
        raise TemplateError(f"tokens of {who} need exactly one JWT authorizer in the template, not {len(found)}")
    return found[0]


def mint(
    key: SigningKey,
    authorizer: JwtAuthorizer,
    *,
    account: str,
    now: float,
    scopes: str = "",
    expires_in_seconds: int = TEN_YEARS_SECONDS,
    provider: str = PLAIN,
    claims: Mapping[str, object] | None = None,
) -> str:
    """A bearer token for the account, valid from `now`. `scopes` are separated by spaces.

    It has the claims that the `provider` gives one (a name in SHAPES), and `claims` beside or in place of them.
    """
    bearer = Bearer(
        subject=account,
        issuer=authorizer.issuer,
        audience=authorizer.audiences[0],
        scopes=tuple(scopes.split()),
        issued_at=int(now),
        expires_at=int(now) + expires_in_seconds,
    )
    answer = {**SHAPES[provider](bearer), **(claims or {})}
    return jwt.encode(answer, key.private, algorithm=ALGORITHM, headers={"kid": key.key_id})


def mint_alone(wanted: Mapping[str, object]) -> str:
    """A token without a running stack: one that starts now is at real time and takes it.

    `wanted` has the fields of a request to the stack's door: `account`, `scopes`, `expires_in_seconds`, `provider`,
    `claims`.
    """
    lifetime, claims = wanted.get("expires_in_seconds", TEN_YEARS_SECONDS), wanted.get("claims", {})
    assert isinstance(lifetime, int)
    assert isinstance(claims, dict)
    scopes = str(wanted.get("scopes", ""))
    return mint(
        signing_key(STATE / KEY_FILE),
        authorizer_for(load_app(TEMPLATE), scopes),
        account=str(wanted["account"]),
        now=time.time(),
        scopes=scopes,
        expires_in_seconds=lifetime,
        provider=str(wanted.get("provider", PLAIN)),
        claims=claims,
    )


def _make_key(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pem = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(pem)
    written = Path(file.name)
    try:
        # A link is made by one only: `make run` and `make token` may both be the first command of a fresh clone.
        os.link(written, path)
    except FileExistsError:
        pass
    finally:
        written.unlink()
