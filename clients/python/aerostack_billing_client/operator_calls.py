"""The call of operators: needs a token with the scope `billing:operate`."""

from __future__ import annotations

from aerostack_billing_client.asking import Flow, ask, segment
from aerostack_billing_client.calling import Call
from aerostack_billing_client.operator_answers import Timeline


def timeline_page(
    account_id: str,
    *,
    limit: int | None = None,
    cursor: str | None = None,
    since: str | None = None,
    correlation_id: str | None = None,
) -> Flow[Timeline]:
    """One page of what happened to an account, newest first. Needs the scope `billing:operate`."""
    query = {"limit": limit, "cursor": cursor, "since": since, "correlation_id": correlation_id}
    return ask(
        Timeline, Call(method="GET", path=f"/api/operators/accounts/{segment(account_id)}/timeline", query=query)
    )
