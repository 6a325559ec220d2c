"""The JWT authorizer of an HTTP API: whose token it is, whether it holds now, and for what."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import jwt
from jwt.types import Options

from local.gateway.messages import HttpResponse, message
from local.template import JwtAuthorizer
from local.tokens import ALGORITHM, SigningKey

_SIGNATURE_ONLY: Options = {
    # The claims are checked here, by the stack's clock and as API Gateway does.
    "verify_aud": False,
    "verify_exp": False,
    "verify_iat": False,
    "verify_iss": False,
    "verify_jti": False,
    "verify_nbf": False,
    "verify_sub": False,
}


@dataclass(frozen=True)
class Grant:
    """A token that was taken: its claims as texts, and which of the route's scopes it has (None: none were asked)."""

    claims: Mapping[str, str]
    scopes: tuple[str, ...] | None


class _Invalid(Exception):
    """Why a token is not taken, in the words of the answer's header."""


class Authorizer:
    """Checks bearer tokens against the key of this stack.

    It is stricter than API Gateway in one thing: a token without `sub`, which API Gateway leaves to the function.
    """

    def __init__(self, key: SigningKey, unix: Callable[[], float]) -> None:
        self._key = key
        self._unix = unix

    def authorize(self, header: str, authorizer: JwtAuthorizer, scopes: tuple[str, ...]) -> Grant | HttpResponse:
        """The grant, or API Gateway's 401 or 403. `header` is the Authorization header, empty where none came."""
        token = header[7:] if header[:7].lower() == "bearer " else header
        if not token.strip():
            return message(401, "Unauthorized", (("www-authenticate", "Bearer"),))
        try:
            claims = self._valid_claims(token.strip(), authorizer)
        except _Invalid as invalid:
            return message(401, "Unauthorized", _challenge("", "invalid_token", str(invalid)))
        held = _scopes(claims)
        granted = tuple(scope for scope in scopes if scope in held)
        if scopes and not granted:
            reason = "the token does not have any of the route's scopes"
            return message(403, "Forbidden", _challenge(" ".join(scopes), "insufficient_scope", reason))
        texts = {name: _as_text(value) for name, value in claims.items() if value is not None}
        return Grant(texts, granted if scopes else None)

    def _valid_claims(self, token: str, authorizer: JwtAuthorizer) -> dict[str, object]:
        try:
            if jwt.get_unverified_header(token).get("kid") != self._key.key_id:
                raise _Invalid("the token is not signed with a key of the issuer")
            claims: dict[str, object] = jwt.decode(
                token, self._key.public, algorithms=[ALGORITHM], options=_SIGNATURE_ONLY
            )
        except jwt.InvalidTokenError as error:
            raise _Invalid("the token is malformed, or its signature or algorithm is not accepted") from error
        if claims.get("iss") != authorizer.issuer:
            raise _Invalid("the token does not have a valid issuer")
        if not _audiences(claims) & set(authorizer.audiences):
            raise _Invalid("the token does not have a valid audience")
        self._check_times(claims)
        if not isinstance(claims.get("sub"), str) or not claims["sub"]:
            raise _Invalid("the token does not have a subject")
        return claims

    def _check_times(self, claims: Mapping[str, object]) -> None:
        now = self._unix()
        if not _moment(claims, "exp", default=0.0) > now:
            raise _Invalid("the token has expired")
        if max(_moment(claims, "nbf", default=0.0), _moment(claims, "iat", default=0.0)) > now:
            raise _Invalid("the token is not valid yet")


def _challenge(scope: str, error: str, description: str) -> tuple[tuple[str, str], ...]:
    return (("www-authenticate", f'Bearer scope="{scope}" error="{error}" error_description="{description}"'),)


def _audiences(claims: Mapping[str, object]) -> set[str]:
    """`aud`, or `client_id` where there is no `aud`."""
    audience = claims.get("aud", claims.get("client_id"))
    items = audience if isinstance(audience, list) else [audience]
    return {item for item in items if isinstance(item, str)}


def _moment(claims: Mapping[str, object], name: str, *, default: float) -> float:
    value = claims.get(name, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _Invalid(f"the token does not have a valid {name}")
    return value


def _scopes(claims: Mapping[str, object]) -> set[str]:
    value = claims.get("scope", claims.get("scp"))
    if isinstance(value, str):
        return set(value.split())
    return {item for item in value if isinstance(item, str)} if isinstance(value, list) else set()


def _as_text(value: object) -> str:
    """A claim as API Gateway hands it on: every value a text, a list as `[a b]`."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return f"[{' '.join(_as_text(item) for item in value)}]"
    return json.dumps(value, separators=(",", ":"))
