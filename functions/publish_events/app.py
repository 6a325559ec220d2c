"""Every minute: send the domain events that wait in the outbox."""

from aerostack_billing.entry.scheduled import Job, scheduled


@scheduled
def handler(job: Job) -> dict[str, object]:
    published = job.runtime.outbox.publisher.run(job.has_time)
    return {"sent": published.sent, "refused": published.refused}
