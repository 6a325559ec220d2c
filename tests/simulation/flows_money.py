"""Flows of the wallet and of auto-reload."""

from __future__ import annotations

from aerostack_billing.platform.config import Settings
from aerostack_billing.values.money import micros
from tests.rooms.worlds.creators import call
from tests.rooms.worlds.deposits import open_deposit
from tests.rooms.worlds.reload import configure
from tests.rooms.worlds.wallet import capture, charge, hold, release
from tests.simulation.domain_events import events
from tests.simulation.flows import flow, nothing
from tests.simulation.world import World

_DECLINES_WHEN_CHARGED = "4000000000000341"
_ASKS_EACH_TIME = "4000002760003184"


def fund(world: World, cents: int = 2_500) -> None:
    """The account deposits, as a person does."""
    session = world.pay(world.request(lambda parts: open_deposit(parts, world.account, cents, key=f"fund {cents}")))
    world.request(lambda parts: parts.wallet.checkout_return.verify(world.account, session))
    world.notes["payment"] = world.person.api(f"checkout/sessions/{session}")["payment_intent"]
    world.hear()


def pending(world: World) -> int:
    """What the creator earned and is not payable yet."""
    return sum(earned.amount for earned in world.eyes.creators.store.pending(world.creator).values())


def lines(world: World, account: str | None = None) -> list[tuple[str, int]]:
    """Type and effect in cents of each transfer, in order."""
    whole = world.eyes.wallet.store.ledger.whole(account or world.account)
    return [(line.type, line.effect // 10_000) for line in whole]


def balance(world: World) -> int:
    """What can be spent, in cents."""
    return world.eyes.wallet.store.get(world.account).balance // 10_000


@flow("deposit", nothing)
class _Deposit:
    @staticmethod
    def act(world: World) -> None:
        url = world.request(lambda parts: open_deposit(parts, world.account, 2_500, key="k"))
        session = world.pay(url)
        world.hear()
        answer = world.request(lambda parts: parts.wallet.checkout_return.verify(world.account, session))
        assert answer["balance_cents"] == 2_500

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
        answer = world.request(lambda parts: call(parts, world.account, world.creator, 1_000, "k"))
        assert answer["balance_cents"] == 1_500

    @staticmethod
    def end(world: World) -> None:
        assert lines(world) == [("deposit", 2_500), ("charge", -1_000)]
        assert pending(world) == micros(800)


def _hold_and_capture(world: World, cents: int) -> None:
    held = world.request(lambda parts: hold(parts, world.account, 1_000, "h"))
    answer = world.request(lambda parts: capture(parts, world.account, held["hold_id"], cents, "c"))
    assert answer["captured_cents"] == cents


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
        """The request finds the wallet short until the lapsed hold is freed, before the schedule comes to it.

        And short again once it is charged: whoever comes second must hear of the charge, and not of what is missing.
        """
        held = world.request(lambda parts: hold(parts, world.account, 2_000, "h", ttl_seconds=604_800))
        world.later(604_800)
        world.request(lambda parts: charge(parts, world.account, 1_900, "k"))
        world.fire("holds")
        world.request(lambda parts: capture(parts, world.account, held["hold_id"], 500, "c"))

    @staticmethod
    def end(world: World) -> None:
        # The release of nothing keeps a hold that lapsed from being captured twice.
        captured = [("release", 0), ("capture", -500)]
        assert lines(world)[1:] == [("hold", -2_000), ("release", 2_000), ("charge", -1_900), *captured]


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
        portal = world.parts.accounts.subscriptions.portal(world.account, "https://app.aerostack.dev/")
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
        assert world.eyes.wallet.store.get(world.account).reload.state == "armed"


@flow("balance low, and told", fund)
class _Low:
    @staticmethod
    def act(world: World) -> None:
        spend(world)
        world.fire("events")

    @staticmethod
    def end(world: World) -> None:
        (low,) = events(world, "balance.low")
        assert (low["account_id"], low["data"]["balance_cents"]) == (world.account, 400)


@flow("reload declined", lambda world: reloading(world, _DECLINES_WHEN_CHARGED))
class _Declined:
    @staticmethod
    def act(world: World) -> None:
        spend(world)
        world.fire("reload")
        world.hear()

    @staticmethod
    def end(world: World) -> None:
        wallet = world.eyes.wallet.store.get(world.account)
        assert payments(world) == ["requires_payment_method"] * 3
        declined = [event for event in events(world, "reload.failed") if event["data"]["code"] == "generic_decline"]
        assert len(declined) == 3
        assert len(events(world, "reload.suspended")) == 1
        assert (wallet.reload.state, wallet.reload.declines, balance(world)) == ("suspended", 3, 400)


@flow("reload confirmed by its payer", lambda world: reloading(world, _ASKS_EACH_TIME))
class _Confirmed:
    @staticmethod
    def act(world: World) -> None:
        world.person.door("settings", {"off_session_authentication": "decline"})
        spend(world)
        for _ in range(3):
            world.fire("reload")
            attempt = world.eyes.wallet.store.get(world.account).reload.attempt
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


def taxed_page(world: World) -> None:
    """A deposit's page is open, which adds the tax of the payer's country."""
    plain = world.settings
    world.settings = Settings({**plain.environment, "AUTOMATIC_TAX": "true"})
    world.restart()
    world.notes["page"] = world.request(lambda parts: open_deposit(parts, world.account, 1_000, key="taxed"))
    world.settings = plain
    world.restart()


@flow("deposit with tax, partly refunded, and disputed", taxed_page)
class _Tax:
    @staticmethod
    def act(world: World) -> None:
        session = world.notes["page"].rpartition("/")[2]
        world.submit(world.notes["page"], card="4242424242424242", country="DE")
        world.hear()
        answer = world.request(lambda parts: parts.wallet.checkout_return.verify(world.account, session))
        assert answer["balance_cents"] == 1_000
        payment = world.person.api(f"checkout/sessions/{session}")["payment_intent"]
        for cents in (595, 100, 33):
            world.person.door("refunds", {"payment_intent": payment, "amount": cents})
            world.hear()
        world.person.door("disputes", {"payment_intent": payment, "status": "needs_response"})
        world.hear()

    @staticmethod
    def end(world: World) -> None:
        whole = world.eyes.wallet.store.ledger.whole(world.account)
        taken = [line.effect for line in whole if line.type == "refund"]
        assert sum(taken) == -(728 * 10_000_000 // 1_190)
        wallet = world.eyes.wallet.store.get(world.account)
        assert (wallet.balance, wallet.debt, wallet.deposited) == (0, 0, micros(1_000))


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
        wallet = world.eyes.wallet.store.get(world.account)
        assert (balance(world), wallet.debt) == (400, 0)


@flow("dispute opened and lost", fund)
class _DisputeLost:
    @staticmethod
    def act(world: World) -> None:
        spend(world)
        for status in ("needs_response", "lost"):
            world.person.door("disputes", {"payment_intent": world.notes["payment"], "status": status})
            world.hear()

    @staticmethod
    def end(world: World) -> None:
        wallet = world.eyes.wallet.store.get(world.account)
        assert (balance(world), wallet.debt) == (0, micros(2_100))


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
