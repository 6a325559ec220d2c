"""Every minute: take the notices that are due to the queues of their senders."""

from aerostack_billing.entry.scheduled import Job, scheduled


@scheduled
def handler(job: Job) -> dict[str, object]:
    return job.runtime.notifications.dispatch.run(job.has_time)
