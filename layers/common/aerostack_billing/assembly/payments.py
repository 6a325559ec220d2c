"""The door to Stripe: its key, its client, and what is called through it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    import stripe
    from mypy_boto3_secretsmanager.client import SecretsManagerClient

    from aerostack_billing.assembly.runtime import Runtime
    from aerostack_billing.payments.cards import CardPayments
    from aerostack_billing.payments.connect import Connect
    from aerostack_billing.payments.gateway import PageTerms, Payments
    from aerostack_billing.payments.history import History
    from aerostack_billing.payments.papers import Papers
    from aerostack_billing.payments.previews import Previews
    from aerostack_billing.payments.secrets import SecretStore
    from aerostack_billing.payments.setup.service import StripeSetup
    from aerostack_billing.payments.undoing import Undoing


class PaymentParts:
    """Makes each part of the room when it is first used."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._clients: dict[str, stripe.StripeClient] = {}

    @cached_property
    def secrets(self) -> SecretStore:
        """The secret with the API key."""
        return self._secret(self._runtime.settings.stripe_secret_arn)

    @cached_property
    def signing(self) -> SecretStore:
        """The secret with the webhooks' signing secrets."""
        return self._secret(self._runtime.settings.stripe_signing_secret_arn)

    def _secret(self, arn: str) -> SecretStore:
        from aerostack_billing.payments.secrets import SecretStore  # noqa: PLC0415

        return SecretStore(cast("SecretsManagerClient", self._runtime.patient_client("secretsmanager")), arn)

    def client(self) -> stripe.StripeClient:
        """The SDK's client for the key that the secret holds now; a rotated key makes a new one."""
        api_key = self.secrets.api_key()
        if api_key not in self._clients:
            from aerostack_billing.payments.client import connect  # noqa: PLC0415

            self._clients = {api_key: connect(api_key, self._runtime.settings.stripe_api_base)}
        return self._clients[api_key]

    @cached_property
    def gateway(self) -> Payments:
        from aerostack_billing.payments.gateway import Payments  # noqa: PLC0415

        settings = self._runtime.settings
        home = settings.stripe_portal_home_configuration
        return Payments(self.client, settings.stripe_portal_configuration, home, self.terms)

    @cached_property
    def terms(self) -> PageTerms:
        from aerostack_billing.payments.gateway import PageTerms  # noqa: PLC0415

        settings = self._runtime.settings
        return PageTerms(
            promotion_codes=settings.allow_promotion_codes,
            tax_ids=settings.collect_tax_ids,
            automatic_tax=settings.automatic_tax,
            trial_days=settings.trial_days,
        )

    @cached_property
    def undoing(self) -> Undoing:
        from aerostack_billing.payments.undoing import Undoing  # noqa: PLC0415

        return Undoing(self.client)

    @cached_property
    def cards(self) -> CardPayments:
        from aerostack_billing.payments.cards import CardPayments  # noqa: PLC0415

        return CardPayments(self.client, self.terms)

    @cached_property
    def connect(self) -> Connect:
        from aerostack_billing.payments.connect import Connect  # noqa: PLC0415

        return Connect(self.client)

    @cached_property
    def history(self) -> History:
        from aerostack_billing.payments.history import History  # noqa: PLC0415

        return History(self.client)

    @cached_property
    def papers(self) -> Papers:
        from aerostack_billing.payments.papers import Papers  # noqa: PLC0415

        return Papers(self.client)

    @cached_property
    def previews(self) -> Previews:
        from aerostack_billing.payments.previews import Previews  # noqa: PLC0415

        return Previews(self.client, self.terms)

    def setup(self, keep_secret: Callable[[str, str], None]) -> StripeSetup:
        """What makes an account at Stripe ready; `keep_secret` is given each new endpoint's id and signing secret."""
        from aerostack_billing.payments.setup.endpoints import Endpoints  # noqa: PLC0415
        from aerostack_billing.payments.setup.portal import Portal  # noqa: PLC0415
        from aerostack_billing.payments.setup.service import StripeSetup  # noqa: PLC0415
        from aerostack_billing.payments.setup.shop import Shop  # noqa: PLC0415
        from aerostack_billing.webhooks.handlers import ACCOUNT_TYPES, CONNECT_TYPES  # noqa: PLC0415

        settings = self._runtime.settings
        return StripeSetup(
            Shop(self.client, self._runtime.catalog),
            Portal(self.client, settings.stripe_portal_configuration, settings.stripe_portal_home_configuration),
            Endpoints(self.client, {"account": ACCOUNT_TYPES, "connect": CONNECT_TYPES}, keep_secret),
        )
