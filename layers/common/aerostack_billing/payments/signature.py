"""The signature on Stripe's webhooks: HMAC-SHA256 over `t.payload`, by the raw bytes, not older than 300 seconds."""

from __future__ import annotations

from collections.abc import Sequence

import stripe

from aerostack_billing.platform import clock
from aerostack_billing.values.errors import InvalidSignature

TOLERANCE_SECONDS = 300


def verify(payload: bytes, header: str | None, secrets: Sequence[str]) -> None:
    """Return if one of `secrets` signed the payload a moment ago; else InvalidSignature (400).

    The SDK checks the signature; the age is checked here, by the project's clock and in both directions.
    """
    refusal = InvalidSignature("The webhook's signature is missing, wrong or too old.")
    if header is None or not header.isascii():
        raise refusal
    try:
        text = payload.decode("utf-8")
    except UnicodeDecodeError as error:
        raise refusal from error
    for secret in secrets:
        try:
            stripe.WebhookSignature.verify_header(text, header, secret)
        except stripe.SignatureVerificationError:
            continue
        if abs(clock.unix() - _timestamp(header)) <= TOLERANCE_SECONDS:
            return
    raise refusal


def _timestamp(header: str) -> int:
    # The SDK took the first `t` of this very header, so there is one and it is a number.
    parts = (part.partition("=") for part in header.split(","))
    return next(int(value) for name, _, value in parts if name == "t")
