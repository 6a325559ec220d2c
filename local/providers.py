"""The claims of a token as each identity provider makes them: docs/identity-providers.md says how each is set up."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Claims = dict[str, object]


@dataclass(frozen=True)
class Bearer:
    """Whose token it is, by whom, for whom, and what it may. With scopes it is a service's, without a user's."""

    subject: str
    issuer: str
    audience: str
    scopes: tuple[str, ...]
    issued_at: int
    expires_at: int

    @property
    def is_service(self) -> bool:
        return bool(self.scopes)

    @property
    def always(self) -> Claims:
        """What every provider's token holds."""
        return {"iss": self.issuer, "sub": self.subject, "iat": self.issued_at, "exp": self.expires_at}

    def scope(self, *users: str) -> str:
        """The scopes as one text: a service's own, or those of a signed-in user."""
        return " ".join(self.scopes or users)


def _plain(bearer: Bearer) -> Claims:
    scope: Claims = {"scope": bearer.scope()} if bearer.is_service else {}
    return {**bearer.always, "aud": bearer.audience, **scope}


def _cognito(bearer: Bearer) -> Claims:
    """An access token: it has no `aud`, and the audience is the app client's id."""
    claims: Claims = {
        **bearer.always,
        "client_id": bearer.audience,
        "token_use": "access",
        "version": 2,
        "jti": _id(bearer, "jti"),
        "auth_time": bearer.issued_at,
        "scope": bearer.scope("openid", "email"),
    }
    return claims if bearer.is_service else {**claims, "username": bearer.subject, "origin_jti": _id(bearer, "origin")}


def _auth0(bearer: Bearer) -> Claims:
    if bearer.is_service:
        client = hashlib.sha256(bearer.subject.encode()).hexdigest()[:32]
        return {
            **bearer.always,
            "sub": f"{client}@clients",
            "aud": bearer.audience,
            "azp": client,
            "gty": "client-credentials",
            "scope": bearer.scope(),
        }
    # With `openid` asked for, the audience is a list: Auth0's own userinfo is in it too.
    return {
        **bearer.always,
        "aud": [bearer.audience, f"{bearer.issuer}userinfo"],
        "azp": "SPA0client",
        "scope": bearer.scope("openid", "profile", "email"),
        "permissions": [],
    }


def _clerk(bearer: Bearer) -> Claims:
    """A session token by a JWT template, which adds `aud`. Clerk signs in users, not services."""
    return {
        **bearer.always,
        "aud": bearer.audience,
        "azp": "https://app.example.com",
        "sid": f"sess_{_id(bearer, 'sid')}",
        "nbf": bearer.issued_at - 10,
        "sts": "active",
        "v": 2,
        "fva": [0, -1],
    }


def _entra(bearer: Bearer) -> Claims:
    """A token of version 2.0. A service's holds roles and no scope, so that it opens no route that asks for one."""
    claims: Claims = {
        **bearer.always,
        "aud": bearer.audience,
        "azp": _id(bearer, "azp"),
        "nbf": bearer.issued_at,
        "oid": _id(bearer, "oid"),
        "tid": _id(bearer, "tid"),
        "ver": "2.0",
    }
    return {**claims, **({"roles": list(bearer.scopes)} if bearer.is_service else {"scp": "access_as_user"})}


def _keycloak(bearer: Bearer) -> Claims:
    claims: Claims = {
        **bearer.always,
        "aud": [bearer.audience, "account"],
        "azp": "aerostack-app",
        "typ": "Bearer",
        "jti": _id(bearer, "jti"),
        "realm_access": {"roles": ["offline_access", "uma_authorization"]},
        "scope": bearer.scope("openid", "email", "profile"),
    }
    return {**claims, "clientHost": "10.0.0.7"} if bearer.is_service else {**claims, "sid": _id(bearer, "sid")}


PLAIN = "plain"
SHAPES: Mapping[str, Callable[[Bearer], Claims]] = {
    PLAIN: _plain,
    "auth0": _auth0,
    "clerk": _clerk,
    "cognito": _cognito,
    "entra": _entra,
    "keycloak": _keycloak,
}
"""By the provider's name."""


def _id(bearer: Bearer, what: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{bearer.issuer}/{bearer.subject}/{what}"))
