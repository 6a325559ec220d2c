"""`@paid`: a tool of an MCP server that is paid by its caller, and whose refusal an agent can act on."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

from aerostack_billing_client.aio.service import AsyncServiceClient
from aerostack_billing_client.errors import ApiError, BillingError
from aerostack_billing_client.money import Cents
from aerostack_billing_client.refusals import InsufficientBalance, PaymentRequired
from aerostack_billing_client.service import ServiceClient
from aerostack_billing_client.service_calls import Labels

P = ParamSpec("P")
T = TypeVar("T")


def of_token() -> str:
    """The account of the call that is being served: the subject of its access token, which the MCP SDK checked."""
    from mcp.server.auth.middleware.auth_context import get_access_token  # noqa: PLC0415 - the caller has it

    token = get_access_token()
    if token is None or not token.subject:
        raise LookupError("the call has no access token with a subject: say whose it is by `account`")
    return token.subject


def paid(
    billing: ServiceClient | AsyncServiceClient,
    amount_cents: Cents,
    *,
    account: str | Callable[[], str] = of_token,
    creator_id: str | None = None,
    kind: str | None = None,
    labels: Labels | None = None,
) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Charge a tool's price to its caller when the tool succeeds. Put it under the SDK's own decorator.

    The price is held before the tool runs, so that one who cannot pay does not get it, and captured after it; a tool
    that fails is free. With `creator_id` it is a `tool_call`, which pays its creator; else an `agent_execution`. An
    `async def` tool needs an `AsyncServiceClient`, another one a `ServiceClient`. A refusal reaches the agent as the
    tool's error, in words that say what can be done.
    """
    named = kind or ("tool_call" if creator_id is not None else "agent_execution")
    terms: dict[str, Any] = {"creator_id": creator_id, "labels": labels}

    def payer() -> str:
        return account() if callable(account) else account

    def decorate(tool: Callable[P, T]) -> Callable[P, T]:
        if inspect.iscoroutinefunction(tool):
            if not isinstance(billing, AsyncServiceClient):
                raise TypeError(f"{tool.__name__} is awaited: it is paid by an AsyncServiceClient")
            waiting = billing

            @functools.wraps(tool)
            async def later(*args: P.args, **kwargs: P.kwargs) -> object:
                try:
                    async with waiting.hold(payer(), named, amount_cents, **terms) as hold:
                        answer = await tool(*args, **kwargs)
                        await hold.capture(amount_cents)
                except BillingError as error:
                    raise _told(error) from error
                return answer

            return cast("Callable[P, T]", later)
        if not isinstance(billing, ServiceClient):
            raise TypeError(f"{tool.__name__} is not awaited: it is paid by a ServiceClient")
        blocking = billing

        @functools.wraps(tool)
        def now(*args: P.args, **kwargs: P.kwargs) -> T:
            try:
                with blocking.hold(payer(), named, amount_cents, **terms) as hold:
                    answer = tool(*args, **kwargs)
                    hold.capture(amount_cents)
            except BillingError as error:
                raise _told(error) from error
            return answer

        return now

    return decorate


def advice(error: BillingError) -> str:
    """What an agent is told of a refusal: what happened, and what it, or the person it works for, can do."""
    if isinstance(error, InsufficientBalance):
        return (
            f"PAYMENT_REQUIRED: the account has {error.balance_cents} cents and this costs {error.required_cents}. "
            f"Nothing was done. Ask the account's owner to deposit at least {error.missing_cents} cents, "
            "or go on without this tool. Do not repeat the call before that."
        )
    if isinstance(error, PaymentRequired):
        return (
            f"{error.code}: {error.message} Nothing was done. A limit that the account's owner set forbids it: ask the "
            "owner to raise it, or go on without this tool. Do not repeat the call before that."
        )
    if isinstance(error, ApiError) and error.status < 500 and error.status != 429:
        return f"BILLING_REFUSED: {error.code or error.status}. Do not repeat the call: tell the person you work for."
    return "BILLING_UNAVAILABLE: the call could not be paid. Try again in a minute."


def _told(error: BillingError) -> Exception:
    from mcp.server.mcpserver.exceptions import ToolError  # noqa: PLC0415 - the caller has it

    return ToolError(advice(error))
