"""Every minute: free the holds whose time is over."""

from aerostack_billing.entry.scheduled import Job, scheduled


@scheduled
def handler(job: Job) -> dict[str, object]:
    return {"lapsed": job.runtime.wallet.lapsing.sweep(job.has_time)}
