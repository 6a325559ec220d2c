"""Stripe's keys, from Secrets Manager at run time: a rotation needs no deployment. Never logged, never shown.

One secret holds the API key and the signing secrets of the webhooks, or two hold one of them each: then what only takes
webhooks in can be kept from the key.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from aerostack_billing.platform import deadline
from aerostack_billing.values.errors import PaymentsUnavailable

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

_KEPT_SECONDS = 300


# What does not validate is still a secret: the error must not show it, for it ends in the log.
_SECRET = ConfigDict(frozen=True, hide_input_in_errors=True)


class StripeKey(BaseModel):
    """The part of a secret's JSON that Stripe is called with."""

    model_config = _SECRET

    # Pasted into a console, a secret easily ends with a newline: what surrounds it is no part of it.
    api_key: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)] = Field(repr=False)


class SigningSecrets(BaseModel):
    """The part that webhooks are verified by. During a rotation it holds the old and the new one; at first, none."""

    model_config = _SECRET

    # An empty one would be a key that everybody has.
    webhook_secrets: list[Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]] = Field(repr=False)


class _Recorded(SigningSecrets):
    """The secret as operators change it. With it is recorded which signing secret belongs to which endpoint, by id.

    Functions do not read these records: a mistake in them must lose no delivery.
    """

    endpoints: dict[str, str] = Field(default_factory=dict, repr=False)


@dataclass
class SecretStore:
    """Reads the secret, and again after five minutes."""

    client: SecretsManagerClient
    arn: str
    _kept: tuple[float, object] | None = field(default=None, repr=False)

    def api_key(self) -> str:
        """Stripe's API key. PaymentsUnavailable if the secret cannot be read."""
        return StripeKey.model_validate(self._value()).api_key

    def webhook_secrets(self) -> list[str]:
        """The signing secrets that are believed. PaymentsUnavailable if the secret cannot be read."""
        return SigningSecrets.model_validate(self._value()).webhook_secrets

    def _value(self) -> object:
        # The process's own clock: how long a value has been kept is no business of the billing clock.
        if self._kept is None or time.monotonic() - self._kept[0] > _KEPT_SECONDS:
            self._kept = (time.monotonic(), json.loads(self._read()))
        return self._kept[1]

    def add_webhook_secret(self, endpoint_id: str, signing_secret: str) -> None:
        """Add an endpoint's signing secret to those that are believed; everything else of the secret stays as it is.

        PaymentsUnavailable if it cannot be read or written: then nothing was changed.
        """
        kept, secrets = self._parts()
        others = [each for each in secrets.webhook_secrets if each != signing_secret]
        self._write(kept, [*others, signing_secret], {**secrets.endpoints, endpoint_id: signing_secret})

    def noted_endpoints(self) -> frozenset[str]:
        """The endpoints whose signing secrets were added by this; PaymentsUnavailable."""
        return frozenset(self._parts()[1].endpoints)

    def drop_webhook_secret(self, endpoint_id: str) -> None:
        """Believe the signing secret that was added for the endpoint no longer; refused as `add_webhook_secret` is."""
        kept, secrets = self._parts()
        endpoints = dict(secrets.endpoints)
        dropped = endpoints.pop(endpoint_id, None)
        self._write(kept, [each for each in secrets.webhook_secrets if each != dropped], endpoints)

    def _parts(self) -> tuple[dict[str, object], _Recorded]:
        kept = json.loads(self._read())
        return kept, _Recorded.model_validate(kept)

    def _write(self, kept: dict[str, object], webhook_secrets: list[str], endpoints: dict[str, str]) -> None:
        text = json.dumps({**kept, "webhook_secrets": webhook_secrets, "endpoints": endpoints})
        try:
            self.client.put_secret_value(SecretId=self.arn, SecretString=text)
        except (BotoCoreError, ClientError) as error:
            raise PaymentsUnavailable("The secret with Stripe's keys cannot be written.") from error
        self._kept = None

    def _read(self) -> str:
        if not deadline.allows(deadline.PATIENT_SECONDS):
            raise PaymentsUnavailable("The payment provider cannot be reached. Try again.")
        try:
            return self.client.get_secret_value(SecretId=self.arn)["SecretString"]
        except (BotoCoreError, ClientError) as error:
            raise PaymentsUnavailable("The payment provider cannot be reached. Try again.") from error
