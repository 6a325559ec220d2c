"""Flows of plans."""

from __future__ import annotations

from aerostack_billing.platform.config import Settings
from tests.rooms.worlds.deposits import open_deposit
from tests.rooms.worlds.plans import open_page
from tests.rooms.worlds.usage import consume
from tests.simulation.domain_events import events
from tests.simulation.flows import flow, nothing
from tests.simulation.flows_usage import SITE, counter, near_a_threshold
from tests.simulation.world import World


def buy(world: World, tier: str = "starter") -> None:
    """The account pays for a plan, and uses something of it."""
    url = world.request(lambda parts: open_page(parts, world.account, tier, key=f"buy {tier}"))  # type: ignore[arg-type]
    world.pay(url)
    world.hear()
    consume(world.parts, world.account, 1_000)
    world.parts.usage.resources.claim(world.account, SITE)


def tier(world: World) -> str:
    """The account's tier as stored."""
    return world.eyes.accounts.store.get(world.account).plan.tier


def subscriptions(world: World) -> list[str]:
    """The statuses of all subscriptions at Stripe, oldest first."""
    return [s["status"] for s in world.stripe.world.all("subscription").values()]


@flow("checkout and webhook", near_a_threshold)
class _Checkout:
    @staticmethod
    def act(world: World) -> None:
        url = world.request(lambda parts: open_page(parts, world.account, "pro", key="k"))
        world.pay(url)
        world.hear()

    @staticmethod
    def end(world: World) -> None:
        assert (tier(world), subscriptions(world)) == ("pro", ["active"])
        assert counter(world).used == 39_000
        (changed,) = events(world, "plan.changed")
        assert (changed["data"]["changed"], changed["data"]["after"]["plan_tier"]) == (["plan_tier"], "pro")


@flow("checkout and verify-session", nothing)
class _Verify:
    @staticmethod
    def act(world: World) -> None:
        url = world.request(lambda parts: open_page(parts, world.account, "starter", "yearly", key="k"))
        session = world.pay(url)
        view = world.request(lambda parts: parts.wallet.checkout_return.verify(world.account, session))
        assert view["plan_tier"] == "starter"

    @staticmethod
    def end(world: World) -> None:
        assert (tier(world), subscriptions(world)) == ("starter", ["active"])


@flow("dearer plan by portal and webhook", buy)
class _Dearer:
    @staticmethod
    def act(world: World) -> None:
        url = world.request(lambda parts: open_page(parts, world.account, "business", key="k"))
        world.submit(url, action="confirm")
        world.hear()

    @staticmethod
    def end(world: World) -> None:
        assert (tier(world), subscriptions(world)) == ("business", ["active"])
        assert counter(world).used == 1_000


@flow("cheaper plan at the period's end", lambda world: buy(world, "pro"))
class _Cheaper:
    @staticmethod
    def act(world: World) -> None:
        url = world.request(lambda parts: open_page(parts, world.account, "starter", key="k"))
        world.submit(url, action="confirm")
        world.hear()
        world.later(32 * 86_400)
        world.hear()

    @staticmethod
    def end(world: World) -> None:
        assert (tier(world), subscriptions(world)) == ("starter", ["active"])


def trial_page(world: World) -> None:
    """Two pages are open, each of which begins with a trial."""
    plain = world.settings
    world.settings = Settings({**plain.environment, "TRIAL_DAYS": "14"})
    world.restart()
    for tier in ("starter", "pro"):
        url = world.request(lambda parts, tier=tier: open_page(parts, world.account, tier, key=tier))
        world.notes[tier] = url
    world.settings = plain
    world.restart()


@flow("a trial, a second one beside it, and its end", trial_page)
class _Trial:
    @staticmethod
    def act(world: World) -> None:
        for tier in ("starter", "pro"):
            world.submit(world.notes[tier], card="4242424242424242")
        world.hear()
        world.request(lambda parts: parts.accounts.sync.make_true(world.account))
        world.later(15 * 86_400)
        world.hear()

    @staticmethod
    def end(world: World) -> None:
        assert (tier(world), subscriptions(world)) == ("starter", ["active", "canceled"])
        plan = world.eyes.accounts.store.get(world.account).plan
        assert (plan.quotas_tier, plan.trial and plan.trial.paid) == ("starter", True)


@flow("cancel to Free", buy)
class _Cancel:
    @staticmethod
    def act(world: World) -> None:
        world.request(lambda parts: parts.accounts.subscriptions.cancel(world.account))
        assert world.eyes.accounts.store.get(world.account).plan.cancel_at_period_end
        world.later(32 * 86_400)
        world.hear()

    @staticmethod
    def end(world: World) -> None:
        assert (tier(world), subscriptions(world)) == ("free", ["canceled"])


def paid_unheard(world: World) -> None:
    """A plan was paid a moment ago: nobody has heard of it, and nothing has been used yet."""
    world.pay(open_page(world.parts, world.account, "pro", key="k"))


@flow("first use while a plan begins", paid_unheard)
class _FirstUseMeanwhile:
    @staticmethod
    def act(world: World) -> None:
        """At any call of the first use another process hears of the plan: the counters must carry its limits."""
        world.request(
            lambda parts: consume(parts, world.account, 5, idempotency_key="k"),
            lambda: world.hear_elsewhere(world.unheard()),
        )
        world.hear()

    @staticmethod
    def end(world: World) -> None:
        assert (tier(world), counter(world).used) == ("pro", 5)


def change_page(world: World) -> None:
    """The page that confirms a dearer plan is open."""
    buy(world)
    world.notes["page"] = open_page(world.parts, world.account, "business", key="k")


@flow("plan that changes while it is asked for", change_page)
class _Meanwhile:
    @staticmethod
    def act(world: World) -> None:
        """At any call of one who asks Stripe, the plan changes there, and another process hears of it first."""

        def change() -> None:
            world.submit(world.notes.pop("page"), action="confirm")
            world.hear_elsewhere(world.unheard())

        world.request(lambda parts: parts.accounts.sync.make_true(world.account), change)
        if "page" in world.notes:
            world.submit(world.notes.pop("page"), action="confirm")
        world.hear()

    @staticmethod
    def end(world: World) -> None:
        assert (tier(world), subscriptions(world)) == ("business", ["active"])


def cancelled_at_the_portal(world: World) -> None:
    """A person cancelled at the portal a moment ago: nobody has heard of it."""
    buy(world)
    portal = world.parts.accounts.subscriptions.portal(world.account, "https://app.aerostack.dev/")
    world.submit(portal, action="cancel")
    world.notes["portal"] = portal


@flow("cancelled, and resumed while it is heard of", cancelled_at_the_portal)
class _ResumedMeanwhile:
    @staticmethod
    def act(world: World) -> None:
        """At any call of a delivery it is taken back, and another process hears of that first."""

        def resume() -> None:
            before = world.unheard()
            world.submit(world.notes.pop("portal"), action="resume")
            world.hear_elsewhere([event for event in world.unheard() if event not in before])

        world.hear(resume)
        if "portal" in world.notes:
            world.submit(world.notes.pop("portal"), action="resume")
            world.hear()

    @staticmethod
    def end(world: World) -> None:
        assert not world.eyes.accounts.store.get(world.account).plan.cancel_at_period_end


def two_pages(world: World) -> None:
    """Two pages were opened before either was paid."""
    pages = [open_page(world.parts, world.account, "pro", key=key) for key in ("a", "b")]
    world.notes["sessions"] = [world.pay(page) for page in pages]


@flow("two subscriptions paid", two_pages)
class _Twice:
    @staticmethod
    def act(world: World) -> None:
        world.request(lambda parts: parts.wallet.checkout_return.verify(world.account, world.notes["sessions"][1]))
        world.hear()

    @staticmethod
    def end(world: World) -> None:
        assert (tier(world), subscriptions(world)) == ("pro", ["active", "canceled"])
        assert [r["amount"] for r in world.stripe.world.all("refund").values()] == [4_900]


def second_page_paid(world: World) -> None:
    """Of two pages one was paid and heard of, and hours later the other: nobody has heard of that."""
    first, second = (open_page(world.parts, world.account, "pro", key=key) for key in ("a", "b"))
    world.pay(first)
    world.hear()
    # What happened until here is looked through, and too old to be looked through again.
    world.later(2 * 3_600)
    world.fire("reconcile")
    world.pay(second)


@flow("reconcile", second_page_paid)
class _Reconcile:
    @staticmethod
    def act(world: World) -> None:
        """The surplus subscription and a deposit are found by the reconciler alone, on two pages of events."""
        world.events_lost = True
        url = world.request(lambda parts: open_deposit(parts, world.account, 2_500, key="d"))
        world.pay(url)
        world.later(600)
        while not world.fire("reconcile"):
            world.later(900)

    @staticmethod
    def end(world: World) -> None:
        assert (tier(world), subscriptions(world)) == ("pro", ["active", "canceled"])
        assert world.eyes.wallet.store.get(world.account).balance == 25_000_000
