"""The steps of the random mode in which operators act, as by `billingctl`: with a line in their log on either side."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.creators import reviews
from aerostack_billing.plans.models import Tier
from aerostack_billing.usage.resets import Reset
from aerostack_billing.values.errors import BillingError, OperatorRefused
from aerostack_billing.values.money import micros
from aerostack_billing.wallet.grants import GrantRequest
from aerostack_billing.webhooks.models import Event
from tests.simulation.randomly import Act, Note, Play
from tests.simulation.verbs_usage import settling

_TIERS: tuple[Tier | None, ...] = ("enterprise", "enterprise", "business", None, None, None)
_METRICS = ("api_requests", "ai_tokens")


def _operate(play: Play, verb: str, account: str | None, act: Act, note: Note = lambda _: None) -> None:
    def recorded(parts: Runtime) -> object:
        log = parts.operator_log
        intent = log.intend("operator", verb, {}, "Simulated.", account)
        try:
            result = act(parts)
        except BillingError as error:
            log.end(intent, "failed", {"code": error.code})
            raise
        log.end(intent, "done", {})
        play.answers.operations.add(intent.operation_id)
        return result

    play.ask(f"{verb} {account or ''}".strip(), recorded, note)


def _overruling(play: Play, account: str, tier: Tier | None) -> Act:
    """What is not answered may have taken effect: until it is, the tier is one of two."""

    def act(parts: Runtime) -> object:
        play.answers.tiers[account].add(tier)
        changed = parts.accounts.sync.overrule(account, tier)
        play.answers.tiers[account] = {tier}
        return changed

    return act


def set_tier(play: Play) -> None:
    account, tier = play.account(), play.chance.choice(_TIERS)
    _operate(play, f"set-tier {tier}", account, _overruling(play, account, tier))


def set_tier_meanwhile(play: Play) -> None:
    """An operator gives a tier while another process makes the account true."""
    account, tier = play.account(), play.chance.choice(_TIERS)
    acts: list[Act] = [_overruling(play, account, tier), lambda parts: parts.accounts.sync.make_true(account)]
    play.at_once(f"set-tier {tier} of {account}", acts)


def grant(play: Play) -> None:
    account, cents = play.account(), play.chance.choice((1, 500, 3_000))
    request = GrantRequest(account_id=account, amount_cents=cents, idempotency_key=play.key())

    def act(parts: Runtime) -> object:
        body = parts.wallet.grants.grant(request).body
        play.answers.transfers[account, str(body["grant_id"])] = micros(cents)
        return body

    _operate(play, f"grant {cents}", account, act)


def suspend_reload(play: Play) -> None:
    account = play.account()

    def act(parts: Runtime) -> object:
        wallet = parts.reload.settings.suspend(account, "Suspended.")
        play.answers.suspended.add(account)
        return wallet

    _operate(play, "suspend-reload", account, act)


def decide_payouts(play: Play) -> None:
    """An operator holds the payouts of a creator, or releases them; either may be refused as done already."""
    creator, decision = play.chance.choice(play.creators), play.chance.choice((reviews.hold, reviews.release))

    def act(parts: Runtime) -> object:
        with suppress(OperatorRefused):
            return parts.creators.reviews.decide(creator, decision)

    _operate(play, f"payouts {decision.__name__}", creator, act)


def _own(found: Reset) -> int:
    """What a reset gives back of what was asked for in its month; what was carried into it was in an earlier one."""
    carried = found.began.from_before(found.period) if found.began is not None else {}
    return found.used - carried.get(found.metric, 0)


def _resetting(play: Play, account: str, metric: str) -> Act:
    """A reset that notes what was told to be given back; not answered, it gave back nothing or what was used."""
    answer, unknown = play.answers.counted, play.answers.unknown[account, metric]

    def act(parts: Runtime) -> object:
        own = _own(play.world.eyes.usage.resets.preview(account, metric))
        unknown.append(-own)
        done = parts.usage.resets.reset(account, metric)
        unknown.remove(-own)
        answer[account, metric] -= _own(done)
        return done

    return act


def reset_usage(play: Play) -> None:
    account, metric = play.account(), play.chance.choice(_METRICS)
    _operate(play, f"reset {metric}", account, _resetting(play, account, metric))


def reset_meanwhile(play: Play) -> None:
    """A counter is reset while a lease that it carries is settled."""
    if play.leases:
        account, metric, taken = play.leases[-1]
        acts = [_resetting(play, account, metric), settling(play, account, metric, taken)]
        play.at_once(f"reset {metric} of {account} and a lease", acts)


def replay_webhook(play: Play) -> None:
    """An event is fetched and taken in: one that is lost, on its way, or was taken; perhaps while it arrives."""
    events = play.world.stripe_events()[-40:]
    if not events:
        return
    event = play.chance.choice([event for event in events if event["id"] in play.lost] or events)

    def act(parts: Runtime) -> object:
        raw = parts.payments.history.event(event["id"])
        return None if raw is None else parts.webhooks.service.replay(Event.model_validate(raw))

    if play.chance.random() < 0.3:
        play.at_once(f"replay of {event['type']}", [act, lambda parts: parts.webhooks.service.process(Event(**event))])
    else:
        _operate(play, f"replay {event['type']}", None, act)


WEIGHTS: dict[Callable[[Play], None], int] = {
    set_tier: 3,
    set_tier_meanwhile: 2,
    grant: 3,
    suspend_reload: 2,
    decide_payouts: 2,
    reset_usage: 3,
    reset_meanwhile: 2,
    replay_webhook: 3,
}
