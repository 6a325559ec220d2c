"""Fed by the charge queue: take what services charge that do not wait for an answer."""

from collections.abc import Sequence

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.entry.queued import first_received, first_sender_of, group_of, queued, sender_of
from aerostack_billing.wallet.queued_charges import Message


@queued
def handler(parts: Runtime, records: Sequence[SQSRecord]) -> frozenset[str]:
    messages = [
        Message(r.message_id, r.body, group_of(r), first_received(r), sender_of(r), first_sender_of(r)) for r in records
    ]
    return parts.wallet.queued.run(messages).again
