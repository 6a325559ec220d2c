"""What an account sets: read, written whole, and the secret of its webhooks."""

from __future__ import annotations

import base64
import secrets
from dataclasses import replace
from typing import Final

from aerostack_billing.ledger.ledger import Change
from aerostack_billing.notifications.events import AHEAD
from aerostack_billing.notifications.models import NotificationsRequest, Secret, Settings
from aerostack_billing.notifications.outlook_store import OutlookStore
from aerostack_billing.notifications.store import SettingsStore
from aerostack_billing.notifications.targets import Targets
from aerostack_billing.platform import clock
from aerostack_billing.values.errors import Conflict
from aerostack_billing.values.money import Micros, cents, micros
from aerostack_billing.wallet.store import WalletStore

OVERLAP_SECONDS: Final = 24 * 3_600
"""For how long a secret that was replaced signs too: a day's retries can still be verified by who has the old one."""
SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - how each secret begins
_SECRET_BYTES = 32


class NoWebhook(Conflict):
    """The account names no webhook_url."""

    code = "NO_WEBHOOK"


class EmailOff(Conflict):
    """This stack sends no mail."""

    code = "EMAIL_OFF"


def email_off() -> EmailOff:
    """The refusal of whatever asks for mail."""
    return EmailOff("This stack sends no mail. Use a webhook_url.")


class Preferences:
    """Reads and writes whom an account tells of what."""

    def __init__(self, store: SettingsStore, wallets: WalletStore, targets: Targets, outlooks: OutlookStore) -> None:
        self._outlooks = outlooks
        self._store = store
        self._wallets = wallets
        self._targets = targets

    def get(self, account_id: str) -> dict[str, object]:
        """The settings as the answers show them; never the secret."""
        return _view(self._store.get(account_id), self._wallets.get(account_id).low)

    def put(self, account_id: str, request: NotificationsRequest) -> dict[str, object]:
        """Set all of it; the answer has `webhook_secret` where this request made one, and never again.

        InvalidRequest (422) where the webhook may not lead there; EmailOff (409) where the request names addresses. The
        wallet is written first, and only where its threshold changes: a request that breaks off in between is completed
        by its repetition.
        """
        if request.webhook_url is not None:
            self._targets.saved(request.webhook_url)
        if request.emails:
            raise email_off()
        low = None if request.balance_low_cents is None else micros(request.balance_low_cents)
        self._wallets.apply(account_id, lambda wallet: Change(replace(wallet, low=low)))
        made = _new_secret() if request.webhook_url is not None else None
        after = self._store.apply(account_id, lambda settings: _set(settings, request, made))
        if AHEAD & frozenset(request.events):
            self._outlooks.begin(account_id)
        shown = made.text if made is not None and made in after.secrets else None
        return _view(after, low, shown)

    def rotate(self, account_id: str) -> dict[str, object]:
        """A new secret, shown in this answer alone; the one before signs too for a day. NoWebhook (409)."""
        made = _new_secret()
        until = clock.seconds() + OVERLAP_SECONDS

        def rule(settings: Settings) -> Settings:
            if settings.webhook_url is None:
                raise NoWebhook("Set a webhook_url first: the secret is its own.")
            return replace(settings, secrets=(made, *(replace(old, until=until) for old in settings.secrets[:1])))

        self._store.apply(account_id, rule)
        return {"webhook_secret": made.text, "previous_signs_until": clock.iso(until)}


def _set(settings: Settings, request: NotificationsRequest, made: Secret | None) -> Settings:
    signing = settings.secrets or ((made,) if made else ())
    return replace(
        settings,
        events=tuple(request.events),
        webhook_url=request.webhook_url,
        secrets=() if request.webhook_url is None else signing,
    )


def _new_secret() -> Secret:
    return Secret(SECRET_PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode())


def _view(settings: Settings, low: Micros | None, secret: str | None = None) -> dict[str, object]:
    return {
        "emails": [],
        "webhook_url": settings.webhook_url,
        "balance_low_cents": None if low is None else int(cents(low)),
        "events": list(settings.events),
        "webhook_secret": secret,
    }
