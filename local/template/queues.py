"""SQS queues in the template, and the functions they feed."""

from __future__ import annotations

from local.template.model import Queue, QueueSource
from local.template.section import Section

_MOST_AT_ONCE = 10_000
_MOST_AT_ONCE_IN_ORDER = 10


def read_queue(logical_id: str, name: str, arn: str, properties: Section) -> Queue:
    """An AWS::SQS::Queue: how long messages stay, and where they go when they fail."""
    properties.refuse_any_of("DelaySeconds ReceiveMessageWaitTimeSeconds", "messages are taken at once")
    properties.refuse_any_of("ContentBasedDeduplication", "senders say what tells a message from others")
    fifo = properties.flag("FifoQueue", default=False)
    if fifo and properties.text("DeduplicationScope", "queue") != "messageGroup":
        raise properties.refuse("DeduplicationScope of a FIFO queue must be messageGroup to be served locally")
    redrive = properties.section("RedrivePolicy")
    return Queue(
        logical_id=logical_id,
        name=name,
        arn=arn,
        visibility_seconds=properties.integer("VisibilityTimeout", 30),
        retention_seconds=properties.integer("MessageRetentionPeriod", 345_600),
        dead_letters=redrive.text("deadLetterTargetArn") if "deadLetterTargetArn" in redrive else None,
        most_receives=redrive.integer("maxReceiveCount", 1),
        fifo=fifo,
    )


def read_queue_source(function: str, event: Section, queues: dict[str, Queue]) -> QueueSource | None:
    """An SQS event of a function; None where the template has it disabled."""
    event.refuse_any_of("FilterCriteria KmsKeyArn", "a function takes all that its queue holds")
    arn = event.text("Queue")
    queue = next((queue for queue in queues.values() if queue.arn == arn), None)
    if queue is None:
        raise event.refuse(f"Queue {arn} is no queue of this template")
    size = event.integer("BatchSize", 10)
    most = _MOST_AT_ONCE_IN_ORDER if queue.fifo else _MOST_AT_ONCE
    if not 1 <= size <= most:
        raise event.refuse(f"BatchSize must be 1 to {most}")
    if queue.fifo:
        event.refuse_any_of("MaximumBatchingWindowInSeconds", "Lambda has no window for a FIFO queue")
    types = event.texts("FunctionResponseTypes")
    if set(types) - {"ReportBatchItemFailures"}:
        raise event.refuse("FunctionResponseTypes must be ReportBatchItemFailures or nothing")
    if not event.flag("Enabled", default=True):
        return None
    return QueueSource(function, queue.logical_id, size, reports_failures=bool(types))
