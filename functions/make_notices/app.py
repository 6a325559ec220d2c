"""Fed by the buses, through a queue: make a notice of each event for each recipient; take in what became of a mail."""

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.entry.queued import queued_each
from aerostack_billing.notifications.making import is_of_ses


@queued_each
def handler(parts: Runtime, record: SQSRecord) -> None:
    notifications = parts.notifications
    taking = notifications.mail_events if is_of_ses(record.body) else notifications.making
    taking.take(record.body)
