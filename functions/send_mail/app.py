"""Fed by the mail queue: one attempt at the mails of one address."""

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.entry.queued import queued_each
from aerostack_billing.notifications.dispatch import Parcel


@queued_each
def handler(parts: Runtime, record: SQSRecord) -> None:
    parts.notifications.mail_sender.run(Parcel.of(record.body))
