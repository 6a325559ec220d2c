"""How the parts are put together: one Runtime a process, made on first use from the environment."""

from __future__ import annotations

import functools
import os
from functools import cached_property
from typing import TYPE_CHECKING, cast

from aerostack_billing.assembly.counting import Counting
from aerostack_billing.platform.config import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    import boto3
    import stripe
    from mypy_boto3_secretsmanager.client import SecretsManagerClient

    from aerostack_billing.accounts.checkout import Checkout
    from aerostack_billing.accounts.customers import Customers
    from aerostack_billing.accounts.service import Subscriptions
    from aerostack_billing.accounts.sync import PlanSync
    from aerostack_billing.audit.service import WholeAudit
    from aerostack_billing.creators.earnings import Earnings
    from aerostack_billing.creators.onboarding import CreatorAccounts
    from aerostack_billing.creators.payouts import Payouts
    from aerostack_billing.creators.statement import CreatorStatement
    from aerostack_billing.creators.store import CreatorStore
    from aerostack_billing.idempotency.pages import Pages
    from aerostack_billing.ledger.ledger import Ledger
    from aerostack_billing.operators.log import OperatorLog
    from aerostack_billing.payments.cards import CardPayments
    from aerostack_billing.payments.connect import Connect
    from aerostack_billing.payments.gateway import Payments
    from aerostack_billing.payments.history import History
    from aerostack_billing.payments.secrets import SecretStore
    from aerostack_billing.payments.setup.service import StripeSetup
    from aerostack_billing.reconcile.service import Reconciler
    from aerostack_billing.reload.service import Reloads
    from aerostack_billing.reload.settings import ReloadSettings
    from aerostack_billing.values.redirects import RedirectPolicy
    from aerostack_billing.wallet.charges import Charges
    from aerostack_billing.wallet.checkout_return import Returns
    from aerostack_billing.wallet.deposits import Deposits
    from aerostack_billing.wallet.grants import Grants
    from aerostack_billing.wallet.holds import Holds
    from aerostack_billing.wallet.lapsing import Lapsing
    from aerostack_billing.wallet.refunds import Refunds
    from aerostack_billing.wallet.settlement import Settlement
    from aerostack_billing.wallet.statement import Statement
    from aerostack_billing.wallet.store import WalletStore
    from aerostack_billing.webhooks.service import Webhooks
    from aerostack_billing.webhooks.store import EventStore


class Runtime(Counting):
    """Makes each part when it is first asked for, and imports it then: a function loads what it uses and no more.

    AWS is asked by `session`, or as the process's environment says where none is given.
    """

    def __init__(self, settings: Settings, session: boto3.Session | None = None) -> None:
        super().__init__(settings, session)
        self._stripe_clients: dict[str, stripe.StripeClient] = {}

    @cached_property
    def redirects(self) -> RedirectPolicy:
        from aerostack_billing.values.redirects import RedirectPolicy  # noqa: PLC0415

        return RedirectPolicy(self.settings.redirect_hosts, loopback=self.settings.loopback_redirects)

    @cached_property
    def secrets(self) -> SecretStore:
        from aerostack_billing.payments.secrets import SecretStore  # noqa: PLC0415

        client = cast("SecretsManagerClient", self._make_client("secretsmanager"))
        return SecretStore(client, self.settings.stripe_secret_arn)

    @cached_property
    def payments(self) -> Payments:
        from aerostack_billing.payments.gateway import Payments  # noqa: PLC0415

        return Payments(self._stripe_client, self.settings.stripe_portal_configuration)

    def _stripe_client(self) -> stripe.StripeClient:
        """The SDK's client for the key that the secret holds now; a rotated key makes a new one."""
        api_key = self.secrets.stripe().api_key
        if api_key not in self._stripe_clients:
            from aerostack_billing.payments.client import connect  # noqa: PLC0415

            self._stripe_clients = {api_key: connect(api_key, self.settings.stripe_api_base)}
        return self._stripe_clients[api_key]

    @cached_property
    def sync(self) -> PlanSync:
        from aerostack_billing.accounts.sync import PlanSync  # noqa: PLC0415
        from aerostack_billing.usage.ceilings import Ceilings  # noqa: PLC0415

        ceilings = Ceilings(self.settings.usage_table, self.usage, self.catalog)
        return PlanSync(self.accounts, self.payments, ceilings)

    @cached_property
    def subscriptions(self) -> Subscriptions:
        from aerostack_billing.accounts.service import Subscriptions  # noqa: PLC0415

        return Subscriptions(self.accounts, self.payments, self.sync, self.redirects)

    @cached_property
    def checkout(self) -> Checkout:
        from aerostack_billing.accounts.checkout import Checkout  # noqa: PLC0415

        return Checkout(self.customers, self.payments, self.sync, self.pages, self.redirects)

    @cached_property
    def pages(self) -> Pages:
        from aerostack_billing.idempotency.pages import Pages  # noqa: PLC0415

        return Pages(self.idempotency)

    @cached_property
    def customers(self) -> Customers:
        from aerostack_billing.accounts.customers import Customers  # noqa: PLC0415

        return Customers(self.accounts, self.payments)

    @cached_property
    def wallets(self) -> WalletStore:
        from aerostack_billing.wallet.store import WalletStore  # noqa: PLC0415

        settings = self.settings
        return WalletStore(self.dynamo, settings.wallets_table, self.ledger, self.outbox, settings.low_balance)

    @cached_property
    def ledger(self) -> Ledger:
        from aerostack_billing.ledger.ledger import Ledger  # noqa: PLC0415

        return Ledger(self.dynamo, self.settings.ledger_table, self.telemetry)

    @cached_property
    def grants(self) -> Grants:
        from aerostack_billing.wallet.grants import Grants  # noqa: PLC0415

        return Grants(self.wallets)

    @cached_property
    def lapsing(self) -> Lapsing:
        from aerostack_billing.wallet.lapsing import Lapsing  # noqa: PLC0415

        return Lapsing(self.wallets)

    @cached_property
    def charges(self) -> Charges:
        from aerostack_billing.wallet.charges import Charges  # noqa: PLC0415

        return Charges(self.lapsing, self.earnings)

    @cached_property
    def holds(self) -> Holds:
        from aerostack_billing.wallet.holds import Holds  # noqa: PLC0415

        return Holds(self.wallets, self.lapsing, self.earnings)

    @cached_property
    def statement(self) -> Statement:
        from aerostack_billing.wallet.statement import Statement  # noqa: PLC0415

        return Statement(self.wallets)

    @cached_property
    def operator_log(self) -> OperatorLog:
        from aerostack_billing.operators.log import OperatorLog  # noqa: PLC0415

        return OperatorLog(self.dynamo, self.settings.ledger_table)

    @cached_property
    def audit(self) -> WholeAudit:
        from aerostack_billing.audit.service import WholeAudit  # noqa: PLC0415
        from aerostack_billing.audit.usage import UsageAudit  # noqa: PLC0415
        from aerostack_billing.creators.audit import FullAudit  # noqa: PLC0415
        from aerostack_billing.wallet.audit import Audit  # noqa: PLC0415

        table = self.settings.usage_table
        usage = UsageAudit(self.dynamo, table, self.usage, self.places, self.accounts, self.catalog)
        return WholeAudit(FullAudit(Audit(self.wallets), self.creators), usage)

    @cached_property
    def creators(self) -> CreatorStore:
        from aerostack_billing.creators.store import CreatorStore  # noqa: PLC0415

        return CreatorStore(self.dynamo, self.settings.creators_table, self.ledger, self.outbox)

    @cached_property
    def earnings(self) -> Earnings:
        from aerostack_billing.creators.earnings import Earnings  # noqa: PLC0415

        return Earnings(self.creators, self.settings.platform_fee_bps, self.settings.earnings_hold_days)

    def stripe_setup(self, keep_secret: Callable[[str, str], None]) -> StripeSetup:
        """What makes an account at Stripe ready; `keep_secret` is given each new endpoint's id and signing secret."""
        from aerostack_billing.payments.setup.endpoints import Endpoints  # noqa: PLC0415
        from aerostack_billing.payments.setup.portal import Portal  # noqa: PLC0415
        from aerostack_billing.payments.setup.service import StripeSetup  # noqa: PLC0415
        from aerostack_billing.payments.setup.shop import Shop  # noqa: PLC0415
        from aerostack_billing.webhooks.handlers import ACCOUNT_TYPES, CONNECT_TYPES  # noqa: PLC0415

        return StripeSetup(
            Shop(self._stripe_client, self.catalog),
            Portal(self._stripe_client, self.settings.stripe_portal_configuration),
            Endpoints(self._stripe_client, {"account": ACCOUNT_TYPES, "connect": CONNECT_TYPES}, keep_secret),
        )

    @cached_property
    def connect(self) -> Connect:
        from aerostack_billing.payments.connect import Connect  # noqa: PLC0415

        return Connect(self._stripe_client)

    @cached_property
    def creator_accounts(self) -> CreatorAccounts:
        from aerostack_billing.creators.onboarding import CreatorAccounts  # noqa: PLC0415

        return CreatorAccounts(self.creators, self.connect, self.redirects)

    @cached_property
    def creator_statement(self) -> CreatorStatement:
        from aerostack_billing.creators.statement import CreatorStatement  # noqa: PLC0415

        return CreatorStatement(self.creators)

    @cached_property
    def payouts(self) -> Payouts:
        from aerostack_billing.creators.payouts import Payouts  # noqa: PLC0415

        minimum = self.settings.payout_minimum_cents
        return Payouts(self.creators, self.creator_accounts, self.connect, self.telemetry, minimum)

    @cached_property
    def refunds(self) -> Refunds:
        from aerostack_billing.wallet.refunds import Refunds  # noqa: PLC0415

        return Refunds(self.wallets, self.creators)

    @cached_property
    def cards(self) -> CardPayments:
        from aerostack_billing.payments.cards import CardPayments  # noqa: PLC0415

        return CardPayments(self._stripe_client)

    @cached_property
    def deposits(self) -> Deposits:
        from aerostack_billing.wallet.deposits import Deposits  # noqa: PLC0415

        return Deposits(self.accounts, self.customers, self.cards, self.pages, self.redirects)

    @cached_property
    def settlement(self) -> Settlement:
        from aerostack_billing.wallet.settlement import Settlement  # noqa: PLC0415

        return Settlement(self.wallets, self.accounts, self.cards)

    @cached_property
    def returns(self) -> Returns:
        from aerostack_billing.wallet.checkout_return import Returns  # noqa: PLC0415

        return Returns(self.payments, self.sync, self.settlement, self.wallets)

    @cached_property
    def reloads(self) -> Reloads:
        from aerostack_billing.reload.service import Reloads  # noqa: PLC0415

        return Reloads(
            self.wallets, self.accounts, self.cards, self.settlement, self.telemetry, self.settings.dashboard_url
        )

    @cached_property
    def reload_settings(self) -> ReloadSettings:
        from aerostack_billing.reload.settings import ReloadSettings  # noqa: PLC0415

        return ReloadSettings(self.wallets, self.accounts, self.cards, self.settlement)

    @cached_property
    def events(self) -> EventStore:
        from aerostack_billing.webhooks.store import EventStore  # noqa: PLC0415

        return EventStore(self.dynamo, self.settings.events_table)

    @cached_property
    def webhooks(self) -> Webhooks:
        from aerostack_billing.webhooks.handlers import Handlers  # noqa: PLC0415
        from aerostack_billing.webhooks.service import Webhooks  # noqa: PLC0415

        return Webhooks(self.events, Handlers(self).by_type(), self.telemetry)

    @cached_property
    def history(self) -> History:
        from aerostack_billing.payments.history import History  # noqa: PLC0415

        return History(self._stripe_client)

    @cached_property
    def reconciler(self) -> Reconciler:
        from aerostack_billing.reconcile.service import ProgressStore, Reconciler  # noqa: PLC0415

        progress = ProgressStore(self.dynamo, self.settings.events_table)
        return Reconciler(progress, self.history, self.webhooks, self.settlement, self.wallets, self.telemetry)


@functools.cache
def current() -> Runtime:
    """This process's Runtime. Tests and the local stack call `reset()` when they change the environment."""
    return Runtime(Settings(dict(os.environ)))


def reset() -> None:
    """Forget the process's Runtime: the next use reads the environment anew."""
    current.cache_clear()
