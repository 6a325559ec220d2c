"""What `billed` may be told, as its caller writes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Required, TypedDict

from aerostack_billing_client.service_calls import Labels
from aerostack_billing_client.wrap.deal import Unpaid


class Arguments(TypedDict, total=False):
    """The terms: `output_tokens` is what is held for where a call names no limit."""

    account: Required[str | Callable[[], str]]
    labels: Labels | Callable[[], Labels] | None
    kind: str
    output_tokens: int
    ttl_seconds: int
    new_key: Callable[[], str]
    on_unpaid: Callable[[Unpaid], None]
