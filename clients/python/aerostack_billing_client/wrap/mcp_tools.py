"""`@paid`: a tool of an MCP server that is paid by its caller, and whose refusal an agent can act on."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar, cast

from aerostack_billing_client.aio.service import AsyncServiceClient
from aerostack_billing_client.allowance_terms import ChargeTerms
from aerostack_billing_client.errors import ApiError, BillingError
from aerostack_billing_client.money import Cents
from aerostack_billing_client.refusals import InsufficientBalance, PaymentRequired, PriceChanged
from aerostack_billing_client.service import ServiceClient
from aerostack_billing_client.service_calls import Labels
from aerostack_billing_client.wrap.deal import Allowances
from aerostack_billing_client.wrap.payments import AllowedPayment, Payment
from aerostack_billing_client.wrap.streams import shielded

P = ParamSpec("P")
T = TypeVar("T")
MakePayment = Callable[[], Payment | AllowedPayment]


def of_token() -> str:
    """The account of the call that is being served: the subject of its access token, which the MCP SDK checked."""
    from mcp.server.auth.middleware.auth_context import get_access_token  # noqa: PLC0415 - the caller has it

    token = get_access_token()
    if token is None or not token.subject:
        raise LookupError("the call has no access token with a subject: say whose it is by `account`")
    return token.subject


def paid(
    billing: ServiceClient | AsyncServiceClient,
    amount_cents: Cents | None = None,
    *,
    tool_id: str | None = None,
    max_price_cents: Cents | None = None,
    account: str | Callable[[], str] = of_token,
    creator_id: str | None = None,
    kind: str | None = None,
    labels: Labels | None = None,
    allowance: Allowances | None = None,
) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Charge a tool's price to its caller when the tool succeeds. Put it under the SDK's own decorator.

    The price is held before the tool runs, so that a caller who cannot pay does not get it, and captured after it; a
    tool that fails is free. With `creator_id` it is a `tool_call`, which pays its creator; else an `agent_execution`.

    With `tool_id` in place of an amount, price and creator are those that the creator published; `max_price_cents`
    refuses a price above it.

    With `allowance`, or a function that is asked for one at each call, its account pays, mostly without a request.

    An `async def` tool needs an `AsyncServiceClient`, another one a `ServiceClient`. A refusal reaches the agent as the
    tool's error, in words that say what can be done.
    """
    if (amount_cents is None) == (tool_id is None):
        raise TypeError("a paid tool has amount_cents or tool_id, one of them")

    if allowance is not None and account is not of_token:
        raise TypeError("who pays is said once: by account, or by an allowance")
    named = kind or ("agent_execution" if creator_id is None and tool_id is None else "tool_call")

    def flow() -> Payment | AllowedPayment:
        if allowance is not None:
            terms: ChargeTerms = {"kind": named, "creator_id": creator_id, "labels": labels}
            terms |= {"tool_id": tool_id, "max_price_cents": max_price_cents}
            return AllowedPayment(allowance, amount_cents, terms)
        payer = account() if callable(account) else account
        return Payment(
            payer,
            named,
            amount_cents,
            creator_id=creator_id,
            tool_id=tool_id,
            max_price_cents=max_price_cents,
            labels=labels,
        )

    def decorate(tool: Callable[P, T]) -> Callable[P, T]:
        if inspect.iscoroutinefunction(tool):
            if not isinstance(billing, AsyncServiceClient):
                raise TypeError(f"{tool.__name__} is awaited: it is paid by an AsyncServiceClient")
            return cast("Callable[P, T]", _awaited(billing, tool, flow))
        if not isinstance(billing, ServiceClient):
            raise TypeError(f"{tool.__name__} is not awaited: it is paid by a ServiceClient")
        return _blocking(billing, tool, flow)

    return decorate


def _awaited(
    billing: AsyncServiceClient, tool: Callable[P, Coroutine[Any, Any, T]], make: MakePayment
) -> Callable[P, Coroutine[Any, Any, T]]:
    @functools.wraps(tool)
    async def later(*args: P.args, **kwargs: P.kwargs) -> T:
        payment = make()
        try:
            await payment.take_later(billing)
            try:
                answer = await tool(*args, **kwargs)
            except BaseException:
                await shielded(billing, payment.failed())
                raise
            await shielded(billing, payment.succeeded())
        except BillingError as error:
            raise _told(error) from error
        return answer

    return later


def _blocking(billing: ServiceClient, tool: Callable[P, T], make: MakePayment) -> Callable[P, T]:
    @functools.wraps(tool)
    def now(*args: P.args, **kwargs: P.kwargs) -> T:
        payment = make()
        try:
            payment.take(billing)
            try:
                answer = tool(*args, **kwargs)
            except BaseException:
                billing.run(payment.failed())
                raise
            billing.run(payment.succeeded())
        except BillingError as error:
            raise _told(error) from error
        return answer

    return now


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
    if isinstance(error, PriceChanged):
        return (
            f"PRICE_CHANGED: this costs {error.price_cents} cents now, more than was allowed. Nothing was done. Ask "
            "the person you work for, or go on without this tool. Do not repeat the call before that."
        )
    if isinstance(error, ApiError) and error.status < 500 and error.status != 429:
        return f"BILLING_REFUSED: {error.code or error.status}. Do not repeat the call: tell the person you work for."
    return "BILLING_UNAVAILABLE: the call could not be paid. Try again in a minute."


def _told(error: BillingError) -> Exception:
    from mcp.server.mcpserver.exceptions import ToolError  # noqa: PLC0415 - the caller has it

    return ToolError(advice(error))
