"""Every minute: add up what accounts with many new lines spent."""

from aerostack_billing.entry.scheduled import Job, scheduled


@scheduled
def handler(job: Job) -> dict[str, object]:
    return {"lines": job.runtime.wallet.spending_fold.sweep(job.has_time)}
