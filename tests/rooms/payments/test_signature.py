"""Only Stripe, and only a moment ago, can have sent a webhook that is believed."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator

import pytest
from pydantic import ValidationError

from aerostack_billing.payments.secrets import SigningSecrets, StripeKey
from aerostack_billing.payments.signature import TOLERANCE_SECONDS, verify
from aerostack_billing.platform import clock
from aerostack_billing.values.errors import InvalidSignature

NOW = 1_773_144_000
BODY = b'{"id": "evt_1"}'


@pytest.fixture(autouse=True)
def time_stands() -> Iterator[None]:
    with clock.using(lambda: NOW):
        yield


def sign(body: bytes, secret: str = "whsec_new", at: int = NOW) -> str:
    return f"t={at},v1={hmac.new(secret.encode(), b'%d.' % at + body, hashlib.sha256).hexdigest()}"


def test_a_delivery_that_stripe_signed_passes() -> None:
    verify(BODY, sign(BODY), ["whsec_new"])


@pytest.mark.parametrize("secret", ["whsec_old", "whsec_new"])
def test_during_a_rotation_both_secrets_are_taken(secret: str) -> None:
    verify(BODY, sign(BODY, secret), ["whsec_old", "whsec_new"])


def test_before_there_is_a_secret_nothing_is_believed() -> None:
    with pytest.raises(InvalidSignature):
        verify(BODY, sign(BODY), [])


def test_whitespace_around_a_secret_is_no_part_of_it() -> None:
    pasted = {"api_key": "sk_test \n", "webhook_secrets": ["\twhsec_new\n"]}
    assert StripeKey.model_validate(pasted).api_key == "sk_test"
    assert SigningSecrets.model_validate(pasted).webhook_secrets == ["whsec_new"]
    with pytest.raises(ValidationError):
        StripeKey.model_validate({"api_key": " \n", "webhook_secrets": []})


@pytest.mark.parametrize("header", ["é", f"t={NOW},v1=é", f"t={NOW},v1=\udcff", f"t=²,v1={'0' * 64}"])
def test_a_signature_that_is_not_ascii_is_refused_like_any_other(header: str) -> None:
    with pytest.raises(InvalidSignature):
        verify(BODY, header, ["whsec_new"])


def test_an_empty_secret_with_which_anybody_could_sign_is_refused() -> None:
    with pytest.raises(ValidationError):
        SigningSecrets.model_validate({"api_key": "sk", "webhook_secrets": ["whsec_new", ""]})


@pytest.mark.parametrize("age", [-TOLERANCE_SECONDS, 0, TOLERANCE_SECONDS])
def test_within_the_tolerance_it_passes(age: int) -> None:
    verify(BODY, sign(BODY, at=NOW - age), ["whsec_new"])


@pytest.mark.parametrize(
    ("body", "header"),
    [
        (BODY, None),
        (BODY, ""),
        (BODY, "nonsense"),
        (BODY, "t=,v1="),
        (BODY, f"t={NOW}"),
        (BODY, f"t={NOW},v0=" + "0" * 64),
        (BODY, f"t={NOW},v1=" + "0" * 64),
        (BODY, sign(BODY, "whsec_other")),
        (BODY, sign(BODY, at=NOW - TOLERANCE_SECONDS - 1)),
        (BODY, sign(BODY, at=NOW + TOLERANCE_SECONDS + 1)),
        (BODY + b" ", sign(BODY)),
        (b"\xff\xfe", sign(b"\xff\xfe")),
        (b"", sign(BODY)),
    ],
)
def test_anything_else_is_refused(body: bytes, header: str | None) -> None:
    with pytest.raises(InvalidSignature):
        verify(body, header, ["whsec_new"])


def test_an_old_timestamp_put_before_the_signed_one_does_not_make_it_young() -> None:
    old = sign(BODY, at=NOW - 10_000)
    with pytest.raises(InvalidSignature):
        verify(BODY, f"t={NOW},{old.partition(',')[2]}", ["whsec_new"])
