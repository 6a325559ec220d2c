"""Fed by the queue of Stripe's events: take in what the webhook verified and put there."""

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.entry.queued import queued_each
from aerostack_billing.entry.stripe_events import tell


@queued_each
def handler(parts: Runtime, record: SQSRecord) -> None:
    tell(parts, parts.webhooks.take_message(record.body))
