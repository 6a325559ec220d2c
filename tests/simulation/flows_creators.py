"""Flows of creators: refunds of what they earned, onboarding, payouts."""

from __future__ import annotations

import contextlib
from typing import Any

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.creators.models import OnboardRequest
from aerostack_billing.values.money import micros
from tests.rooms.worlds.creators import RETURN, call, refund
from tests.simulation.faults import Crash
from tests.simulation.flows import flow
from tests.simulation.flows_money import fund, lines, pending
from tests.simulation.world import World


def called(world: World) -> None:
    """A tool was called, and the caller wants the money back."""
    fund(world)
    world.notes["charge"] = call(world.parts, world.account, world.creator, 1_000, "called")["charge_id"]


def called_long_ago(world: World) -> None:
    """The earning is payable by now; its creator cannot be paid yet."""
    called(world)
    world.later(9 * 86_400)
    world.fire("payouts")


def _refund_the_call(world: World) -> None:
    answer = world.request(lambda parts: refund(parts, world.account, world.notes["charge"]))
    assert answer["refunded_cents"] == 1_000


def _refunded(world: World) -> None:
    assert lines(world) == [("deposit", 2_500), ("charge", -1_000), ("charge_refund", 1_000)]
    creator = world.eyes.creators.store.get(world.creator)
    assert creator.payable + pending(world) == 0


@flow("charge refund, earning pending", called)
class _RefundPending:
    act = staticmethod(_refund_the_call)
    end = staticmethod(_refunded)


@flow("charge refund, earning matured", called_long_ago)
class _RefundMatured:
    act = staticmethod(_refund_the_call)
    end = staticmethod(_refunded)


def onboard(world: World) -> None:
    """The creator completes a connected account."""
    request = OnboardRequest(return_url=RETURN, refresh_url=RETURN)

    def page(parts: Runtime) -> str:
        return parts.creators.accounts.onboard(world.creator, request)

    world.submit(world.request(page))
    world.hear()


@flow("onboarding", called)
class _Onboarding:
    act = staticmethod(onboard)

    @staticmethod
    def end(world: World) -> None:
        creator = world.eyes.creators.store.get(world.creator)
        accounts = list(world.stripe.world.all("account"))
        assert (creator.onboarding, [creator.connected_account_id]) == ("complete", accounts)


def payable(world: World) -> None:
    """A creator who can be paid has earned $16, nine days ago."""
    fund(world)
    onboard(world)
    call(world.parts, world.account, world.creator, 2_000, "called")
    world.later(9 * 86_400)


def transfers(world: World) -> list[tuple[Any, Any]]:
    """Amount and what was taken back of each transfer at Stripe, in order."""
    return [(t["amount"], t["amount_reversed"]) for t in world.stripe.world.all("transfer").values()]


@flow("payout, and told", payable)
class _Payout:
    @staticmethod
    def act(world: World) -> None:
        world.fire("payouts")
        world.fire("events")

    @staticmethod
    def end(world: World) -> None:
        assert transfers(world) == [(1_600, 0)]
        assert world.eyes.creators.store.get(world.creator).paid == micros(1_600)


def paid(world: World) -> None:
    """The creator was paid."""
    payable(world)
    world.fire("payouts")


@flow("payout reversed", paid)
class _Reversed:
    @staticmethod
    def act(world: World) -> None:
        made = next(iter(world.stripe.world.all("transfer")))
        world.take_back(made)
        world.hear()
        world.later(86_400)
        world.fire("payouts")

    @staticmethod
    def end(world: World) -> None:
        """What a person reversed waits for a person."""
        assert transfers(world) == [(1_600, 1_600)]
        creator = world.eyes.creators.store.get(world.creator)
        assert (creator.payable, creator.paid, creator.held_for) == (micros(1_600), 0, "transfer_reversed")


def due_and_called(world: World) -> None:
    """An earning is due today, and nobody has made it payable."""
    called(world)
    world.later(9 * 86_400)


@flow("charge refund, while the earning matures", due_and_called)
class _RefundMeanwhile:
    @staticmethod
    def act(world: World) -> None:
        world.request(
            lambda parts: refund(parts, world.account, world.notes["charge"]), lambda: _sweep_elsewhere(world)
        )

    end = staticmethod(_refunded)


@flow("earning matures, while the charge is refunded", due_and_called)
class _MaturesMeanwhile:
    @staticmethod
    def act(world: World) -> None:
        def refunded() -> None:
            refund(world.process(), world.account, world.notes["charge"])

        world.fire("payouts", refunded)
        _refund_the_call(world)

    end = staticmethod(_refunded)


def _sweep_elsewhere(world: World) -> None:
    world.process().creators.payouts.sweep()


def payable_twice(world: World) -> None:
    """A creator who can be paid has earned $16 nine days ago, and $16 more today."""
    payable(world)
    fund(world, 2_600)
    call(world.parts, world.account, world.creator, 2_000, "called again")


@flow("payout, while another is left open", payable_twice)
class _PayoutMeanwhile:
    @staticmethod
    def act(world: World) -> None:
        """One sweep waits, another begins a payout and dies, and more becomes payable before the first goes on."""

        def left_open() -> None:
            dying = world.process()
            dying.creators.payouts._make = _die  # type: ignore[method-assign]
            with contextlib.suppress(Crash):
                dying.creators.payouts.sweep()
            world.later(9 * 86_400)
            dying.creators.payouts._mature(world.creator)

        world.fire("payouts", left_open)
        world.later(9 * 86_400)

    @staticmethod
    def end(world: World) -> None:
        assert sum(sent - back for sent, back in transfers(world)) == 3_200
        assert world.eyes.creators.store.get(world.creator).paid == micros(3_200)


def _die(_payout: object) -> Any:  # noqa: ANN401 - it never answers
    raise Crash


@flow("connected account gone, and another one paid", payable)
class _Disconnected:
    @staticmethod
    def act(world: World) -> None:
        (gone,) = world.stripe.world.all("account")
        world.person.door(f"accounts/{gone}", {"deauthorized": True})
        world.hear()
        world.fire("payouts")
        onboard(world)
        world.fire("payouts")

    @staticmethod
    def end(world: World) -> None:
        """One transfer, to the one account that there is."""
        (account,) = world.stripe.world.all("account")
        assert [t["destination"] for t in world.stripe.world.all("transfer").values()] == [account]
        creator = world.eyes.creators.store.get(world.creator)
        assert (creator.onboarding, creator.connected_account_id) == ("complete", account)


def _dispute(world: World, status: str = "needs_response") -> None:
    world.person.door("disputes", {"payment_intent": world.notes["payment"], "status": status})


def _claimed(world: World, cents: int) -> None:
    """So much is claimed, and what was paid out of it is owed."""
    creator = world.eyes.creators.store.get(world.creator)
    sent = sum(amount - back for amount, back in transfers(world))
    assert (creator.claimed, creator.payable, creator.paid) == (micros(cents), -micros(sent), micros(sent))


def earned(world: World) -> None:
    """A creator who can be paid earned $16 a moment ago."""
    fund(world)
    onboard(world)
    call(world.parts, world.account, world.creator, 2_000, "called")


@flow("deposit disputed, what it paid for pending", earned)
class _DisputedPending:
    @staticmethod
    def act(world: World) -> None:
        _dispute(world)
        world.hear()
        world.fire("payouts")
        world.later(9 * 86_400)
        world.fire("payouts")

    @staticmethod
    def end(world: World) -> None:
        # Where no webhook arrives, the reconciler may come after the payout: then it is owed.
        assert world.events_lost or transfers(world) == []
        _claimed(world, 1_600)


@flow("deposit disputed, what it paid for paid out, and won", paid)
class _DisputedPaid:
    @staticmethod
    def act(world: World) -> None:
        _dispute(world)
        world.hear()
        world.fire("payouts")
        _dispute(world, "won")
        world.hear()
        world.fire("payouts")

    @staticmethod
    def end(world: World) -> None:
        creator = world.eyes.creators.store.get(world.creator)
        assert (creator.claimed, creator.payable, transfers(world)) == (0, 0, [(1_600, 0)])


@flow("payout, while the deposit that paid for it is disputed", payable)
class _DisputedMeanwhile:
    @staticmethod
    def act(world: World) -> None:
        def disputed() -> None:
            _dispute(world)
            world.hear_elsewhere(world.unheard())
            world.process().creators.claims.sweep()

        world.fire("payouts", disputed)

    @staticmethod
    def end(world: World) -> None:
        """Paid or not, nothing of it is the creator's."""
        if world.stripe.world.all("dispute"):
            _claimed(world, 1_600)
