"""What an account sets: read, written whole, and the secret of its webhooks."""

from __future__ import annotations

import base64
import secrets
from dataclasses import replace
from typing import Final

from aerostack_billing.ledger.ledger import Change
from aerostack_billing.notifications.events import AHEAD
from aerostack_billing.notifications.models import Mute, MuteReason, NotificationsRequest, Secret, Settings
from aerostack_billing.notifications.outlook_store import OutlookStore
from aerostack_billing.notifications.store import SettingsStore
from aerostack_billing.notifications.targets import Targets
from aerostack_billing.platform import clock
from aerostack_billing.values.errors import Conflict, InvalidRequest, OperatorRefused
from aerostack_billing.values.money import Micros, cents, micros
from aerostack_billing.wallet.store import WalletStore

OVERLAP_SECONDS: Final = 24 * 3_600
"""For how long a secret that was replaced signs too: a day's retries can still be verified by who has the old one."""
SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - how each secret begins
_SECRET_BYTES = 32
MOST_COMPLAINTS: Final = 100
"""Complaints stand for ever, and stand in the settings, which are read for every event."""


class NoWebhook(Conflict):
    """The account names no webhook_url."""

    code = "NO_WEBHOOK"


class NotMuted(OperatorRefused):
    """The account has no such address that is sent nothing."""

    code = "NOT_MUTED"


class TooManyComplaints(InvalidRequest):
    """So many readers of the account marked its mail as spam that it can name no further address."""

    code = "TOO_MANY_COMPLAINTS"


class EmailOff(Conflict):
    """This stack sends no mail."""

    code = "EMAIL_OFF"


def email_off() -> EmailOff:
    """The refusal of whatever asks for mail where there is none."""
    return EmailOff("This stack sends no mail. Use a webhook_url, or have an operator set MailFrom.")


class Preferences:
    """Reads and writes whom an account tells of what. `mail`: whether this stack sends mail."""

    def __init__(
        self, store: SettingsStore, wallets: WalletStore, targets: Targets, outlooks: OutlookStore, *, mail: bool
    ) -> None:
        self._outlooks = outlooks
        self._store = store
        self._wallets = wallets
        self._targets = targets
        self._mail = mail

    def get(self, account_id: str) -> dict[str, object]:
        """The settings as the answers show them; never the secret."""
        return _view(self._store.get(account_id), self._wallets.get(account_id).low)

    def put(self, account_id: str, request: NotificationsRequest) -> dict[str, object]:
        """Set all of it; the answer has `webhook_secret` where this request made one, and never again.

        InvalidRequest (422) where a new webhook may not lead there; TooManyComplaints (422) for a further address of an
        account of whose readers MOST_COMPLAINTS complained; EmailOff (409) where the request names addresses and the
        stack sends no mail; RateLimitExceeded (429) where it names more anew than a day allows, counted before any name
        is resolved. The wallet is written first, and only where its threshold changes: a request that breaks off in
        between is completed by its repetition.
        """
        if request.emails and not self._mail:
            raise email_off()
        self._admit(account_id, request)
        low = None if request.balance_low_cents is None else micros(request.balance_low_cents)
        self._wallets.apply(account_id, lambda wallet: Change(replace(wallet, low=low)))
        made = _new_secret() if request.webhook_url is not None else None
        after = self._store.apply(account_id, lambda settings: _set(settings, request, made))
        if AHEAD & frozenset(request.events):
            self._outlooks.begin(account_id)
        shown = made.text if made is not None and made in after.secrets else None
        return _view(after, low, shown)

    def _admit(self, account_id: str, request: NotificationsRequest) -> None:
        """Return if what is named anew may be: a webhook that stays is checked at each delivery, as it is."""
        before = self._store.get(account_id)
        _check_complaints(before, request)
        known = {address.casefold() for address in before.emails}
        named = sum(address.casefold() not in known for address in request.emails)
        moved = request.webhook_url is not None and request.webhook_url != before.webhook_url
        if named or moved:
            self._store.count_named(account_id, named + int(moved))
        if moved and request.webhook_url is not None:
            self._targets.saved(request.webhook_url)

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

    def mute(self, account_id: str, address: str, reason: MuteReason) -> bool:
        """Send an address of the account nothing more; whether this call muted it. Safe to repeat.

        A bounce stands until the address is taken off and named anew, a complaint until an operator lifts it.
        """
        muted = False

        def rule(settings: Settings) -> Settings:
            nonlocal muted
            named = address.casefold() in {known.casefold() for known in settings.emails}
            earlier = settings.mute_of(address)
            muted = named and (earlier is None or earlier.reason not in {"complained", reason})
            if not muted:
                return settings
            return replace(settings, muted={**settings.muted, address.casefold(): Mute(reason, clock.seconds())})

        self._store.apply(account_id, rule)
        return muted

    def preview_unmute(self, account_id: str, address: str) -> Mute:
        """The mute that `unmute` would lift. NotMuted (409)."""
        return _mute_of(self._store.get(account_id), address)

    def unmute(self, account_id: str, address: str) -> Mute:
        """Send an address of the account mail again, whatever muted it; the mute that was lifted. NotMuted (409).

        What was not sent meanwhile stays unsent. An address that is on no list any more can be named, and told, anew.
        """
        lifted: list[Mute] = []

        def rule(settings: Settings) -> Settings:
            lifted[:] = [_mute_of(settings, address)]
            kept = {muted: mute for muted, mute in settings.muted.items() if muted != address.casefold()}
            return replace(settings, muted=kept)

        self._store.apply(account_id, rule)
        return lifted[0]


def _mute_of(settings: Settings, address: str) -> Mute:
    mute = settings.mute_of(address)
    if mute is None:
        raise NotMuted("The account has no such address that is muted.", {"email": "not muted"})
    return mute


def _check_complaints(settings: Settings, request: NotificationsRequest) -> None:
    """Return if the account may name these addresses; TooManyComplaints (422) if not. Those it named before, it may."""
    complaints = sum(mute.reason == "complained" for mute in settings.muted.values())
    known = {address.casefold() for address in settings.emails} | settings.muted.keys()
    if complaints >= MOST_COMPLAINTS and any(address.casefold() not in known for address in request.emails):
        raise TooManyComplaints(
            f"{complaints} readers of this account marked its mail as spam. It can name no further address.",
            {"emails": "must be addresses that the account named before"},
        )


def _set(settings: Settings, request: NotificationsRequest, made: Secret | None) -> Settings:
    _check_complaints(settings, request)
    emails = tuple(request.emails)
    named = {address.casefold() for address in emails}
    kept = {
        address: mute for address, mute in settings.muted.items() if mute.reason == "complained" or address in named
    }
    signing = settings.secrets or ((made,) if made else ())
    return replace(
        settings,
        emails=emails,
        events=tuple(request.events),
        webhook_url=request.webhook_url,
        secrets=() if request.webhook_url is None else signing,
        muted=kept,
    )


def _new_secret() -> Secret:
    return Secret(SECRET_PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode())


def _view(settings: Settings, low: Micros | None, secret: str | None = None) -> dict[str, object]:
    muted = [
        {"email": address, "reason": mute.reason, "since": clock.iso(mute.since)}
        for address in settings.emails
        if (mute := settings.mute_of(address)) is not None
    ]
    return {
        "emails": list(settings.emails),
        "webhook_url": settings.webhook_url,
        "balance_low_cents": None if low is None else int(cents(low)),
        "events": list(settings.events),
        "muted": muted,
        "webhook_secret": secret,
    }
