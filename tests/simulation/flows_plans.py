"""Flows of usage and plans."""

from __future__ import annotations

from aerostack_billing.runtime import Runtime
from aerostack_billing.usage.models import Counter, PlaceName
from tests.simulation.flows import flow, nothing
from tests.simulation.world import World
from tests.store.test_counters import consume
from tests.store.test_deposits import open_deposit
from tests.store.test_sync import open_page

_SITE = PlaceName(kind="projects", id="site")


def counter(world: World, name: str = "api_requests") -> Counter:
    """A counter of the month in which the world began."""
    sheets = world.eyes.usage.read(world.account, ["2026-03", "resources"], consistent=True)
    return next(sheet.counters[name] for sheet in sheets.values() if name in sheet.counters)


def buy(world: World, tier: str = "starter") -> None:
    """The account pays for a plan, and uses something of it."""
    url = world.request(lambda parts: open_page(parts, world.account, tier, key=f"buy {tier}"))  # type: ignore[arg-type]
    world.pay(url)
    world.hear()
    consume(world.parts, world.account, 1_000)
    world.parts.resources.claim(world.account, _SITE)


def tier(world: World) -> str:
    """The account's tier as stored."""
    return world.eyes.accounts.get(world.account).plan.tier


def subscriptions(world: World) -> list[str]:
    """The statuses of all subscriptions at Stripe, oldest first."""
    return [s["status"] for s in world.stripe.world.all("subscription").values()]


def near_a_threshold(world: World) -> None:
    """A little more, and 80 % is announced."""
    consume(world.parts, world.account, 39_000)


@flow("consume with a key", near_a_threshold)
class _ConsumeWithKey:
    @staticmethod
    def act(world: World) -> None:
        for _ in range(2):
            told = world.request(lambda parts: consume(parts, world.account, 2_000, idempotency_key="k"))
            assert told["used"] == 41_000

    @staticmethod
    def end(world: World) -> None:
        assert counter(world).used == 41_000


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
        if "throttle" in world.calls.kind or world.calls.kind in {"conflict", ""}:
            assert used == world.notes["counted"], "what is told is known"


@flow("claim and free a resource", nothing)
class _Claim:
    @staticmethod
    def act(world: World) -> None:
        told = world.request(lambda parts: parts.resources.claim(world.account, _SITE))
        assert told["used"] == 1
        other = PlaceName(kind="projects", id="other")
        world.request(lambda parts: parts.resources.claim(world.account, other))
        world.request(lambda parts: parts.resources.free(world.account, _SITE))

    @staticmethod
    def end(world: World) -> None:
        assert [p.resource_id for p in world.eyes.resources._places.all(world.account)] == ["other"]
        assert counter(world, "projects").used == 1


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


@flow("checkout and verify-session", nothing)
class _Verify:
    @staticmethod
    def act(world: World) -> None:
        url = world.request(lambda parts: open_page(parts, world.account, "starter", "yearly", key="k"))
        session = world.pay(url)
        view = world.request(lambda parts: parts.returns.verify(world.account, session))
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


@flow("cancel to Free", buy)
class _Cancel:
    @staticmethod
    def act(world: World) -> None:
        world.request(lambda parts: parts.subscriptions.cancel(world.account))
        assert world.eyes.accounts.get(world.account).plan.cancel_at_period_end
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

        world.request(lambda parts: parts.sync.make_true(world.account), change)
        if "page" in world.notes:
            world.submit(world.notes.pop("page"), action="confirm")
        world.hear()

    @staticmethod
    def end(world: World) -> None:
        assert (tier(world), subscriptions(world)) == ("business", ["active"])


def cancelled_at_the_portal(world: World) -> None:
    """A person cancelled at the portal a moment ago: nobody has heard of it."""
    buy(world)
    portal = world.parts.subscriptions.portal(world.account, "https://app.aerostack.dev/")
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
        assert not world.eyes.accounts.get(world.account).plan.cancel_at_period_end


def two_pages(world: World) -> None:
    """Two pages were opened before either was paid."""
    pages = [open_page(world.parts, world.account, "pro", key=key) for key in ("a", "b")]
    world.notes["sessions"] = [world.pay(page) for page in pages]


@flow("two subscriptions paid", two_pages)
class _Twice:
    @staticmethod
    def act(world: World) -> None:
        world.request(lambda parts: parts.returns.verify(world.account, world.notes["sessions"][1]))
        world.hear()

    @staticmethod
    def end(world: World) -> None:
        assert (tier(world), subscriptions(world)) == ("pro", ["active", "canceled"])
        assert [r["amount"] for r in world.stripe.world.all("refund").values()] == [4_900]


@flow("reconcile", two_pages)
class _Reconcile:
    @staticmethod
    def act(world: World) -> None:
        world.events_lost = True
        url = world.request(lambda parts: open_deposit(parts, world.account, 2_500, key="d"))
        world.pay(url)
        world.later(600)
        while not world.fire("reconcile"):
            world.later(900)

    @staticmethod
    def end(world: World) -> None:
        assert (tier(world), subscriptions(world)) == ("pro", ["active", "canceled"])
        assert world.eyes.wallets.get(world.account).balance == 25_000_000
