"""The edge of the scheduled functions: what a schedule, or an operator manually, sends, and the time there is."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, cast

from aerostack_billing.assembly import runtime
from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.platform import correlation, deadline
from aerostack_billing.values.fields import AccountId, RequestModel, validated

_RESERVE_MS = 30_000
"""A sweep begins nothing new when less than this is left."""


class LambdaContext(Protocol):
    """The part of Lambda's context that is used."""

    aws_request_id: str
    function_name: str

    def get_remaining_time_in_millis(self) -> int:
        """What is left of the function's timeout."""


class _Named(RequestModel):
    account_id: AccountId | None = None


@dataclass(frozen=True)
class Job:
    """One run of a scheduled function."""

    payload: Mapping[str, object]
    context: LambdaContext
    runtime: Runtime

    @property
    def named_account_id(self) -> str | None:
        """The account that an operator named; a schedule names none. InvalidRequest for a malformed one."""
        named = {name: value for name, value in self.payload.items() if name == "account_id"}
        return validated(_Named, named).account_id

    def has_time(self) -> bool:
        """Whether there is time to begin another batch."""
        return self.context.get_remaining_time_in_millis() > _RESERVE_MS


def scheduled(function: Callable[[Job], dict[str, object]]) -> Callable[[object, object], dict[str, object]]:
    """The Lambda handler for `function`: logs what it did; what it raises fails the run, which is an alarm."""

    @functools.wraps(function)
    def handler(event: object, context: object) -> dict[str, object]:
        parts, within = runtime.current(), cast("LambdaContext", context)
        parts.request_id = within.aws_request_id
        with correlation.using(within.aws_request_id), deadline.within(context):
            done = function(Job(event if isinstance(event, dict) else {}, within, parts))
        parts.log.info("scheduled run", extra={"function": within.function_name, "done": done})
        return done

    return handler
