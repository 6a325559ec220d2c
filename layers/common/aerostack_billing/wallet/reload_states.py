"""Auto-reload as states on the wallet: pure functions from a wallet to the wallet as it will be.

    off -> armed -> due -> claimed -> submitted -> (credited: armed)
                                   -> action_required | declined -> suspended

They are applied in the transaction that moves the money, or in one of their own under the wallet's version. A function
that names an attempt changes nothing when that attempt is over: an outcome that arrives twice counts once.
"""

from __future__ import annotations

import calendar
from dataclasses import replace
from datetime import UTC, datetime

from aerostack_billing.platform import clock
from aerostack_billing.values.errors import Inconsistent
from aerostack_billing.values.money import PER_CENT, Micros
from aerostack_billing.wallet.models import Attempt, Reload, ReloadError, Wallet

MAX_RELOAD: Micros = 50_000 * PER_CENT
RESUME_AFTER_SECONDS = 300
"""After this long the outcome of an attempt is looked up, if nothing reported it."""
RETRY_SECONDS = (3_600, 86_400)
"""After the first decline, after the second; the third in a row suspends."""
FAILURE_SECONDS = (0, 300, 1_800, 7_200, 21_600)
"""After the first failure in a row that was not the card's, after the second, and so on; the last one from then on."""

NO_PAYMENT_METHOD = "no_payment_method"
SUSPENDED_BY_OPERATOR = "suspended_by_operator"
CAP_REACHED = "monthly_cap_reached"
DEFAULT_CAP_REACHED = "default_monthly_cap_reached"
DAILY_LIMIT_REACHED = "daily_limit_reached"
DISPUTED = "payment_disputed"
REFUNDED = "payment_refunded"
REPORTED = "payment_reported_as_fraud"
NO_ANSWER = "payment_provider_no_answer"
PROVIDER_FAILED = "payment_provider_failed"

STOPPED_MESSAGES = {
    DISPUTED: "A payment into this wallet is disputed. Auto-reload stays off until you save its settings again.",
    REFUNDED: "A payment into this wallet was refunded. Auto-reload stays off until you save its settings again.",
    REPORTED: "The bank reported a payment into this wallet as possible fraud. Auto-reload stays off until you save "
    "its settings again.",
}
_NOT_BY_THE_CARD = frozenset(
    {SUSPENDED_BY_OPERATOR, DISPUTED, REFUNDED, REPORTED, DEFAULT_CAP_REACHED, DAILY_LIMIT_REACHED}
)
"""Reasons to be suspended that another card does not remove: only the user does, who reads them."""
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
    """Whether what can be spent, less what is owed, is below the threshold; at the threshold it is not."""
    threshold = wallet.reload.threshold
    return threshold is not None and wallet.balance - wallet.debt < threshold


def is_wanted(wallet: Wallet) -> bool:
    """Whether a reload is still wanted: turned on, not stopped meanwhile, and the balance below the threshold."""
    return wallet.reload.enabled and wallet.reload.stop is None and is_below(wallet)


def after_spending(wallet: Wallet) -> Wallet:
    """The wallet with its reload due if it was armed and is now below the threshold."""
    if wallet.reload.state != "armed" or not is_below(wallet):
        return wallet
    return _set(wallet, state="due", next_attempt_at=clock.seconds())


def after_crediting(wallet: Wallet) -> Wallet:
    """The wallet with a reload that was due armed again, if it is not below the threshold any more."""
    if wallet.reload.state != "due" or is_below(wallet):
        return wallet
    return _set(wallet, state="armed", next_attempt_at=None, failures=0)


def planned(wallet: Wallet) -> Micros:
    """What one reload is to bring: the smallest multiple of the set amount that reaches the threshold.

    At most 500 dollars and what the monthly cap leaves; 0 if the cap leaves less than one amount.
    """
    reload = wallet.reload
    if reload.amount is None or reload.threshold is None or reload.most_a_month is None:
        raise Inconsistent(f"the auto-reload of {wallet.account_id} is on without an amount or a threshold")
    missing = reload.threshold - (wallet.balance - wallet.debt)
    multiple = max(1, -(-missing // reload.amount))
    most = min(MAX_RELOAD, reload.most_a_month - wallet.this_month.reloaded)
    return min(multiple, max(0, most) // reload.amount) * reload.amount


def is_to_start(wallet: Wallet) -> bool:
    """Whether a new attempt is to be made now."""
    reload = wallet.reload
    waiting = reload.state in {"due", "declined"} and reload.enabled
    return waiting and reload.next_attempt_at is not None and reload.next_attempt_at <= clock.seconds()


def claimed(wallet: Wallet, attempt: Attempt, most_a_day: int) -> Wallet:
    """The wallet with this attempt stored, which must be before Stripe is asked; unchanged if none is to start.

    Not below the threshold any more: armed again. The user's cap reached: it waits for the next month. The default
    cap or the day's number of reloads reached: suspended.
    """
    if not is_to_start(wallet):
        return wallet
    if not is_below(wallet):
        return _set(wallet, state="armed", next_attempt_at=None, declines=0, failures=0, last_error=None)
    if wallet.reload.reloads_today >= most_a_day:
        return _suspended(
            wallet,
            DAILY_LIMIT_REACHED,
            f"Auto-reload has made {most_a_day} payments today, the most that one day allows. "
            "Save its settings again to turn it on, from tomorrow (UTC) on.",
        )
    amount = planned(wallet)
    if amount == 0 and wallet.reload.monthly_cap is None:
        return _suspended(
            wallet,
            DEFAULT_CAP_REACHED,
            "Auto-reload has brought ten times its amount this month, the most without a cap of your own. "
            "Set monthly_cap_cents to allow more.",
        )
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


def missed(wallet: Wallet, attempt_id: str) -> Wallet:
    """The wallet with an attempt of which Stripe has no payment yet; since when stays as it was first found."""
    attempt = _open_attempt(wallet, attempt_id)
    if attempt is None or attempt.missed_at is not None:
        return wallet
    return _set(wallet, attempt=replace(attempt, missed_at=clock.seconds()))


def unanswered(wallet: Wallet, attempt_id: str) -> Wallet:
    """The wallet with an attempt that got no answer, or a failure of Stripe's; in vain twice, its user sees why."""
    attempt = _open_attempt(wallet, attempt_id)
    if attempt is None or clock.seconds() - attempt.created_at < RESUME_AFTER_SECONDS or _says(wallet, NO_ANSWER):
        return wallet
    message = "The payment provider has not answered. This is looked into again by itself; nothing is charged twice."
    return _set(wallet, last_error=ReloadError(NO_ANSWER, message, clock.seconds()))


def failed(wallet: Wallet, attempt_id: str) -> Wallet:
    """The wallet after an attempt that made no payment through no fault of the card: a new one is due, later each time.

    The error stays the first one of a series, so that the user hears of it once.
    """
    if _open_attempt(wallet, attempt_id) is None:
        return wallet
    count = wallet.reload.failures + 1
    error = wallet.reload.last_error
    if error is None or error.code != PROVIDER_FAILED:
        message = "The payment provider could not take the payment. It is tried again; your card is not at fault."
        error = ReloadError(PROVIDER_FAILED, message, clock.seconds())
    after = _rearmed(_set(wallet, attempt=None, failures=count, last_error=error))
    if after.reload.state != "due":
        return after
    wait = FAILURE_SECONDS[min(count, len(FAILURE_SECONDS)) - 1]
    return _set(after, next_attempt_at=clock.seconds() + wait)


def not_made(wallet: Wallet, attempt_id: str) -> Wallet:
    """The wallet without an attempt that made no payment: given up if it is not wanted any more, else restarted."""
    if _open_attempt(wallet, attempt_id) is None:
        return wallet
    if is_wanted(wallet):
        return failed(wallet, attempt_id)
    return _rearmed(_set(wallet, attempt=None, failures=0, last_error=None))


def submitted(wallet: Wallet, attempt_id: str, payment_intent_id: str) -> Wallet:
    """The wallet with an attempt that Stripe works on."""
    attempt = _open_attempt(wallet, attempt_id)
    if attempt is None:
        return wallet
    attempt = replace(attempt, payment_intent_id=payment_intent_id, action_url=None)
    resume_at = clock.seconds() + RETRY_SECONDS[0]
    return _set(wallet, state="submitted", attempt=attempt, next_attempt_at=resume_at)


def action_required(wallet: Wallet, attempt_id: str, payment_intent_id: str, url: str | None) -> Wallet:
    """The wallet with an attempt that its payer must confirm: neither a success nor a decline; nothing is retried.

    Suspended where it was stopped meanwhile: the payer may confirm all the same, and the money is credited.
    """
    attempt = _open_attempt(wallet, attempt_id)
    if attempt is None:
        return wallet
    if wallet.reload.stop is not None:
        return _rearmed(_set(wallet, attempt=None))
    attempt = replace(attempt, payment_intent_id=payment_intent_id, action_url=url)
    message = "The bank asks you to confirm the payment. Open action_url and confirm it."
    error = ReloadError("authentication_required", message, clock.seconds())
    return _set(wallet, state="action_required", attempt=attempt, next_attempt_at=None, last_error=error, failures=0)


def declined(wallet: Wallet, attempt_id: str, code: str, message: str) -> Wallet:
    """The wallet after a decline: tried again in an hour, then a day; the third in a row, or a hard one, suspends."""
    attempt = _open_attempt(wallet, attempt_id)
    if attempt is None:
        return wallet
    now, count = clock.seconds(), wallet.reload.declines + 1
    after = _set(
        wallet,
        attempt=None,
        declines=count,
        failures=0,
        last_error=ReloadError(code, message, now),
        failed_fingerprint=attempt.fingerprint,
    )
    if not after.reload.enabled or after.reload.stop is not None:
        return _rearmed(after)
    if count > len(RETRY_SECONDS) or code in _HARD_DECLINES:
        return _set(after, state="suspended", next_attempt_at=None)
    return _set(after, state="declined", next_attempt_at=now + RETRY_SECONDS[count - 1])


def without_card(wallet: Wallet) -> Wallet:
    """The wallet suspended because the customer has no card; unchanged if no attempt is to start."""
    if not is_to_start(wallet):
        return wallet
    return _suspended(wallet, NO_PAYMENT_METHOD, "There is no card to charge. Add one in the billing portal.")


def suspended(wallet: Wallet, message: str) -> Wallet:
    """The wallet suspended by an operator, with the reason that its user reads; for one with no attempt under way."""
    return _suspended(wallet, SUSPENDED_BY_OPERATOR, message)


def stopped(wallet: Wallet, code: str) -> Wallet:
    """The wallet suspended because of what became of one of its payments.

    An attempt under way is left to end first: its money may come.
    """
    if not wallet.reload.enabled:
        return wallet
    if wallet.reload.under_way:
        return _set(wallet, stop=ReloadError(code, STOPPED_MESSAGES[code], clock.seconds()))
    return _suspended(wallet, code, STOPPED_MESSAGES[code])


def after_refunding(wallet: Wallet) -> Wallet:
    """The wallet after a payment was refunded; stopped where that left it below the threshold.

    Charging the card right away for what was just given back is not what anybody wants.
    """
    return stopped(wallet, REFUNDED) if is_below(wallet) else wallet


def credited(wallet: Wallet, attempt_id: str | None) -> Wallet:
    """The wallet after a payment landed: armed again if that reached the threshold, due again if not."""
    if attempt_id is None or _open_attempt(wallet, attempt_id) is None:
        return after_crediting(wallet)
    done = _set(wallet, attempt=None, declines=0, failures=0, last_error=None, failed_fingerprint=None)
    return _rearmed(done)


def counted(wallet: Wallet) -> Wallet:
    """The wallet with one more reload credited today."""
    return _set(wallet, day=clock.day(), made_today=wallet.reload.reloads_today + 1)


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
        stop=None,
    )
    if wallet.reload.under_way:
        return kept
    return _rearmed(_set(kept, attempt=None, declines=0, failures=0, last_error=None, failed_fingerprint=None))


def card_changed(wallet: Wallet, fingerprint: str | None) -> Wallet:
    """The wallet after its customer's card changed: what failed or waits for its payer by another card is tried again.

    A payment that waits for its payer must have been voided before.
    """
    reload = wallet.reload
    if reload.state not in {"suspended", "declined", "action_required"} or not reload.enabled:
        return wallet
    if reload.last_error is not None and reload.last_error.code in _NOT_BY_THE_CARD:
        return wallet
    failed_by = reload.attempt.fingerprint if reload.attempt is not None else reload.failed_fingerprint
    if fingerprint is None or fingerprint == failed_by:
        return wallet
    return _rearmed(_set(wallet, attempt=None, declines=0, last_error=None, failed_fingerprint=None))


def _suspended(wallet: Wallet, code: str, message: str) -> Wallet:
    error = ReloadError(code, message, clock.seconds())
    return _set(
        wallet,
        state="suspended",
        attempt=None,
        next_attempt_at=None,
        last_error=error,
        failed_fingerprint=None,
        stop=None,
        failures=0,
    )


def _rearmed(wallet: Wallet) -> Wallet:
    stop = wallet.reload.stop
    if not wallet.reload.enabled:
        return _set(wallet, state="off", next_attempt_at=None, stop=None, failures=0)
    if stop is not None:
        return _suspended(wallet, stop.code, stop.message)
    if is_below(wallet):
        return _set(wallet, state="due", next_attempt_at=clock.seconds())
    return _set(wallet, state="armed", next_attempt_at=None, failures=0)


def _says(wallet: Wallet, code: str) -> bool:
    return wallet.reload.last_error is not None and wallet.reload.last_error.code == code


def _open_attempt(wallet: Wallet, attempt_id: str) -> Attempt | None:
    attempt = wallet.reload.attempt
    return attempt if attempt is not None and attempt.attempt_id == attempt_id else None


def _set(wallet: Wallet, **changes: object) -> Wallet:
    reload: Reload = replace(wallet.reload, **changes)  # type: ignore[arg-type]  # the fields of Reload, by name
    return replace(wallet, reload=reload)


def _next_month() -> int:
    year, month = (int(part) for part in clock.next_period(clock.period()).split("-"))
    return calendar.timegm(datetime(year, month, 1, tzinfo=UTC).timetuple())
