"""The edge of the function that a queue feeds: messages in, and which of them are to be delivered again."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, cast

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from aerostack_billing.assembly import runtime
from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.entry.scheduled import LambdaContext
from aerostack_billing.platform import deadline

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext as PowertoolsContext

Take = Callable[[Runtime, Sequence[SQSRecord]], frozenset[str]]


class DeliverAgain(Exception):
    """A message is not done with: the queue is to deliver it again."""


def queued(function: Take) -> Callable[[Mapping[str, object], object], PartialItemFailureResponse]:
    """The Lambda handler for `function`, which takes a delivery whole and names the messages to be delivered again.

    Those stand in the partial answer; all others are done with, and the queue deletes them.
    """

    @functools.wraps(function)
    def handler(event: Mapping[str, object], context: object) -> PartialItemFailureResponse:
        parts, within = runtime.current(), cast("LambdaContext", context)
        parts.request_id = within.aws_request_id
        with deadline.within(context):
            again = function(parts, _records(event))

        def judge(record: SQSRecord) -> None:
            if record.message_id in again:
                raise DeliverAgain(record.message_id)

        # A delivery that fails as a whole is answered like any other: nothing broke, and the queue knows what to do.
        processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
        return process_partial_response(dict(event), judge, processor, cast("PowertoolsContext", context))

    return handler


def _records(event: Mapping[str, object]) -> list[SQSRecord]:
    return [SQSRecord(record) for record in cast("list[dict[str, object]]", event["Records"])]
