"""Every minute: look after the wallets whose reload is due."""

from aerostack_billing.entry.scheduled import Job, scheduled


@scheduled
def handler(job: Job) -> dict[str, object]:
    swept = job.runtime.reload.service.sweep(job.has_time)
    return {"due": swept.due, "failed": swept.failed}
