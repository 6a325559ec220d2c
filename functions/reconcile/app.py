"""Every quarter of an hour: take in what no webhook told of, and report the drift."""

from dataclasses import asdict

from aerostack_billing.entry.scheduled import Job, scheduled


@scheduled
def handler(job: Job) -> dict[str, object]:
    return asdict(job.runtime.webhooks.reconciler.run(job.has_time))
