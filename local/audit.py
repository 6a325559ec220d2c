"""Asks the running stack to hold its wallets against their ledger."""

from __future__ import annotations

from local.client import ask
from local.errors import LocalError
from local.template.loader import Value

FUNCTION = "AuditFunction"

_LONGEST_SECONDS = 900
"""As long as Lambda would let the function run."""


class CannotAudit(LocalError):
    """There is no finding; the message says why."""


def audit(port: int, account: str) -> dict[str, Value]:
    """The function's answer: how much it looked at, and its `violations`. An empty `account` takes all of them.

    NoStack where no stack runs; CannotAudit where the audit did not come to its end.
    """
    event: Value = {"account_id": account} if account else {}
    _, answer = ask(port, f"invoke/{FUNCTION}", event, timeout_seconds=_LONGEST_SECONDS)
    if not isinstance(answer.get("violations"), list):
        raise CannotAudit(f"the audit did not come to its end: {_reason(answer)}")
    return answer


def _reason(answer: dict[str, Value]) -> str:
    error = answer.get("error")
    body = error.get("message") if isinstance(error, dict) else answer.get("errorMessage")
    return str(body or "it answered something else than a finding")
