"""What the deployment says, read from the environment once, on first use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aerostack_billing.values.errors import Misconfigured
from aerostack_billing.values.money import MAX_CENTS, Micros, micros


@dataclass(frozen=True)
class Settings:
    """Typed view of a function's environment. A setting that a function needs and lacks fails at its first use."""

    environment: Mapping[str, str]

    def _need(self, name: str) -> str:
        value = self.environment.get(name, "")
        if not value:
            raise Misconfigured(f"the environment variable {name} is missing: set it in template.yaml")
        return value

    @property
    def account_claim(self) -> str:
        """The claim of a user's token that names the account."""
        return self.environment.get("ACCOUNT_CLAIM") or "sub"

    @property
    def role_claim(self) -> str | None:
        """The claim that names the user's role in the account; None where every user of it may change it."""
        return self.environment.get("ROLE_CLAIM") or None

    @property
    def role_names(self) -> frozenset[str]:
        """The roles that may change the account. Misconfigured where a role is asked for and none is named."""
        return frozenset(name.strip() for name in self._need("ROLE_NAMES").split(",") if name.strip())

    @property
    def accounts_table(self) -> str:
        return self._need("ACCOUNTS_TABLE")

    @property
    def usage_table(self) -> str:
        return self._need("USAGE_TABLE")

    @property
    def events_table(self) -> str:
        return self._need("EVENTS_TABLE")

    @property
    def wallets_table(self) -> str:
        return self._need("WALLETS_TABLE")

    @property
    def ledger_table(self) -> str:
        return self._need("LEDGER_TABLE")

    @property
    def creators_table(self) -> str:
        return self._need("CREATORS_TABLE")

    @property
    def ingest_dead_letter_queue_url(self) -> str:
        return self._need("INGEST_DEAD_LETTER_QUEUE_URL")

    @property
    def refused_usage_queue_url(self) -> str:
        return self._need("REFUSED_USAGE_QUEUE_URL")

    @property
    def charge_dead_letter_queue_url(self) -> str:
        return self._need("CHARGE_DEAD_LETTER_QUEUE_URL")

    @property
    def refused_charges_queue_url(self) -> str:
        return self._need("REFUSED_CHARGES_QUEUE_URL")

    @property
    def outbox_table(self) -> str:
        return self._need("OUTBOX_TABLE")

    @property
    def notifications_table(self) -> str:
        return self._need("NOTIFICATIONS_TABLE")

    @property
    def mail_queue_url(self) -> str:
        return self._need("MAIL_QUEUE_URL")

    @property
    def webhook_queue_url(self) -> str:
        return self._need("WEBHOOK_QUEUE_URL")

    @property
    def mail_from(self) -> str | None:
        """The address that mail comes from; None where this stack sends none, for want of that or of its set."""
        return (self.environment.get("MAIL_FROM") or None) if self.environment.get("MAIL_CONFIGURATION_SET") else None

    @property
    def mail_configuration_set(self) -> str:
        return self._need("MAIL_CONFIGURATION_SET")

    @property
    def loopback_webhooks(self) -> bool:
        """True on the local stack only: webhooks may lead to loopback, by http too."""
        return self.environment.get("ALLOW_LOOPBACK_WEBHOOKS") == "true"

    @property
    def event_bus(self) -> str:
        """The name of the bus that domain events go to."""
        return self._need("EVENT_BUS")

    @property
    def low_balance(self) -> Micros:
        """Below what a wallet is low whose user set no threshold."""
        return micros(self._whole("LOW_BALANCE_CENTS", 0, MAX_CENTS))

    @property
    def unusual_hour(self) -> Micros:
        """From what on an hour of a caller, a creator or an account is compared with what is usual."""
        return micros(self._whole("UNUSUAL_HOUR_CENTS", 1, 100_000_000))

    @property
    def price_markup_bps(self) -> int:
        """What is added to the price book's prices, in basis points."""
        return self._whole("PRICE_MARKUP_BPS", 0, 100_000)

    @property
    def past_due_grace_days(self) -> int:
        """For how long a plan that is not paid keeps its limits."""
        return self._whole("PAST_DUE_GRACE_DAYS", 0, 60)

    @property
    def platform_fee_bps(self) -> int:
        """What the platform keeps of a tool call's price, in basis points."""
        return self._whole("PLATFORM_FEE_BPS", 0, 10_000)

    @property
    def earnings_hold_days(self) -> int:
        """How long an earning is held before it is payable."""
        return self._whole("EARNINGS_HOLD_DAYS", 1, 90)

    @property
    def pay_granted_earnings(self) -> bool:
        """Whether creators are paid for what callers paid with granted money."""
        return self._need("PAY_GRANTED_EARNINGS") == "true"

    @property
    def allow_promotion_codes(self) -> bool:
        """Whether the pages that sell plans take promotion codes."""
        return self.environment.get("ALLOW_PROMOTION_CODES") == "true"

    @property
    def automatic_tax(self) -> bool:
        """Whether Checkout pages add the tax that Stripe computes: off at first."""
        return self.environment.get("AUTOMATIC_TAX") == "true"

    @property
    def trial_days(self) -> int:
        """How many days the first plan of an account is on trial: none at first."""
        return self._whole("TRIAL_DAYS", 0, 90) if "TRIAL_DAYS" in self.environment else 0

    @property
    def collect_tax_ids(self) -> bool:
        """Whether the pages that sell plans and deposits ask a business for its tax id."""
        return self.environment.get("COLLECT_TAX_IDS") == "true"

    @property
    def payout_minimum(self) -> Micros:
        """The least that is paid out at once."""
        return micros(self._whole("PAYOUT_MINIMUM_CENTS", 1, 10_000_000))

    @property
    def new_creator_days(self) -> int:
        """For how many days a creator is new."""
        return self._whole("NEW_CREATOR_DAYS", 0, 365)

    @property
    def new_creator_payouts(self) -> Micros:
        """What a new creator is paid in all, until an operator has reviewed it."""
        return micros(self._whole("NEW_CREATOR_PAYOUT_CENTS", 0, 10_000_000))

    @property
    def unreviewed_payouts(self) -> Micros:
        """What a creator who is not new any more is paid in all, until an operator has reviewed it."""
        return micros(self._whole("UNREVIEWED_PAYOUT_CENTS", 0, 1_000_000_000))

    @property
    def refunds_owed_per_day(self) -> Micros:
        """What refunds may make a creator owe on one day without an operator."""
        return micros(self._whole("REFUNDS_OWED_PER_DAY_CENTS", 0, 10_000_000))

    @property
    def reloads_per_day(self) -> int:
        """How many payments auto-reload may make on one day for one account."""
        return self._whole("RELOADS_PER_DAY", 1, 1_000)

    @property
    def lease_share_percent(self) -> int:
        """How much of a month's limit one lease may take."""
        return self._whole("LEASE_SHARE_PERCENT", 1, 100)

    @property
    def stripe_requests_per_minute(self) -> int:
        """How many requests of one account may lead to Stripe in a clock minute."""
        return self._whole("STRIPE_REQUESTS_PER_MINUTE", 1, 100_000)

    def _whole(self, name: str, least: int, most: int) -> int:
        text = self._need(name)
        if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
            raise Misconfigured(f"{name} must be a whole number from {least} to {most}")
        return int(text)

    @property
    def stripe_secret_arn(self) -> str:
        return self._need("STRIPE_SECRET_ARN")

    @property
    def stripe_signing_secret_arn(self) -> str:
        """The secret with the webhooks' signing secrets: one of their own, or the one with the API key."""
        return self.environment.get("STRIPE_SIGNING_SECRET_ARN") or self.stripe_secret_arn

    @property
    def stripe_events_queue_url(self) -> str | None:
        """Where Stripe's events are put to be taken in later; None where they are taken in before the answer."""
        return self.environment.get("STRIPE_EVENTS_QUEUE_URL") or None

    @property
    def stripe_portal_configuration(self) -> str | None:
        """The portal configuration with `schedule_at_period_end`; None takes the account's default one."""
        return self.environment.get("STRIPE_PORTAL_CONFIGURATION") or None

    @property
    def stripe_portal_home_configuration(self) -> str | None:
        """The one that shows no list of plans; None takes the other."""
        return self.environment.get("STRIPE_PORTAL_HOME_CONFIGURATION") or None

    @property
    def stripe_api_base(self) -> str | None:
        """Where Stripe's API is: only the local stack sets it."""
        return self.environment.get("STRIPE_API_BASE") or None

    @property
    def redirect_hosts(self) -> frozenset[str]:
        """Hosts that Stripe's pages may lead back to, lower case."""
        return frozenset(h.strip().lower() for h in self._need("ALLOWED_REDIRECT_HOSTS").split(",") if h.strip())

    @property
    def loopback_redirects(self) -> bool:
        """True on the local stack only: http on loopback may be led back to."""
        return self.environment.get("ALLOW_LOOPBACK_REDIRECTS") == "true"

    @property
    def dashboard_url(self) -> str:
        return self._need("DASHBOARD_URL")

    @property
    def service_name(self) -> str:
        return self.environment.get("POWERTOOLS_SERVICE_NAME") or "aerostack-billing"

    @property
    def metrics_namespace(self) -> str:
        return self.environment.get("POWERTOOLS_METRICS_NAMESPACE") or "AerostackBilling"

    @property
    def log_level(self) -> str:
        return self.environment.get("POWERTOOLS_LOG_LEVEL") or "INFO"
