"""Every day, and on demand: recompute all balances from the ledger and report what does not fit."""

from dataclasses import asdict

from aerostack_billing.entry.scheduled import Job, scheduled


@scheduled
def handler(job: Job) -> dict[str, object]:
    report = job.runtime.audit.service.run(job.named_account_id, see=job.runtime.usage.metering.catch_up)
    job.runtime.telemetry.audited(report)
    return asdict(report)
