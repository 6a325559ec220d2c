"""Recompute balances from the ledger, and tell what does not fit: of one account, of all, or of what is due."""

from dataclasses import asdict

from aerostack_billing.entry.scheduled import Job, scheduled


@scheduled
def handler(job: Job) -> dict[str, object]:
    rounds, see, account_id = job.runtime.audit.rounds, job.runtime.usage.metering.catch_up, job.named_account_id
    due_only = job.payload.get("due") is True
    report = rounds.one(account_id, see) if account_id else rounds.go_on(job.has_time, see, due_only=due_only)
    job.runtime.telemetry.audited(report)
    return asdict(report)
