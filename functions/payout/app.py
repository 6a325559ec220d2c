"""Every hour: mature what creators earned, and pay who is to be paid."""

from aerostack_billing.entry.scheduled import Job, scheduled


@scheduled
def handler(job: Job) -> dict[str, object]:
    swept = job.runtime.creators.payouts.sweep(job.has_time)
    return {"visited": swept.visited, "failed": swept.failed}
