"""The edge of the functions that queues feed: messages in, and which of them are to be delivered again."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, cast

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from aerostack_billing.assembly import runtime
from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.entry.scheduled import LambdaContext
from aerostack_billing.platform import clock, correlation, deadline
from aerostack_billing.platform.dead_letters import SENDER

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.base import FailureResponse
    from aws_lambda_powertools.utilities.batch.exceptions import ExceptionInfo
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext as PowertoolsContext

Take = Callable[[Runtime, Sequence[SQSRecord]], frozenset[str]]


_ONE_MESSAGE_SECONDS = 15.0
"""What taking one message in may need, a request to Stripe that is slow included."""


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
        with correlation.using(within.aws_request_id), deadline.within(context):
            again = function(parts, _records(event))

        def judge(record: SQSRecord) -> None:
            if record.message_id in again:
                raise DeliverAgain(record.message_id)

        # A delivery that fails as a whole is answered like any other: nothing broke, and the queue knows what to do.
        processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
        return process_partial_response(dict(event), judge, processor, cast("PowertoolsContext", context))

    return handler


def queued_each(function: Callable[[Runtime, SQSRecord], None]) -> Callable[[Mapping[str, object], object], object]:
    """The Lambda handler for `function`, which takes one message after another and raises where one is to come again.

    One that fails, also for a reason that nobody foresaw, takes no other with it. None is begun for which the time that
    is left may not suffice.
    """

    @functools.wraps(function)
    def handler(event: Mapping[str, object], context: object) -> object:
        parts, within = runtime.current(), cast("LambdaContext", context)
        parts.request_id = within.aws_request_id

        def take(record: SQSRecord) -> None:
            if not deadline.allows(_ONE_MESSAGE_SECONDS):
                raise DeliverAgain(record.message_id)
            function(parts, record)

        with correlation.using(within.aws_request_id), deadline.within(context):
            processor = _Telling(parts)
            return process_partial_response(dict(event), take, processor, cast("PowertoolsContext", context))

    return handler


class _Telling(BatchProcessor):
    """Logs why a message failed. A delivery that fails as a whole is answered like any other."""

    def __init__(self, parts: Runtime) -> None:
        super().__init__(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
        self._parts = parts

    def failure_handler(self, record: SQSRecord, exception: ExceptionInfo) -> FailureResponse:
        error = exception[1]
        if not isinstance(error, DeliverAgain):
            extra = {"message_id": record.message_id, "code": getattr(error, "code", type(error).__name__)}
            self._parts.log.error("message failed", extra=extra, exc_info=error)
        return super().failure_handler(record, exception)


def group_of(record: SQSRecord) -> str:
    """The group that a message of a FIFO queue belongs to; one that has none, invoked by hand, is a group by itself."""
    return _attribute(record, "MessageGroupId") or record.message_id


def first_received(record: SQSRecord) -> float:
    """When a message was delivered for the first time, in Unix seconds: the same at every delivery of it."""
    return int(_attribute(record, "ApproximateFirstReceiveTimestamp") or clock.unix() * 1_000) / 1_000


def sender_of(record: SQSRecord) -> str | None:
    """Who sent a message, as SQS tells it of its own knowledge; None for one that is invoked by hand."""
    return _attribute(record, "SenderId")


def first_sender_of(record: SQSRecord) -> str | None:
    """Who first sent what was put aside and is sent again, by what the letter says; None for any other message."""
    said = cast("Mapping[str, Mapping[str, object]]", record.raw_event.get("messageAttributes") or {})
    found = said.get(SENDER, {}).get("stringValue")
    return found if isinstance(found, str) else None


def _attribute(record: SQSRecord, name: str) -> str | None:
    said = cast("Mapping[str, object]", record.raw_event.get("attributes") or {})
    found = said.get(name)
    return found if isinstance(found, str) else None


def _records(event: Mapping[str, object]) -> list[SQSRecord]:
    return [SQSRecord(record) for record in cast("list[dict[str, object]]", event["Records"])]
