"""Flows of notices: by mail and by webhook, several in one mail, addresses that are muted."""

from __future__ import annotations

from contextlib import suppress

from aerostack_billing.notifications.models import NotificationsRequest
from aerostack_billing.notifications.preferences import NotMuted
from aerostack_billing.values.fields import validated
from tests.rooms.worlds.notices import URL
from tests.rooms.worlds.usage import consume
from tests.simulation.flows import flow
from tests.simulation.world import World

_READS, _LEAVES = "reads@example.com", "Leaves@example.com"
_EVENTS = ["usage.limit_near", "usage.grace_entered", "usage.blocked"]
_NEAR, _INTO_GRACE, _TO_THE_END = 41_000, 10_000, 4_000
"""What brings a new account from nothing to 80 %, above its limit and to its hard limit."""


def _named(world: World, *emails: str, webhook_url: str | None = None) -> None:
    wanted = validated(NotificationsRequest, {"emails": list(emails), "events": _EVENTS, "webhook_url": webhook_url})
    world.request(lambda parts: parts.notifications.preferences.put(world.account, wanted))
    recipients = (*emails, *([""] if webhook_url else []))
    world.post.kept.since = {(world.account, who): world.time.at for who in recipients}


def _use(world: World, quantity: int, metric: str = "api_requests") -> None:
    key = f"{metric}/{quantity}"
    world.request(lambda parts: consume(parts, world.account, quantity, metric, idempotency_key=key))


@flow("notice by mail and by webhook", lambda world: _named(world, _READS, webhook_url=URL))
class _Both:
    @staticmethod
    def act(world: World) -> None:
        _use(world, _NEAR)
        world.post.until(_READS, 1)

    @staticmethod
    def end(world: World) -> None:
        assert len(set(world.post.kept.posted)) == 1


@flow("storm, folded into one mail", lambda world: _named(world, _READS))
class _Storm:
    @staticmethod
    def act(world: World) -> None:
        _use(world, _NEAR)
        _use(world, world.eyes.catalog.plan("free").quotas["ai_tokens"].limit or 0, "ai_tokens")
        world.post.until(_READS, 1)

    @staticmethod
    def end(world: World) -> None:
        told = [event for mailed in world.post.to(_READS) for event in mailed.events]
        assert len(set(told)) == 2
        assert world.calls.struck is not None or len(world.post.to(_READS)) == 1


@flow("mail that bounces", lambda world: _named(world, _READS, _LEAVES))
class _Bounce:
    @staticmethod
    def act(world: World) -> None:
        _use(world, _NEAR)
        world.post.until(_READS, 1)
        world.post.until(_LEAVES, 1)
        world.post.play(_READS, "transient_bounce")
        world.post.play(_LEAVES, "bounce")
        _use(world, _INTO_GRACE)
        world.post.until(_READS, 2)

    @staticmethod
    def end(world: World) -> None:
        told = {event for mailed in world.post.to(_LEAVES) for event in mailed.events}
        assert len(told) == 1


@flow("mail whose reader complains, and is heard again", lambda world: _named(world, _LEAVES))
class _Complaint:
    @staticmethod
    def act(world: World) -> None:
        _use(world, _NEAR)
        world.post.until(_LEAVES, 1)
        world.post.play(_LEAVES, "complaint")
        _use(world, _INTO_GRACE)
        world.post.minute()
        with suppress(NotMuted):  # where the answer to the first time was lost
            world.request(lambda parts: parts.notifications.preferences.unmute(world.account, _LEAVES.upper()))
        world.later(1)
        world.post.kept.since[world.account, _LEAVES] = world.time.at
        _use(world, _TO_THE_END)
        world.post.until(_LEAVES, 2)

    @staticmethod
    def end(world: World) -> None:
        told = {event for mailed in world.post.to(_LEAVES) for event in mailed.events}
        # What broke off until the mute was lifted may be told then.
        assert len(told) == 2 or (len(told) == 3 and world.calls.struck is not None)
