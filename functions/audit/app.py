"""Every day, and by hand: recompute all balances from the ledger and tell what does not fit."""

from dataclasses import asdict

from aerostack_billing.scheduled import Job, scheduled


@scheduled
def handler(job: Job) -> dict[str, object]:
    report = job.runtime.audit.run(job.named_account_id)
    job.runtime.telemetry.audited(report)
    return asdict(report)
