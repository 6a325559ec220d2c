"""What goes to the log and the metrics. No token, key, card or email ever does; an account is never a dimension."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from aerostack_billing.platform import clock, correlation
from aerostack_billing.values.money import Micros, cents

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

    from aerostack_billing.accounts.mending import Finding
    from aerostack_billing.audit.wallets import Report, Violation
    from aerostack_billing.creators.models import Payout
    from aerostack_billing.ledger.models import Transfer
    from aerostack_billing.notifications.models import Notice
    from aerostack_billing.outbox.models import Record
    from aerostack_billing.usage.ingest import Ingested
    from aerostack_billing.usage.models import Figures, Level
    from aerostack_billing.values.errors import BillingError
    from aerostack_billing.wallet.hours import Unusual
    from aerostack_billing.wallet.models import Wallet
    from aerostack_billing.wallet.queued_charges import Taken
    from aerostack_billing.webhooks.models import Outcome


@dataclass(frozen=True)
class Telemetry:
    """Structured logs and EMF metrics; listens to what the rooms tell. `log` makes the logger when it is needed."""

    log: Callable[[], Logger]
    namespace: str
    service: str = "billing"

    def threshold_passed(self, account_id: str, level: Level, figures: Figures) -> None:
        """An account came near its limit, into grace, or to its hard limit."""
        self.log().warning(
            "usage threshold passed",
            extra={"account_id": account_id, "threshold": level.name.lower(), **figures.view()},
        )
        self._count(f"Usage{level.name.capitalize()}")

    def given_back(self, account_id: str, name: str, quantity: int) -> None:
        """Storage or a place was given back: the line says by whom."""
        self.log().info(
            "quota given back",
            extra={"account_id": account_id, "metric": name, "quantity": quantity, "caller": correlation.caller()},
        )

    def plan_needs_review(self, account_id: str, finding: Finding, name: str) -> None:
        """Something at Stripe beside an account's plan needs a person."""
        self.log().error("plan needs review", extra={"account_id": account_id, "finding": finding, "object_id": name})
        self._count("PlanNeedsReview")

    def webhook_dead(self, outcome: Outcome) -> None:
        """An event can never be processed: somebody must look."""
        self.log().error("webhook dead", extra={"event_id": outcome.event_id, "event_type": outcome.event_type})
        self._count("WebhookDead")

    def webhook_taken(self, late_seconds: int) -> None:
        """How long Stripe, or we, took to get an event here."""
        self._measure("WebhookLag", late_seconds)

    def moved(self, transfers: Sequence[Transfer]) -> None:
        """What a request wrote into the ledger: by its correlation id the log leads from the one to the other."""
        lines = [{"transfer_id": t.transfer_id, "type": t.type, "seq": t.seq} for t in transfers]
        fields = {
            "level": "INFO",
            "message": "ledger",
            "timestamp": clock.iso_now(),
            "correlation_id": correlation.current(),
            "account_id": transfers[0].account_id,
            "transfers": lines,
            **self._charged(transfers),
        }
        # Every charge says this, the first one too: loading the logger for it would cost each cold start.
        sys.stdout.write(json.dumps(fields, separators=(",", ":")) + "\n")

    def _charged(self, transfers: Sequence[Transfer]) -> dict[str, object]:
        """What a service charged, in micros: a metric of its own, and by the service's name.

        It costs no request: the line that is written anyway carries it.
        """
        amount = sum(transfer.amount for transfer in transfers if transfer.type in {"charge", "capture"})
        caller = transfers[0].caller
        if amount == 0 or caller is None:
            return {}
        metric = {
            "Namespace": self.namespace,
            "Dimensions": [["service"], ["service", "caller"]],
            "Metrics": [{"Name": "Charged", "Unit": "None"}],
        }
        told: dict[str, object] = {"Timestamp": int(clock.unix() * 1_000), "CloudWatchMetrics": [metric]}
        return {"_aws": told, "service": self.service, "caller": caller, "Charged": [amount]}

    def hour_unusual(self, unusual: Unusual) -> None:
        """A caller, a creator or an account is within an hour far above what is usual: the line names who."""
        fields = {
            "subject": unusual.subject.kind,
            "name_of_subject": unusual.subject.name,
            "hour": unusual.hour,
            "amount_cents": cents(unusual.amount),
            "usual_cents": cents(unusual.usual),
        }
        self.log().error("unusual hour", extra=fields)
        self._count("UnusualHour")

    def contended(self, times: int) -> None:
        """A wallet or a creator was in demand: a write had to be made again, or could not be made at all."""
        self._count("LedgerConflict", times)

    def reload_changed(self, wallet: Wallet) -> None:
        """A reload was declined, suspended, needs its payer, or waits for the next month."""
        reload = wallet.reload
        code = reload.last_error.code if reload.last_error else None
        fields = {"account_id": wallet.account_id, "state": reload.state, "code": code}
        self.log().warning("auto-reload", extra=fields)
        self._count(f"Reload{reload.state.title().replace('_', '')}")

    def reload_failed(self, account_id: str, error: BillingError) -> None:
        """A wallet could not be looked after in this sweep."""
        self.log().error("auto-reload failed", extra={"account_id": account_id, "code": error.code})
        self._count("ReloadFailed")

    def payout_ended(self, payout: Payout) -> None:
        """A payout was paid, failed or was reversed."""
        fields = {"creator_id": payout.creator_id, "payout_id": payout.payout_id, "reason": payout.reason}
        self.log().info("payout", extra={**fields, "state": payout.state})
        self._count(f"Payout{payout.state.capitalize()}")

    def payout_delayed(self, creator_id: str, error: BillingError) -> None:
        """A creator could not be looked after in this sweep."""
        self.log().error("payout delayed", extra={"creator_id": creator_id, "code": error.code})
        self._count("PayoutDelayed")

    def earnings_claimed(self, account_id: str, creator_id: str, more: Micros) -> None:
        """What a creator earned of an account is held or owed: a deposit that paid for it is gone or contested."""
        fields = {"account_id": account_id, "creator_id": creator_id, "more_cents": cents(more)}
        self.log().warning("earnings claimed", extra=fields)

    def refund_waits(self, creator_id: str, would_owe: Micros) -> None:
        """A refund of what was paid out to a creator waits for an operator."""
        self.log().error("refund waits", extra={"creator_id": creator_id, "would_owe_cents": cents(would_owe)})
        self._count("RefundWaits")

    def event_refused(self, record: Record, code: str) -> None:
        """The bus did not take an event: it is sent again in the next minute."""
        fields = {"event_id": record.event_id, "event_type": record.type, "code": code}
        self.log().error("event refused", extra=fields)
        self._count("EventRefused")

    def events_waited(self, seconds: int) -> None:
        """How long the oldest event of a run had waited to be sent."""
        self._measure("EventLag", seconds)

    def event_not_told(self, event_id: str, reason: str) -> None:
        """An event came from the bus of which no notice can be made."""
        self.log().error("event not told", extra={"event_id": event_id, "reason": reason})
        self._count("EventNotTold")

    def notice_sent(self, notice: Notice) -> None:
        """A notice was taken by its recipient's server."""
        self.log().info("notice sent", extra=_of_notice(notice))
        self._count("NoticeSent")

    def notice_failed(self, notice: Notice) -> None:
        """An attempt failed: the notice waits for the next, or is dead."""
        self.log().warning("notice failed", extra={**_of_notice(notice), "error": notice.error})
        self._count("NoticeDead" if notice.state == "dead" else "NoticeFailed")

    def address_muted(self, account_id: str, reason: str) -> None:
        """An address is sent nothing more: its mailbox refused mail for good, or its owner called ours spam."""
        self.log().warning("address muted", extra={"account_id": account_id, "reason": reason})
        self._count("AddressMuted")

    def mail_event_refused(self, reason: str) -> None:
        """SES told of something that could not be read: nothing was changed by it."""
        self.log().error("mail event refused", extra={"reason": reason})
        self._count("MailEventRefused")

    def drift_found(self, kind: str, name: str) -> None:
        """An event had not arrived, or a payment was not credited: the reconciler mended it."""
        self.log().warning("drift", extra={"kind": kind, "object_id": name})
        self._count("Drift")

    def reconcile_failed(self, name: str, error: BillingError) -> None:
        """An event or a payment could not be taken in, in this run."""
        self.log().error("reconcile failed", extra={"object_id": name, "code": error.code})

    def payment_unreadable(self, name: str) -> None:
        """A payment, or what an event is about, has a form that this code does not know: somebody must look."""
        self.log().error("payment unreadable", extra={"object_id": name})
        self._count("WebhookDead")

    def reconciled(self, behind_seconds: int) -> None:
        """For how long something that happened at Stripe has been left undone."""
        self._measure("ReconcileLag", behind_seconds)

    def audited(self, report: Report) -> None:
        """A run of the audit is through; how old what was not looked at since is, is an alarm."""
        fields = {"accounts": report.accounts, "transfers": report.transfers, "violations": len(report.violations)}
        self.log().info("audit", extra={**fields, "whole": report.whole})
        if report.behind_seconds is not None:
            self._measure("AuditRoundLag", report.behind_seconds)
        if report.changed_behind_seconds is not None:
            self._measure("AuditChangedLag", report.changed_behind_seconds)

    def violated(self, violation: Violation) -> None:
        """The audit found something wrong: told at once, for a run that ends here says nothing in its end."""
        self.log().error("audit violation", extra={"violation": asdict(violation)})
        self._count("AuditViolation")

    def usage_refused(self, account_id: str, metric: str, quantity: int, message_id: str) -> None:
        """An event of the queue was over the plan's limit: it happened, and is not counted."""
        fields = {"account_id": account_id, "metric": metric, "quantity": quantity, "message_id": message_id}
        self.log().warning("usage refused", extra=fields)

    def ingested(self, done: Ingested, callers: Sequence[str]) -> None:
        """A poll of the queue is through: nothing stored names who sent usage, so the line does."""
        self.log().info("ingest", extra={**done.view(), "callers": list(callers)})
        for name, events in (("IngestRefused", done.refused), ("IngestDead", done.dead)):
            if events:
                self._count(name, events)

    def charges_taken(self, done: Taken) -> None:
        """A delivery of the charge queue is through."""
        self.log().info("charges taken", extra=done.view())
        counted = {"QueuedCharge": done.charged, "QueuedChargeUnpaid": done.unpaid, "QueuedChargeDead": done.dead}
        for name, charges in counted.items():
            if charges:
                self._count(name, charges)

    def _count(self, name: str, value: int = 1) -> None:
        self._emit(name, "Count", value)

    def _measure(self, name: str, seconds: int) -> None:
        self._emit(name, "Seconds", seconds)

    def _emit(self, name: str, unit: str, value: int) -> None:
        # Imported where it is used: most requests count nothing, and the module costs every cold start.
        from aws_lambda_powertools.metrics import MetricUnit, single_metric  # noqa: PLC0415

        with single_metric(name=name, unit=MetricUnit(unit), value=value, namespace=self.namespace):
            pass


def _of_notice(notice: Notice) -> dict[str, object]:
    """A notice by its event, and no word of its recipient, whose address is nobody else's business."""
    return {
        "account_id": notice.account_id,
        "event_id": notice.event_id,
        "event_type": notice.type,
        "channel": notice.channel,
        "state": notice.state,
        "attempts": notice.attempts,
        "status_code": notice.status_code,
    }
