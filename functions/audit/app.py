"""Every day, and on demand: recompute balances from the ledger, all or what comes next; report what does not fit."""

from dataclasses import asdict

from aerostack_billing.entry.scheduled import Job, scheduled


@scheduled
def handler(job: Job) -> dict[str, object]:
    audit, account_id, see = job.runtime.audit, job.named_account_id, job.runtime.usage.metering.catch_up
    report = audit.rounds.go_on(job.has_time, see) if account_id is None else audit.service.run(account_id, see=see)
    job.runtime.telemetry.audited(report)
    return asdict(report)
