"""Flows of many charges at once: batches, and holds that serve as allowances."""

from __future__ import annotations

import json
from typing import Any

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.values.errors import StoreUnavailable
from aerostack_billing.values.fields import validated
from aerostack_billing.wallet.requests import CaptureRequest, ExtendRequest
from tests.rooms.worlds.wallet import charge_all, hold, queued
from tests.simulation.domain_events import events
from tests.simulation.flows import flow
from tests.simulation.flows_money import balance, fund, lines, pending
from tests.simulation.world import World


@flow("batch of charges", fund)
class _Batch:
    @staticmethod
    def act(world: World) -> None:
        tool: dict[str, object] = {"kind": "tool_call", "creator_id": world.creator, "amount_cents": 100}
        charges: list[dict[str, object]] = [tool, {"amount_cents": 9_000}, tool, {"amount_cents": 50}]
        results = world.request(lambda parts: _answered(charge_all(parts, world.account, *charges)))
        assert [result["status"] for result in results] == [201, 402, 201, 201]

    @staticmethod
    def end(world: World) -> None:
        assert lines(world) == [("deposit", 2_500), ("charge", -100), ("charge", -100), ("charge", -50)]
        assert pending(world) == 1_600_000


def _answered(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The results, where the store served each; else it is asked again, as a client would."""
    if any(result["status"] == 503 for result in results):
        raise StoreUnavailable("Some charges were not taken. Try again with the same keys.")
    return results


@flow("charges by the queue", fund)
class _Queued:
    @staticmethod
    def act(world: World) -> None:
        """What failed comes again, all of it where the function broke off, and once more though it was done with."""
        tool: dict[str, object] = {"kind": "tool_call", "creator_id": world.creator, "amount_cents": 100}
        account = {"account_id": world.account}
        messages = [
            queued("m1", {**account, "idempotency_key": "a", **tool}),
            queued(
                "m2", *({**account, "idempotency_key": key, "amount_cents": n} for key, n in (("b", 9_000), ("c", 50)))
            ),
            queued("m3", {**account, "idempotency_key": "a", "amount_cents": 7}),
        ]
        waiting = {one.message_id: one for one in messages}

        def deliver(parts: Runtime) -> None:
            again = parts.wallet.queued.run(list(waiting.values())).again
            for done in waiting.keys() - again:
                del waiting[done]
            if waiting:
                raise StoreUnavailable("Some messages are to be delivered again.")

        world.request(deliver)
        assert world.charge_letters.kept, "what is done with is charged or put aside"
        waiting.update((one.message_id, one) for one in messages)
        world.request(deliver)

    @staticmethod
    def end(world: World) -> None:
        assert lines(world) == [("deposit", 2_500), ("charge", -100), ("charge", -50)]
        assert pending(world) == 800_000
        letters = {
            (json.loads(body)["charges"][0]["idempotency_key"], name) for body, _, name in world.charge_letters.kept
        }
        assert letters == {("b", "m2"), ("a", "m3")}
        assert [event["data"]["idempotency_key"] for event in events(world, "charge.refused")] == ["b"]


def _draw(world: World, hold_id: str, key: str, *cents: int, final: bool = False) -> Any:  # noqa: ANN401
    items = [{"amount_cents": amount} for amount in cents]
    body = {"account_id": world.account, "idempotency_key": key, "items": items, "final": final}
    request = validated(CaptureRequest, body)
    return world.request(lambda parts: parts.wallet.allowances.capture(hold_id, request).body)


def _extend(world: World, hold_id: str, add_cents: int) -> None:
    body = {"account_id": world.account, "idempotency_key": "e", "ttl_seconds": 900, "add_cents": add_cents}
    request = validated(ExtendRequest, body)
    world.request(lambda parts: parts.wallet.allowances.extend(hold_id, request).body)


@flow("allowance, drawn down, extended and ended", fund)
class _Allowance:
    @staticmethod
    def act(world: World) -> None:
        hold_id = world.request(lambda parts: hold(parts, world.account, 100, "h"))["hold_id"]
        assert _draw(world, hold_id, "d1", 30, 40)["remaining_cents"] == 30
        _extend(world, hold_id, 70)
        assert _draw(world, hold_id, "d2", 60)["remaining_cents"] == 40
        _draw(world, hold_id, "d3", 10, final=True)

    @staticmethod
    def end(world: World) -> None:
        drawn = [effect for kind, effect in lines(world) if kind == "capture"]
        assert drawn == [-30, -40, -60, -10]
        assert balance(world) == 2_360


@flow("allowance of a node that dies", fund)
class _Died:
    """It loses what it had not captured, at most what it holds: that comes back to the customer."""

    @staticmethod
    def act(world: World) -> None:
        hold_id = world.request(lambda parts: hold(parts, world.account, 500, "h", ttl_seconds=60))["hold_id"]
        _draw(world, hold_id, "d", 200, 100)
        world.time.forward(61)
        world.fire("holds")

    @staticmethod
    def end(world: World) -> None:
        assert [effect for kind, effect in lines(world) if kind == "capture"] == [-200, -100]
        assert (balance(world), world.eyes.wallet.store.get(world.account).held) == (2_200, 0)
