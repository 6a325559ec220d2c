"""Every hour: tell the accounts that ask for it, and are due, of what is coming."""

from dataclasses import asdict

from aerostack_billing.entry.scheduled import Job, scheduled


@scheduled
def handler(job: Job) -> dict[str, object]:
    return asdict(job.runtime.notifications.look_ahead.run(job.has_time))
