"""Flows of usage: counting alone, in batches and by leases, storage, and the places of resources."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.usage.models import Counter, PlaceName
from aerostack_billing.values.errors import PlanLimitExceeded, StoreUnavailable
from tests.rooms.worlds.usage import batch, consume, event, message, settle, take
from tests.simulation.domain_events import events
from tests.simulation.flows import flow, nothing
from tests.simulation.world import World

SITE = PlaceName(kind="projects", id="site")


def counter(world: World, name: str = "api_requests") -> Counter:
    """A counter of the month in which the world began."""
    items = world.eyes.usage.store.read(world.account, ["2026-03", "resources", "storage"], consistent=True)
    return next(item.counters[name] for item in items.values() if name in item.counters)


def near_a_threshold(world: World) -> None:
    """A little more, and 80 % is announced."""
    consume(world.parts, world.account, 39_000)


def _is_known(world: World) -> bool:
    """Whether what was not answered was certainly not done."""
    return "throttle" in world.calls.kind or world.calls.kind in {"conflict", ""}


@flow("consume with a key", near_a_threshold)
class _ConsumeWithKey:
    @staticmethod
    def act(world: World) -> None:
        for _ in range(2):
            answer = world.request(lambda parts: consume(parts, world.account, 2_000, idempotency_key="k"))
            assert answer["used"] == 41_000

    @staticmethod
    def end(world: World) -> None:
        assert counter(world).used == 41_000


@flow("threshold passed, and told", near_a_threshold)
class _Threshold:
    @staticmethod
    def act(world: World) -> None:
        world.request(lambda parts: consume(parts, world.account, 16_000, idempotency_key="k"))
        world.fire("events")

    @staticmethod
    def end(world: World) -> None:
        answer = [(event["type"], event["data"]["used"]) for event in events(world, "usage.blocked")]
        assert answer == [("usage.blocked", 55_000)]


@flow("threshold passed by the last call of the month", near_a_threshold)
class _LastCall:
    @staticmethod
    def act(world: World) -> None:
        """Nobody asks again: what it did not come to tell the audit tells."""
        with suppress(PlanLimitExceeded):  # where a duplicate was faster
            world.once(lambda parts: consume(parts, world.account, 16_000))

    @staticmethod
    def end(world: World) -> None:
        answer = [(event["type"], event["data"]["used"]) for event in events(world, "usage.blocked")]
        assert answer == ([("usage.blocked", 55_000)] if counter(world).used == 55_000 else [])


@flow("first consume of a month, with a key", nothing)
class _FirstConsume:
    @staticmethod
    def act(world: World) -> None:
        assert world.request(lambda parts: consume(parts, world.account, 5, idempotency_key="k"))["used"] == 5

    @staticmethod
    def end(world: World) -> None:
        assert counter(world).used == 5


@flow("consume without a key", nothing)
class _ConsumeWithoutKey:
    @staticmethod
    def act(world: World) -> None:
        """Whoever has no key does not ask again: what was not answered is counted or not, never twice."""
        asked: list[int] = []
        counted: list[int] = []

        def once(parts: Runtime) -> None:
            asked.append(5)
            consume(parts, world.account, 5)
            counted.append(5)

        world.once(once)
        world.notes.update(asked=sum(asked), counted=sum(counted))

    @staticmethod
    def end(world: World) -> None:
        used = consume(world.parts, world.account, 1)["used"] - 1
        assert used in {world.notes["counted"], world.notes["asked"]}
        if _is_known(world):
            assert used == world.notes["counted"], "what is told is known"


@flow("batch with keys", near_a_threshold)
class _Batch:
    @staticmethod
    def act(world: World) -> None:
        """What of a batch was not counted is asked for again with the rest, under its keys."""

        def send(parts: Runtime) -> list[dict[str, Any]]:
            results = batch(
                parts,
                event(world.account, 1_500, idempotency_key="a"),
                event(world.account, 500, idempotency_key="b"),
                event(world.account, 7, "ai_tokens", idempotency_key="c"),
                event(world.account, 500, idempotency_key="b"),
                event(world.account, 60_000, idempotency_key="d"),
            )
            if any(result["status"] >= 500 for result in results):
                raise StoreUnavailable("Something of the batch was not counted.")
            return results

        for _ in range(2):
            results = world.request(send)
            assert [result.get("used") for result in results] == [40_500, 41_000, 7, 41_000, None]

    @staticmethod
    def end(world: World) -> None:
        assert (counter(world).used, counter(world, "ai_tokens").used) == (41_000, 7)


@flow("usage by the queue", near_a_threshold)
class _Queue:
    @staticmethod
    def act(world: World) -> None:
        """A queue delivers what was named as failed, and all of it where the function broke off, until it is done.

        What of it can never be counted is among the dead letters by then.
        """
        messages = [
            message("m1", event(world.account, 1_500), event(world.account, 7, "ai_tokens")),
            message("m2", event(world.account, 500), event(world.account, 9, "storage_bytes")),
            message("m3", event(world.account, 60_000), event(world.account, 5, idempotency_key="k")),
            message("m4", event(world.account, 3), event(world.account, -3)),
        ]
        waiting = {one.message_id: one for one in messages}

        def deliver(parts: Runtime) -> None:
            again = parts.usage.ingest.run(list(waiting.values())).again
            for done in waiting.keys() - again:
                del waiting[done]
            if waiting:
                raise StoreUnavailable("Some messages are to be delivered again.")

        world.request(deliver)
        assert world.letters.kept, "what is done with is counted, refused or put aside"
        # At least once: what is done with may come again all the same.
        waiting.update((one.message_id, one) for one in messages)
        world.request(deliver)

    @staticmethod
    def end(world: World) -> None:
        assert counter(world).used == 41_008
        assert (counter(world, "ai_tokens").used, counter(world, "storage_bytes").used) == (7, 9)
        assert {(json.loads(body)["events"][0]["quantity"], name) for body, _, name in world.letters.kept} == {
            (-3, "m4")
        }


@flow("lease taken and settled", nothing)
class _Lease:
    @staticmethod
    def act(world: World) -> None:
        """Taking has no key: a lease whose answer was lost lapses, and counts as used."""
        asked: list[int] = []
        taken: list[dict[str, Any]] = []

        def once(parts: Runtime) -> None:
            asked.append(1_000)
            taken.append(take(parts, world.account, ttl=3_600))

        world.once(once)
        for lease in taken:
            world.request(lambda parts, lease=lease: settle(parts, world.account, lease, 400))  # type: ignore[misc]
        world.notes.update(asked=len(asked), taken=len(taken))

    @staticmethod
    def end(world: World) -> None:
        used = consume(world.parts, world.account, 1)["used"] - 1
        most = 0 if _is_known(world) else world.notes["asked"] - world.notes["taken"]
        assert used - 400 * world.notes["taken"] in {1_000 * lost for lost in range(most + 1)}


def stored(world: World) -> None:
    """Something is stored."""
    consume(world.parts, world.account, 5_000, "storage_bytes")


@flow("storage given back with a key", stored)
class _Storage:
    @staticmethod
    def act(world: World) -> None:
        for _ in range(2):
            answer = world.request(
                lambda parts: consume(parts, world.account, -2_000, "storage_bytes", idempotency_key="k")
            )
            assert answer["used"] == 3_000

    @staticmethod
    def end(world: World) -> None:
        assert counter(world, "storage_bytes").used == 3_000


@flow("claim and free a resource", nothing)
class _Claim:
    @staticmethod
    def act(world: World) -> None:
        answer = world.request(lambda parts: parts.usage.resources.claim(world.account, SITE))
        assert answer["used"] == 1
        other = PlaceName(kind="projects", id="other")
        world.request(lambda parts: parts.usage.resources.claim(world.account, other))
        world.request(lambda parts: parts.usage.resources.free(world.account, SITE))

    @staticmethod
    def end(world: World) -> None:
        assert [p.resource_id for p in world.eyes.usage.resources._places.all(world.account)] == ["other"]
        assert counter(world, "projects").used == 1
