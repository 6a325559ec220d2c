"""The signature on Stripe's webhooks: HMAC-SHA256 over `t.payload`, by the raw bytes, not older than 300 seconds.

Computed here, by Stripe's documented scheme: whoever signed nothing is refused before the SDK, or a secret, is loaded.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence

from aerostack_billing.platform import clock
from aerostack_billing.values.errors import InvalidSignature

TOLERANCE_SECONDS = 300
_LONGEST_HEADER = 4_096
_LARGEST_PAYLOAD = 1024 * 1024
_MOMENT = re.compile(r"[0-9]{1,12}")
"""The digits of ASCII: a character beyond it is no part of a signature."""
_SIGNED = re.compile(r"[0-9a-f]{64}")


def check_form(payload: bytes, header: str | None) -> tuple[int, list[str]]:
    """When it says it was signed, and the signatures; InvalidSignature (400) for what no secret could have signed now.

    Needs no secret: what is missing, malformed, old or far too large ends here.
    """
    refusal = InvalidSignature("The webhook's signature is missing, wrong or too old.")
    if header is None or len(header) > _LONGEST_HEADER or len(payload) > _LARGEST_PAYLOAD:
        raise refusal
    parts = [part.partition("=")[::2] for part in header.split(",")]
    moment = next((value for name, value in parts if name == "t"), "")
    signed = [value for name, value in parts if name == "v1" and _SIGNED.fullmatch(value)]
    if not _MOMENT.fullmatch(moment) or not signed:
        raise refusal
    if abs(clock.unix() - int(moment)) > TOLERANCE_SECONDS:
        raise refusal
    return int(moment), signed


def verify(payload: bytes, header: str | None, secrets: Sequence[str]) -> None:
    """Return if one of `secrets` signed the payload a moment ago; else InvalidSignature (400).

    The age is checked by the project's clock, in both directions.
    """
    moment, signed = check_form(payload, header)
    if _is_text(payload):
        for secret in secrets:
            made = hmac.new(secret.encode(), b"%d." % moment + payload, hashlib.sha256).hexdigest()
            if any(hmac.compare_digest(made, given) for given in signed):
                return
    raise InvalidSignature("The webhook's signature is missing, wrong or too old.")


def _is_text(payload: bytes) -> bool:
    try:
        payload.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
