"""What the stack's own tables, its secrets and Stripe say."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from aerostack_billing.audit.places import Kind
from aerostack_billing.platform import clock
from billingctl.doctor.findings import Finding, NotLookedAt
from billingctl.work import Work

_LATE_EVENT_SECONDS: Final = 900
_LATE_RECONCILER_SECONDS: Final = 3_600
_LATE_AUDITS: Final[dict[Kind, tuple[int, str, str]]] = {
    "all": (8 * 86_400, "AuditRoundAlarm", "Something was not"),
    "changed": (26 * 3_600, "AuditChangedAlarm", "Something that changed was not"),
}
"""As the alarms have it: the most seconds, the alarm, and what is said."""
_HOUR_SECONDS: Final = 3_600
_DAY_SECONDS: Final = 86_400
_MEND: Final = 'billingctl stripe bootstrap --reason "…"'


def stripe(work: Work) -> Iterator[Finding]:
    """What differs at Stripe: plans and prices, the portal, the webhook endpoints, signing secrets of none."""
    setup = work.parts.payments.setup(lambda _id, _secret: None)
    report = setup.run(work.target.webhook_url, write=False, prune=work.parts.payments.signing)
    for found in report.findings:
        fix = f"`{_MEND} --prune-secrets`." if found.kind == "signing secret" else f"`{_MEND}`."
        yield Finding("stripe", f"{found.kind} {found.name}: {found.because}.", fix)
    settings = work.target.settings
    for parameter, stated, stands in (
        ("StripePortalConfiguration", settings.stripe_portal_configuration, report.portal_configuration),
        ("StripePortalHomeConfiguration", settings.stripe_portal_home_configuration, report.portal_home_configuration),
    ):
        if stated is not None and stands is not None and stated != stands:
            fix = f"Deploy with {parameter}={stands}."
            yield Finding("stripe", f"{parameter} is {stated}, and {stands} is the one that is kept true.", fix)


def secrets(work: Work, most_days: int) -> Iterator[Finding]:
    """Secrets that nobody has changed for longer than that."""
    settings, client = work.target.settings, work.target.session.client("secretsmanager")
    for arn in dict.fromkeys((settings.stripe_secret_arn, settings.stripe_signing_secret_arn)):
        said = client.describe_secret(SecretId=arn)
        if "LastChangedDate" not in said:
            raise NotLookedAt("Secrets Manager does not say when the secret was changed")
        changed = said["LastChangedDate"]
        days = int((clock.unix() - changed.timestamp()) // _DAY_SECONDS)
        if days > most_days:
            fix = "docs/operations.md, Rotate secrets: a new key at Stripe, then the new value; no deployment."
            yield Finding("secrets", f"{said['Name']} was last changed {days} days ago ({most_days} at most).", fix)


def outbox(work: Work) -> Iterator[Finding]:
    """Domain events that nobody publishes."""
    oldest = work.parts.outbox.store.oldest()
    waited = 0 if oldest is None else int(clock.unix() - datetime.fromisoformat(oldest.occurred_at).timestamp())
    if oldest is not None and waited > _LATE_EVENT_SECONDS:
        fix = "docs/operations.md, EventLagAlarm; PublishEventsFunction's log says what the bus refused."
        yield Finding("outbox", f"{oldest.event_id} ({oldest.type}) has waited for {waited // 60} minutes.", fix)


def audit(work: Work) -> Iterator[Finding]:
    """An audit that does not come round. NotLookedAt before the first one."""
    behind = work.parts.audit.places.behind_seconds()
    if behind is None:
        raise NotLookedAt("no audit has run yet; `billingctl ledger audit` audits now")
    for kind, (most, alarm, what) in _LATE_AUDITS.items():
        if behind[kind] > most:
            fix = f"docs/operations.md, {alarm}; `billingctl ledger audit` audits all at once."
            yield Finding("audit", f"{what} audited for {behind[kind] // _HOUR_SECONDS} hours.", fix)


def reconciler(work: Work) -> Iterator[Finding]:
    """A reconciler that has fallen behind. NotLookedAt before its first run."""
    through = work.parts.webhooks.progress.read().through
    if through is None:
        raise NotLookedAt("the reconciler has not run yet; `billingctl reconcile` runs it")
    behind = clock.seconds() - through
    if behind > _LATE_RECONCILER_SECONDS:
        fix = 'docs/operations.md, ReconcileLagAlarm; `billingctl reconcile --reason "…"` runs it now.'
        yield Finding("reconciler", f"Stripe was last looked through {behind // 60} minutes ago.", fix)
