"""Fed by the bus, through a queue: make a notice of each event for each recipient."""

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.entry.queued import queued_each


@queued_each
def handler(parts: Runtime, record: SQSRecord) -> None:
    parts.notifications.making.take(record.body)
