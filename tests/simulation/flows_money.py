"""Flows of the wallet, auto-reload and creators."""

from __future__ import annotations

from typing import Any

from aerostack_billing.creators.models import OnboardRequest
from aerostack_billing.money import micros
from aerostack_billing.runtime import Runtime
from tests.simulation.flows import flow, nothing
from tests.simulation.world import World
from tests.store.test_creators import RETURN, call, refund
from tests.store.test_deposits import open_deposit
from tests.store.test_reload import configure
from tests.store.test_wallet import capture, charge, hold, release

_DECLINES_WHEN_CHARGED = "4000000000000341"
_ASKS_EACH_TIME = "4000002760003184"


def fund(world: World, cents: int = 2_500) -> None:
    """The account deposits, as a person does."""
    session = world.pay(world.request(lambda parts: open_deposit(parts, world.account, cents, key=f"fund {cents}")))
    world.request(lambda parts: parts.returns.verify(world.account, session))
    world.notes["payment"] = world.person.api(f"checkout/sessions/{session}")["payment_intent"]
    world.hear()


def lines(world: World, account: str | None = None) -> list[tuple[str, int]]:
    """Type and effect in cents of each transfer, in order."""
    whole = world.eyes.wallets.ledger.whole(account or world.account)
    return [(line.type, line.effect // 10_000) for line in whole]


def balance(world: World) -> int:
    """What can be spent, in cents."""
    return world.eyes.wallets.get(world.account).balance // 10_000


@flow("deposit", nothing)
class _Deposit:
    @staticmethod
    def act(world: World) -> None:
        url = world.request(lambda parts: open_deposit(parts, world.account, 2_500, key="k"))
        session = world.pay(url)
        world.hear()
        told = world.request(lambda parts: parts.returns.verify(world.account, session))
        assert told["balance_cents"] == 2_500

    @staticmethod
    def end(world: World) -> None:
        assert lines(world) == [("deposit", 2_500)]


@flow("charge", fund)
class _Charge:
    @staticmethod
    def act(world: World) -> None:
        first = world.request(lambda parts: charge(parts, world.account, 300, "k"))
        again = world.request(lambda parts: charge(parts, world.account, 300, "k"))
        assert first == again

    @staticmethod
    def end(world: World) -> None:
        assert lines(world) == [("deposit", 2_500), ("charge", -300)]


@flow("tool call", fund)
class _ToolCall:
    @staticmethod
    def act(world: World) -> None:
        told = world.request(lambda parts: call(parts, world.account, world.creator, 1_000, "k"))
        assert told["balance_cents"] == 1_500

    @staticmethod
    def end(world: World) -> None:
        assert lines(world) == [("deposit", 2_500), ("charge", -1_000)]
        assert sum(world.eyes.creators.pending(world.creator).values()) == micros(800)


def _hold_and_capture(world: World, cents: int) -> None:
    held = world.request(lambda parts: hold(parts, world.account, 1_000, "h"))
    told = world.request(lambda parts: capture(parts, world.account, held["hold_id"], cents, "c"))
    assert told["captured_cents"] == cents


@flow("hold, less captured", fund)
class _CaptureLess:
    @staticmethod
    def act(world: World) -> None:
        _hold_and_capture(world, 400)

    @staticmethod
    def end(world: World) -> None:
        assert lines(world)[1:] == [("hold", -1_000), ("release", 1_000), ("capture", -400)]


@flow("hold, more captured", fund)
class _CaptureMore:
    @staticmethod
    def act(world: World) -> None:
        _hold_and_capture(world, 1_400)

    @staticmethod
    def end(world: World) -> None:
        assert lines(world)[1:] == [("hold", -1_000), ("release", 1_000), ("capture", -1_400)]


@flow("hold, released", fund)
class _Release:
    @staticmethod
    def act(world: World) -> None:
        held = world.request(lambda parts: hold(parts, world.account, 1_000, "h"))
        world.request(lambda parts: release(parts, world.account, held["hold_id"]))

    @staticmethod
    def end(world: World) -> None:
        assert lines(world)[1:] == [("hold", -1_000), ("release", 1_000)]


@flow("hold, lapsed and then captured", fund)
class _Lapse:
    @staticmethod
    def act(world: World) -> None:
        """The request finds the wallet short until the lapsed hold is freed, before the schedule comes to it."""
        held = world.request(lambda parts: hold(parts, world.account, 2_000, "h", ttl_seconds=604_800))
        world.later(604_800)
        world.request(lambda parts: charge(parts, world.account, 700, "k"))
        world.fire("holds")
        world.request(lambda parts: capture(parts, world.account, held["hold_id"], 500, "c"))

    @staticmethod
    def end(world: World) -> None:
        assert lines(world)[1:] == [("hold", -2_000), ("release", 2_000), ("charge", -700), ("capture", -500)]


@flow("hold, lapsed by the schedule", fund)
class _LapseBySchedule:
    @staticmethod
    def act(world: World) -> None:
        world.request(lambda parts: hold(parts, world.account, 2_000, "h", ttl_seconds=604_800))
        world.later(604_800)
        world.fire("holds")

    @staticmethod
    def end(world: World) -> None:
        assert lines(world)[1:] == [("hold", -2_000), ("release", 2_000)]


def reloading(world: World, card: str = "4242424242424242") -> None:
    """The account reloads $20 below $5, from a card."""
    fund(world)
    if card != "4242424242424242":
        portal = world.parts.subscriptions.portal(world.account, "https://app.aerostack.dev/")
        world.submit(portal, action="update_card", card=card, authenticate="complete")
        world.hear()
    configure(world.parts, world.account)


def payments(world: World) -> list[str]:
    """The statuses of all reloads' payments at Stripe."""
    made = world.stripe.world.all("payment_intent").values()
    return [payment["status"] for payment in made if payment["metadata"].get("kind") == "reload"]


def spend(world: World) -> None:
    """A charge takes the balance below the threshold."""
    world.request(lambda parts: charge(parts, world.account, 2_100, "spent"))


@flow("reload by the sweep", reloading)
class _Reload:
    @staticmethod
    def act(world: World) -> None:
        spend(world)
        world.fire("reload")

    @staticmethod
    def end(world: World) -> None:
        assert payments(world) == ["succeeded"]
        assert lines(world) == [("deposit", 2_500), ("charge", -2_100), ("reload", 2_000)]
        assert world.eyes.wallets.get(world.account).reload.state == "armed"


@flow("reload declined", lambda world: reloading(world, _DECLINES_WHEN_CHARGED))
class _Declined:
    @staticmethod
    def act(world: World) -> None:
        spend(world)
        world.fire("reload")
        world.hear()

    @staticmethod
    def end(world: World) -> None:
        wallet = world.eyes.wallets.get(world.account)
        assert payments(world) == ["requires_payment_method"] * 3
        assert (wallet.reload.state, wallet.reload.declines, balance(world)) == ("suspended", 3, 400)


@flow("reload confirmed by its payer", lambda world: reloading(world, _ASKS_EACH_TIME))
class _Confirmed:
    @staticmethod
    def act(world: World) -> None:
        world.person.door("settings", {"off_session_authentication": "decline"})
        spend(world)
        for _ in range(3):
            world.fire("reload")
            attempt = world.eyes.wallets.get(world.account).reload.attempt
            if attempt is not None and attempt.action_url is not None:
                break
            world.later(40_000)
            world.hear()
        assert attempt is not None
        assert attempt.action_url is not None
        world.submit(attempt.action_url, authenticate="complete")
        world.hear()

    @staticmethod
    def end(world: World) -> None:
        assert payments(world) == ["succeeded"]
        assert balance(world) == 2_400


@flow("refund of a deposit", fund)
class _Refund:
    @staticmethod
    def act(world: World) -> None:
        world.person.door("refunds", {"payment_intent": world.notes["payment"], "amount": 1_000})
        world.hear()

    @staticmethod
    def end(world: World) -> None:
        assert lines(world) == [("deposit", 2_500), ("refund", -1_000)]


@flow("dispute opened and won", fund)
class _Dispute:
    @staticmethod
    def act(world: World) -> None:
        spend(world)
        world.person.door("disputes", {"payment_intent": world.notes["payment"], "status": "needs_response"})
        world.hear()
        world.person.door("disputes", {"payment_intent": world.notes["payment"], "status": "won"})
        world.hear()

    @staticmethod
    def end(world: World) -> None:
        wallet = world.eyes.wallets.get(world.account)
        assert (balance(world), wallet.debt) == (400, 0)


def partly_refunded(world: World) -> None:
    """A part of the deposit was refunded a moment ago: nobody has heard of it."""
    fund(world)
    world.person.door("refunds", {"payment_intent": world.notes["payment"], "amount": 1_000})
    world.notes["more"] = ("refunds", {"payment_intent": world.notes["payment"], "amount": 1_500})


def disputed(world: World) -> None:
    """The deposit was disputed a moment ago: nobody has heard of it."""
    fund(world)
    world.person.door("disputes", {"payment_intent": world.notes["payment"], "status": "needs_response"})
    world.notes["more"] = ("disputes", {"payment_intent": world.notes["payment"], "status": "won"})


def hear_while_more_happens(world: World) -> None:
    """At any call of a delivery more happens at Stripe, and another process hears of that first."""

    def more() -> None:
        before = world.unheard()
        world.person.door(*world.notes.pop("more"))
        world.hear_elsewhere([event for event in world.unheard() if event not in before])

    world.hear(more)
    if "more" in world.notes:
        world.person.door(*world.notes.pop("more"))
        world.hear()


@flow("refund, and more refunded while it is heard of", partly_refunded)
class _RefundMeanwhile:
    act = staticmethod(hear_while_more_happens)

    @staticmethod
    def end(world: World) -> None:
        assert balance(world) == 0


@flow("dispute, and won while it is heard of", disputed)
class _DisputeMeanwhile:
    act = staticmethod(hear_while_more_happens)

    @staticmethod
    def end(world: World) -> None:
        assert balance(world) == 2_500


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
    told = world.request(lambda parts: refund(parts, world.account, world.notes["charge"]))
    assert told["refunded_cents"] == 1_000


def _refunded(world: World) -> None:
    assert lines(world) == [("deposit", 2_500), ("charge", -1_000), ("charge_refund", 1_000)]
    creator = world.eyes.creators.get(world.creator)
    assert creator.payable + sum(world.eyes.creators.pending(world.creator).values()) == 0


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
        return parts.creator_accounts.onboard(world.creator, request)

    world.submit(world.request(page))
    world.hear()


@flow("onboarding", called)
class _Onboarding:
    act = staticmethod(onboard)

    @staticmethod
    def end(world: World) -> None:
        creator = world.eyes.creators.get(world.creator)
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


@flow("payout", payable)
class _Payout:
    @staticmethod
    def act(world: World) -> None:
        world.fire("payouts")

    @staticmethod
    def end(world: World) -> None:
        assert transfers(world) == [(1_600, 0)]
        assert world.eyes.creators.get(world.creator).paid == micros(1_600)


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

    @staticmethod
    def end(world: World) -> None:
        assert transfers(world) == [(1_600, 1_600), (1_600, 0)]
        assert world.eyes.creators.get(world.creator).paid == micros(1_600)
