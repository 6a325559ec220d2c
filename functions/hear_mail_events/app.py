"""Fed by SES's events, through a queue: what became of a mail, and which address is to be sent nothing more."""

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.entry.queued import queued_each


@queued_each
def handler(parts: Runtime, record: SQSRecord) -> None:
    parts.notifications.mail_events.take(record.body)
