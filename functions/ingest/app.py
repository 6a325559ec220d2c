"""Fed by the usage queue: count what producers sent that do not wait for an answer."""

from collections.abc import Sequence

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.entry.queued import queued
from aerostack_billing.usage.ingest import Message


@queued
def handler(parts: Runtime, records: Sequence[SQSRecord]) -> frozenset[str]:
    return parts.usage.ingest.run([Message(record.message_id, record.body) for record in records]).again
