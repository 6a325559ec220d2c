"""LiteLLM: a callback that bills the calls of its SDK, Router and proxy, and refuses a call before it is made."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar, Unpack

import anyio.to_thread
from litellm.integrations.custom_logger import CustomLogger

from aerostack_billing_client.errors import BillingError
from aerostack_billing_client.service import ServiceClient
from aerostack_billing_client.service_calls import Labels, charge
from aerostack_billing_client.wrap.arguments import CallArguments
from aerostack_billing_client.wrap.deal import Deal, Terms, Unpaid
from aerostack_billing_client.wrap.mcp_tools import advice
from aerostack_billing_client.wrap.providers import LITELLM, Asked

T = TypeVar("T")
Call = Mapping[str, object]
"""A call as LiteLLM hands it on: its arguments, and under `metadata` what the caller or the proxy says of it."""
_BILLED = frozenset({"acompletion", "completion"})
_SENT = ("model", "messages", "tools", "functions", "response_format", "max_tokens", "max_completion_tokens")
"""What of a call goes to the model, and how much may come back."""


class CallRefused(Exception):
    """Billing refuses the call, which was not made; `refusal` says why.

    Its `status_code` is 403: for 402 and 429 the Router would take a healthy deployment out of use.
    """

    status_code = 403

    def __init__(self, refusal: BillingError) -> None:
        super().__init__(advice(refusal))
        self.refusal = refusal


@dataclass(frozen=True)
class _Open:
    """A call that is under way, and its hold."""

    deal: Deal
    hold_id: str
    ends_at: float
    logging: object

    @property
    def started(self) -> bool:
        """Whether anything of a stream came."""
        return getattr(self.logging, "completion_start_time", None) is not None


class BilledCalls(CustomLogger):  # type: ignore[misc]
    """Bills LiteLLM's chat completions: `litellm.callbacks = [BilledCalls(billing, account=…)]`, also in a proxy.

    `account` and `labels` are given, or read from a call by a function, such as
    `lambda call: call["metadata"]["user_api_key_team_id"]` in a proxy.

    Calls by `acompletion`, the Router and the proxy are held by their estimated tokens before they are made; if billing
    refuses, CallRefused. Afterwards the usage that the provider reports is captured. A call that fails is free, and so
    is one that LiteLLM answers from its cache. A stream that breaks, or whose reader leaves the proxy, pays what came.

    Of a stream that is left inside your own program LiteLLM reports nothing, not even what came: it is charged its
    estimate once its hold has ended, at the next call or at `close`. `billed(litellm, billing, …)` of `model_clients`
    counts such streams.

    LiteLLM has no hook that can refuse the blocking `litellm.completion`. Such a call is charged after it; what cannot
    be charged is reported to `on_unpaid`. To hold before it, use `billed`.
    """

    def __init__(
        self,
        billing: ServiceClient,
        *,
        account: str | Callable[[Call], str],
        labels: Labels | Callable[[Call], Labels] | None = None,
        clock: Callable[[], float] = time.monotonic,
        **terms: Unpack[CallArguments],
    ) -> None:
        super().__init__()
        self._billing = billing
        self._account = account
        self._labels = labels
        self._clock = clock
        self._terms = terms
        self._open: dict[str, _Open] = {}
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"BilledCalls({self._billing!r})"

    def close(self) -> None:
        """Settle what is still open: streams that were left are charged their estimate, other holds are released."""
        self._settle_left(float("inf"))

    # Before a call

    async def async_pre_call_hook(
        self,
        user_api_key_dict: object,  # noqa: ARG002 - LiteLLM's own
        cache: object,  # noqa: ARG002
        data: Asked,
        call_type: str,
    ) -> Asked:
        """The budget hook of the proxy: refuses before a deployment is chosen."""
        return await self._held(data, call_type)

    async def async_pre_call_deployment_hook(self, kwargs: Asked, call_type: object) -> Asked:
        """The same for the SDK and the Router, at each try; the proxy's hold is not taken twice."""
        return await self._held(kwargs, str(getattr(call_type, "value", call_type)))

    async def _held(self, asked: Asked, call_type: str) -> Asked:
        call_id = asked.get("litellm_call_id")
        if call_type not in _BILLED or not isinstance(call_id, str) or self._is_held(call_id, asked):
            return asked
        await self._in_thread(partial(self._settle_left, self._clock()))
        deal = self._deal(asked)
        try:
            held = await self._in_thread(partial(self._billing.run, deal.take()))
        except BillingError as refusal:
            raise CallRefused(refusal) from refusal
        with self._lock:
            ends_at = self._clock() + deal.terms.ttl_seconds
            self._open[call_id] = _Open(deal, held.hold_id, ends_at, asked.get("litellm_logging_obj"))
        return LITELLM.prepared("acompletion", asked)[0]

    def _is_held(self, call_id: str, asked: Asked) -> bool:
        """Whether the proxy's hook took the hold already. The call's log, which tells of its stream, comes later."""
        with self._lock:
            held = self._open.get(call_id)
            if held is not None and held.logging is None:
                self._open[call_id] = replace(held, logging=asked.get("litellm_logging_obj"))
            return held is not None

    # After it

    async def async_log_success_event(
        self,
        kwargs: Call,
        response_obj: object,
        start_time: object,  # noqa: ARG002
        end_time: object,  # noqa: ARG002
    ) -> None:
        """A call, or a whole stream, succeeded."""
        found = self._taken(kwargs)
        if found is None:
            return
        deal = found.deal
        cached = bool(kwargs.get("cache_hit"))
        ends = deal.release(found.hold_id) if cached else deal.capture(found.hold_id, deal.used(response_obj))
        await self._in_thread(partial(self._billing.run, ends))

    async def async_log_failure_event(
        self,
        kwargs: Call,
        response_obj: object,  # noqa: ARG002
        start_time: object,  # noqa: ARG002
        end_time: object,  # noqa: ARG002
    ) -> None:
        """A call failed, or its stream broke: then LiteLLM tells what came."""
        await self._in_thread(partial(self._failed, kwargs))

    async def async_post_call_failure_deployment_hook(
        self,
        request_data: Call,
        exception: object,  # noqa: ARG002
        call_type: object,  # noqa: ARG002
        fallback_depth: int | None = None,  # noqa: ARG002
    ) -> None:
        """One try failed; the Router's next one takes a hold of its own."""
        await self._in_thread(partial(self._failed, request_data))

    async def async_post_call_failure_hook(
        self,
        request_data: Call,
        original_exception: object,  # noqa: ARG002
        user_api_key_dict: object,  # noqa: ARG002
        traceback_str: str | None = None,  # noqa: ARG002
    ) -> None:
        """The proxy gave up a request, maybe before any deployment was asked. A stream that began is reported apart."""
        held = self._open.get(str(request_data.get("litellm_call_id")))
        if held is not None and not held.started:
            await self._in_thread(partial(self._failed, request_data))

    def log_success_event(
        self,
        kwargs: Call,
        response_obj: object,
        start_time: object,  # noqa: ARG002
        end_time: object,  # noqa: ARG002
    ) -> None:
        """A blocking call succeeded: it is charged now."""
        if kwargs.get("call_type") != "completion" or kwargs.get("cache_hit"):
            return
        deal = self._deal(kwargs)
        deal.key = str(kwargs.get("litellm_call_id") or deal.key)
        usage = deal.used(response_obj)
        flow = charge(deal.account_id, deal.terms.kind, usage=usage, labels=deal.labels, idempotency_key=deal.key)
        try:
            self._billing.run(flow)
        except BillingError as error:
            deal.terms.on_unpaid(Unpaid(deal.account_id, "", deal.key, usage, error))

    # What is under way

    def _deal(self, asked: Call) -> Deal:
        account = self._account(asked) if callable(self._account) else self._account
        labels = self._labels(asked) if callable(self._labels) else self._labels
        # What was not named in the call, as `acompletion("gpt-4o-mini", messages)`, only the log of it has.
        logged = asked.get("litellm_logging_obj")
        given = {name: getattr(logged, name, None) for name in ("model", "messages")} | dict(asked)
        sent = {name: given[name] for name in _SENT if given.get(name) is not None}
        return Deal(Terms(account=account, labels=labels, **self._terms), LITELLM, sent)

    def _taken(self, kwargs: Call) -> _Open | None:
        with self._lock:
            return self._open.pop(str(kwargs.get("litellm_call_id")), None)

    def _failed(self, call: Call) -> None:
        found, came = self._taken(call), call.get("combined_usage_object")
        if found is not None:
            deal = found.deal
            ends = deal.release(found.hold_id) if came is None else deal.capture(found.hold_id, deal.used(came))
            self._billing.run(ends)

    def _settle_left(self, now: float) -> None:
        """End the calls whose hold has ended, and of which nothing was reported."""
        with self._lock:
            left = [call_id for call_id, call in self._open.items() if call.ends_at <= now]
            calls = [self._open.pop(call_id) for call_id in left]
        for call in calls:
            deal = call.deal
            ends = deal.capture(call.hold_id, deal.estimate) if call.started else deal.release(call.hold_id)
            self._billing.run(ends)

    @staticmethod
    async def _in_thread(work: Callable[[], T]) -> T:
        """Billing's client blocks; LiteLLM's event loop must not."""
        return await anyio.to_thread.run_sync(work)
