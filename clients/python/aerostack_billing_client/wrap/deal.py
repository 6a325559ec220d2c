"""One call of a model that is to be paid: what is held before it, and what is captured after it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from aerostack_billing_client.aio.allowance import AsyncAllowance
from aerostack_billing_client.allowance import Allowance
from aerostack_billing_client.allowance_parts import Reserved
from aerostack_billing_client.allowance_terms import ChargeTerms
from aerostack_billing_client.asking import Flow, new_key
from aerostack_billing_client.errors import BillingError
from aerostack_billing_client.service_calls import Labels, capture_hold, release_hold, take_hold
from aerostack_billing_client.usage import StreamedUsage, TokenUsage, UnreadableUsage
from aerostack_billing_client.wallet_answers import Held
from aerostack_billing_client.wrap.estimates import estimated
from aerostack_billing_client.wrap.providers import Provider

_log = logging.getLogger(__name__)


AnyAllowance = Allowance | AsyncAllowance
Allowances = AnyAllowance | Callable[[], AnyAllowance]
"""An allowance, or a function that is asked for one at each call."""


@dataclass(frozen=True)
class Unpaid:
    """Work that was done, and whose capture failed: capture `usage` of `hold_id` again under the same key."""

    account_id: str
    hold_id: str
    idempotency_key: str
    usage: TokenUsage
    error: BillingError


def log_unpaid(unpaid: Unpaid) -> None:
    """Say in the log what is to be captured yet."""
    _log.error(
        "work is done and not paid: hold %s of %s, key %s, %s: %s",
        unpaid.hold_id,
        unpaid.account_id,
        unpaid.idempotency_key,
        unpaid.usage,
        unpaid.error,
    )


@dataclass(frozen=True, kw_only=True)
class Terms:
    """On whose account calls are made, and how they are held."""

    account: str | Callable[[], str] | None = None
    labels: Labels | Callable[[], Labels] | None = None
    kind: str = "agent_execution"
    output_tokens: int = 1_024
    ttl_seconds: int = 900
    new_key: Callable[[], str] = new_key
    on_unpaid: Callable[[Unpaid], None] = log_unpaid
    allowance: Allowances | None = None

    @property
    def allowed(self) -> AnyAllowance | None:
        """The allowance that pays for the next call, if one does."""
        return self.allowance() if callable(self.allowance) else self.allowance


class Deal:
    """A call, from its estimate to its usage."""

    def __init__(self, terms: Terms, provider: Provider, asked: Mapping[str, object]) -> None:
        self.terms = terms
        self.allowance = terms.allowed
        self.account_id = _payer(terms, self.allowance)
        self.labels = terms.labels() if callable(terms.labels) else terms.labels
        self.key = terms.new_key()
        estimate = estimated(asked, terms.output_tokens)
        self.estimate = replace(estimate, model=provider.priced_model(estimate.model))
        self._reader = provider.reader
        self._streamed = StreamedUsage(provider.reader, self.estimate.model)
        self.events = 0
        self._reserved: Reserved | None = None

    @property
    def reserving(self) -> ChargeTerms:
        """What an allowance is to set aside."""
        return {"usage": self.estimate, "kind": self.terms.kind}

    def reserved(self, reserved: Reserved) -> str:
        """An allowance set the estimate aside: the hold that it is a part of."""
        self._reserved = reserved
        return reserved.hold_id

    def take(self) -> Flow[Held]:
        """Set the estimate aside."""
        return take_hold(
            self.account_id,
            self.terms.kind,
            usage=self.estimate,
            ttl_seconds=self.terms.ttl_seconds,
            labels=self.labels,
            idempotency_key=self.key,
        )

    def capture(self, hold_id: str, usage: TokenUsage) -> Flow[None]:
        """Take what was used. A capture that fails is reported: the answer of the work is not lost for that."""
        if self._reserved is not None:
            self._reserved.charge(usage=usage, kind=self.terms.kind, labels=self.labels)
            return
        try:
            yield from capture_hold(
                self.account_id,
                hold_id,
                usage=usage,
                labels=self.labels,
                allow_partial=True,
                idempotency_key=self.key,
            )
        except BillingError as error:
            self.terms.on_unpaid(Unpaid(self.account_id, hold_id, self.key, usage, error))

    def release(self, hold_id: str) -> Flow[None]:
        """Give it back. What failed before must come through; a hold that is not given back lapses by itself."""
        if self._reserved is not None:
            self._reserved.release()
            return
        try:
            yield from release_hold(self.account_id, hold_id, idempotency_key=self.key)
        except BillingError:
            _log.warning("a hold could not be released; it lapses by itself", exc_info=True)

    def end(self, hold_id: str, *, cut: bool, failed: bool) -> Flow[None]:
        """Pay for a stream that ended. One that failed before its first event is free."""
        if failed and not self.events:
            return self.release(hold_id)
        return self.capture(hold_id, self.used_by_stream(cut=cut))

    def used(self, answer: object) -> TokenUsage:
        """What the provider says was used; the estimate where it does not say."""
        try:
            return self._reader(answer, self.estimate.model)
        except UnreadableUsage as unreadable:
            _log.warning("the answer tells no usage, so that the estimate is charged: %s", unreadable)
            return self.estimate

    def heard(self, event: object) -> None:
        """An event of the stream."""
        self.events += 1
        self._streamed.add(event)

    def used_by_stream(self, *, cut: bool) -> TokenUsage:
        """What a stream used. One that was cut has no final count: its input, and a token an event that came."""
        try:
            body = self._streamed.usage()
        except UnreadableUsage:
            if not cut:
                _log.warning("the stream told no usage, so that the estimate is charged")
                return self.estimate
            return TokenUsage(self.estimate.model, self.estimate.input_tokens, self.events)
        if not cut:
            return body
        output = max(body.output_tokens, self.events)
        return TokenUsage(body.model, body.input_tokens, output, body.cache_read_tokens, body.cache_write_tokens)


def _payer(terms: Terms, allowance: AnyAllowance | None) -> str:
    """Whose the call is: as the terms say, which an allowance must not contradict, or the allowance's."""
    named = terms.account() if callable(terms.account) else terms.account
    if named is None and allowance is None:
        raise TypeError("say whose the calls are: by account, or by an allowance")
    if allowance is None:
        return str(named)
    if named not in {None, allowance.account_id}:
        raise ValueError(f"the call is {named}'s, and the allowance {allowance.account_id}'s")
    return allowance.account_id
