"""Auto-reload as states on the wallet: pure functions from a wallet to the wallet as it will be.

    off -> armed -> due -> claimed -> submitted -> (credited: armed)
                                   -> action_required | declined -> suspended

They are applied in the transaction that moves the money, or in one of their own under the wallet's version. What names
an attempt changes nothing when that attempt is over: an outcome that arrives twice is taken once.
"""

from __future__ import annotations

import calendar
from dataclasses import replace
from datetime import UTC, datetime

from aerostack_billing.platform import clock
from aerostack_billing.values.money import PER_CENT, Micros
from aerostack_billing.wallet.models import Attempt, Reload, ReloadError, Wallet

MAX_RELOAD: Micros = 50_000 * PER_CENT
RESUME_AFTER_SECONDS = 300
"""An attempt whose outcome nobody noted by then is taken up again, with the same key."""
RETRY_SECONDS = (3_600, 86_400)
"""After the first decline, after the second; the third in a row suspends."""

NO_PAYMENT_METHOD = "no_payment_method"
SUSPENDED_BY_OPERATOR = "suspended_by_operator"
CAP_REACHED = "monthly_cap_reached"
_HARD_DECLINES = frozenset(
    {
        "card_not_supported",
        "expired_card",
        "fraudulent",
        "incorrect_number",
        "invalid_account",
        "invalid_number",
        "lost_card",
        "merchant_blacklist",
        "new_account_information_available",
        "pickup_card",
        "restricted_card",
        "revocation_of_all_authorizations",
        "revocation_of_authorization",
        "stolen_card",
        "stop_payment_order",
        NO_PAYMENT_METHOD,
    }
)
"""Stripe's decline codes after which the same card cannot succeed: https://docs.stripe.com/declines/codes."""


def is_below(wallet: Wallet) -> bool:
    """Whether what can be spent, less what is owed, is below the threshold; at it is not."""
    threshold = wallet.reload.threshold
    return threshold is not None and wallet.balance - wallet.debt < threshold


def after_spending(wallet: Wallet) -> Wallet:
    """The wallet with its reload due if it was armed and is now below the threshold."""
    if wallet.reload.state != "armed" or not is_below(wallet):
        return wallet
    return _set(wallet, state="due", next_attempt_at=clock.seconds())


def after_crediting(wallet: Wallet) -> Wallet:
    """The wallet with a reload that was due armed again, if it is not below the threshold any more."""
    if wallet.reload.state != "due" or is_below(wallet):
        return wallet
    return _set(wallet, state="armed", next_attempt_at=None)


def planned(wallet: Wallet) -> Micros:
    """What one reload is to bring: the smallest multiple of the set amount that reaches the threshold.

    At most 500 dollars and what the monthly cap leaves; 0 if the cap leaves less than one amount.
    """
    reload = wallet.reload
    assert reload.amount is not None
    assert reload.threshold is not None
    missing = reload.threshold - (wallet.balance - wallet.debt)
    multiple = max(1, -(-missing // reload.amount))
    most = MAX_RELOAD
    if reload.monthly_cap is not None:
        most = min(most, reload.monthly_cap - wallet.this_month.reloaded)
    return min(multiple, max(0, most) // reload.amount) * reload.amount


def is_to_start(wallet: Wallet) -> bool:
    """Whether a new attempt is to be made now."""
    reload = wallet.reload
    waiting = reload.state in {"due", "declined"} and reload.enabled
    return waiting and reload.next_attempt_at is not None and reload.next_attempt_at <= clock.seconds()


def claimed(wallet: Wallet, attempt: Attempt) -> Wallet:
    """The wallet with this attempt stored, which must be before Stripe is asked; unchanged if none is to start.

    Not below the threshold any more: armed again. The cap reached: it waits for the next month, and says so.
    """
    if not is_to_start(wallet):
        return wallet
    if not is_below(wallet):
        return _set(wallet, state="armed", next_attempt_at=None, declines=0, last_error=None)
    amount = planned(wallet)
    if amount == 0:
        error = ReloadError(CAP_REACHED, "The monthly cap for reloads is reached. Raise it or wait.", clock.seconds())
        return _set(wallet, state="due", next_attempt_at=_next_month(), last_error=error)
    resume_at = clock.seconds() + RESUME_AFTER_SECONDS
    return _set(wallet, state="claimed", attempt=replace(attempt, amount=amount), next_attempt_at=resume_at)


def postponed(wallet: Wallet, attempt_id: str) -> Wallet:
    """The wallet with its open attempt left alone for a while: somebody is about to ask for its outcome."""
    if _open_attempt(wallet, attempt_id) is None:
        return wallet
    return _set(wallet, next_attempt_at=clock.seconds() + RESUME_AFTER_SECONDS)


def given_up(wallet: Wallet, attempt_id: str) -> Wallet:
    """The wallet without an attempt that made no payment, and that its user, who turned reloads off, wants none of."""
    if _open_attempt(wallet, attempt_id) is None or wallet.reload.enabled:
        return wallet
    return _set(wallet, state="off", attempt=None, next_attempt_at=None)


def submitted(wallet: Wallet, attempt_id: str, payment_intent_id: str) -> Wallet:
    """The wallet with an attempt that Stripe works on."""
    attempt = _open_attempt(wallet, attempt_id)
    if attempt is None:
        return wallet
    attempt = replace(attempt, payment_intent_id=payment_intent_id)
    resume_at = clock.seconds() + RETRY_SECONDS[0]
    return _set(wallet, state="submitted", attempt=attempt, next_attempt_at=resume_at)


def action_required(wallet: Wallet, attempt_id: str, payment_intent_id: str, url: str | None) -> Wallet:
    """The wallet with an attempt that its payer must confirm: neither a success nor a decline; nothing is retried."""
    attempt = _open_attempt(wallet, attempt_id)
    if attempt is None:
        return wallet
    attempt = replace(attempt, payment_intent_id=payment_intent_id, action_url=url)
    message = "The bank asks you to confirm the payment. Open action_url and confirm it."
    error = ReloadError("authentication_required", message, clock.seconds())
    return _set(wallet, state="action_required", attempt=attempt, next_attempt_at=None, last_error=error)


def declined(wallet: Wallet, attempt_id: str, code: str, message: str) -> Wallet:
    """The wallet after a decline: tried again in an hour, then a day; the third in a row, or a hard one, suspends."""
    attempt = _open_attempt(wallet, attempt_id)
    if attempt is None:
        return wallet
    now, count = clock.seconds(), wallet.reload.declines + 1
    failed = _set(
        wallet,
        attempt=None,
        declines=count,
        last_error=ReloadError(code, message, now),
        failed_fingerprint=attempt.fingerprint,
    )
    if not wallet.reload.enabled:
        return _set(failed, state="off", next_attempt_at=None)
    if count > len(RETRY_SECONDS) or code in _HARD_DECLINES:
        return _set(failed, state="suspended", next_attempt_at=None)
    return _set(failed, state="declined", next_attempt_at=now + RETRY_SECONDS[count - 1])


def without_card(wallet: Wallet) -> Wallet:
    """The wallet suspended because the customer has no card; unchanged if no attempt is to start."""
    if not is_to_start(wallet):
        return wallet
    error = ReloadError(
        NO_PAYMENT_METHOD, "There is no card to charge. Add one in the billing portal.", clock.seconds()
    )
    return _set(wallet, state="suspended", next_attempt_at=None, last_error=error, failed_fingerprint=None)


def suspended(wallet: Wallet, message: str) -> Wallet:
    """The wallet suspended by an operator, with the reason that its user reads; for one with no attempt under way."""
    error = ReloadError(SUSPENDED_BY_OPERATOR, message, clock.seconds())
    return _set(wallet, state="suspended", attempt=None, next_attempt_at=None, last_error=error)


def credited(wallet: Wallet, attempt_id: str | None) -> Wallet:
    """The wallet after a reload's money landed: armed again if that reached the threshold, due again if not."""
    if attempt_id is None or _open_attempt(wallet, attempt_id) is None:
        return after_crediting(wallet)
    done = _set(wallet, attempt=None, declines=0, last_error=None, failed_fingerprint=None)
    return _rearmed(done)


def configured(
    wallet: Wallet, *, enabled: bool, threshold: Micros | None, amount: Micros | None, monthly_cap: Micros | None
) -> Wallet:
    """The wallet with the user's settings. Saving them ends a suspension, a wait and a voided confirmation.

    An attempt whose outcome is open stays: its money may come.
    """
    kept = _set(
        wallet,
        enabled=enabled,
        threshold=wallet.reload.threshold if threshold is None else threshold,
        amount=wallet.reload.amount if amount is None else amount,
        monthly_cap=monthly_cap if enabled else wallet.reload.monthly_cap,
    )
    if wallet.reload.state in {"claimed", "submitted"}:
        return kept
    return _rearmed(_set(kept, attempt=None, declines=0, last_error=None, failed_fingerprint=None))


def card_changed(wallet: Wallet, fingerprint: str | None) -> Wallet:
    """The wallet after its customer's card changed: one that failed by another card is tried anew."""
    reload = wallet.reload
    if reload.state not in {"suspended", "declined"} or not reload.enabled:
        return wallet
    if reload.last_error is not None and reload.last_error.code == SUSPENDED_BY_OPERATOR:
        # It was not for the card: only the user, who reads why, turns it on again.
        return wallet
    if fingerprint is None or fingerprint == reload.failed_fingerprint:
        return wallet
    return _rearmed(_set(wallet, declines=0, last_error=None, failed_fingerprint=None))


def _rearmed(wallet: Wallet) -> Wallet:
    if not wallet.reload.enabled:
        return _set(wallet, state="off", next_attempt_at=None)
    if is_below(wallet):
        return _set(wallet, state="due", next_attempt_at=clock.seconds())
    return _set(wallet, state="armed", next_attempt_at=None)


def _open_attempt(wallet: Wallet, attempt_id: str) -> Attempt | None:
    attempt = wallet.reload.attempt
    return attempt if attempt is not None and attempt.attempt_id == attempt_id else None


def _set(wallet: Wallet, **changes: object) -> Wallet:
    reload: Reload = replace(wallet.reload, **changes)  # type: ignore[arg-type]  # the fields of Reload, by name
    return replace(wallet, reload=reload)


def _next_month() -> int:
    year, month = (int(part) for part in clock.next_period(clock.period()).split("-"))
    return calendar.timegm(datetime(year, month, 1, tzinfo=UTC).timetuple())
