"""What `billed` may be told, as its caller writes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NotRequired, TypedDict

from aerostack_billing_client.service_calls import Labels
from aerostack_billing_client.wrap.deal import Allowances, Unpaid


class CallArguments(TypedDict, total=False):
    """The terms of each call: `output_tokens` is what is held for where a call names no limit."""

    kind: str
    output_tokens: int
    ttl_seconds: int
    new_key: Callable[[], str]
    on_unpaid: Callable[[Unpaid], None]


class Arguments(CallArguments):
    """The terms, and whose the calls are: an account, or an allowance of one."""

    account: NotRequired[str | Callable[[], str]]
    labels: NotRequired[Labels | Callable[[], Labels] | None]
    allowance: NotRequired[Allowances]
