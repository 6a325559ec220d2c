"""Fed by the usage queue: count what producers sent that do not wait for an answer."""

from collections.abc import Sequence

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.entry.queued import first_sender_of, queued, sender_of
from aerostack_billing.usage.ingest import Message


@queued
def handler(parts: Runtime, records: Sequence[SQSRecord]) -> frozenset[str]:
    messages = [Message(r.message_id, r.body, sender_of(r), first_sender_of(r)) for r in records]
    return parts.usage.ingest.run(messages).again
