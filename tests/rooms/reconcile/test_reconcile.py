"""With every webhook lost, the reconciler brings all to the same end; with none lost, it finds nothing to mend."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import count

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.payments.history import History, ListedPayment, Page, _payment
from aerostack_billing.reconcile.service import LISTS, Reconciler
from aerostack_billing.reconcile.store import ProgressStore, Window
from aerostack_billing.values.errors import BillingError, StoreUnavailable
from aerostack_billing.values.money import micros
from aerostack_billing.webhooks.handlers import CONNECT_TYPES
from aerostack_billing.webhooks.models import Outcome
from tests.rooms.conftest import Meter, Time
from tests.rooms.worlds.deposits import hear_all, open_deposit, refund
from tests.rooms.worlds.plans import open_page, pass_days
from tests.rooms.worlds.stripe import StripeWorld
from tests.rooms.worlds.wallet import audited, lines


def test_with_all_webhooks_lost_the_end_is_the_same(
    parts: Runtime, world: StripeWorld, reconciler: Reconciler, account: str, time_stands: Time
) -> None:
    world.pay(open_page(parts, account, "pro"))
    session = world.pay(open_deposit(parts, account))
    refund(world, str(world.api(f"checkout/sessions/{session}")["payment_intent"]), 500)
    assert parts.accounts.store.get(account).plan.tier == "free"
    time_stands.forward(600)
    done = reconciler.run()
    assert done.missed
    assert done.failed == []
    assert parts.accounts.store.get(account).plan.tier == "pro"
    assert lines(parts, account) == [("deposit", 2_500), ("refund", -500)]
    parts.accounts.subscriptions.cancel(account)
    pass_days(world, time_stands, 32)
    reconciler.run()
    assert parts.accounts.store.get(account).plan.tier == "free"
    assert audited(parts, account).balance == micros(2_000)


def test_what_stripe_lists_only_after_its_window_was_looked_through_is_found_by_the_next_run(
    parts: Runtime,
    world: StripeWorld,
    reconciler: Reconciler,
    account: str,
    time_stands: Time,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world.pay(open_deposit(parts, account))
    time_stands.forward(600)
    with monkeypatch.context() as patched:
        patched.setattr(History, "events", lambda *_: Page([], None))
        patched.setattr(History, "payments", lambda *_: Page([], None))
        reconciler.run()
    time_stands.forward(600)
    reconciler.run()
    assert audited(parts, account).balance == micros(2_500)


def test_what_arrived_is_not_drift(
    parts: Runtime, world: StripeWorld, reconciler: Reconciler, account: str, time_stands: Time
) -> None:
    world.pay(open_deposit(parts, account))
    for _ in range(2):
        # Crediting changes the customer, which is an event too.
        hear_all(parts, world)
    time_stands.forward(600)
    done = reconciler.run()
    assert (done.missed, done.uncredited) == ([], [])
    assert done.events > 0


def test_a_delivery_that_may_be_on_its_way_is_taken_in_and_is_no_drift(
    parts: Runtime, world: StripeWorld, reconciler: Reconciler, account: str
) -> None:
    world.pay(open_deposit(parts, account))
    assert reconciler.run().missed == []
    assert audited(parts, account).balance == micros(2_500)


def test_a_payment_whose_events_are_gone_is_credited_from_the_payment_itself(
    parts: Runtime, world: StripeWorld, reconciler: Reconciler, account: str
) -> None:
    world.pay(open_deposit(parts, account))
    for event in world.events():
        parts.webhooks.events.record(Outcome(event["id"], event["type"], "ignored"))
    done = reconciler.run()
    assert len(done.uncredited) == 1
    assert audited(parts, account).balance == micros(2_500)


def test_a_window_in_which_something_failed_is_looked_through_again(
    parts: Runtime, world: StripeWorld, reconciler: Reconciler, account: str, time_stands: Time
) -> None:
    """Also for what is older than the part that every run looks through again."""
    world.pay(open_deposit(parts, account))
    time_stands.forward(3 * 3_600)
    world.door("faults", {"on": "payment_intents.retrieve", "kind": "500_before"})
    (failed,) = reconciler.run().failed
    assert not parts.webhooks.events.seen(failed)
    assert reconciler.run().failed == []
    assert parts.webhooks.events.seen(failed)
    assert audited(parts, account).balance == micros(2_500)


def test_what_fails_again_and_again_hides_nothing_that_came_after_it(
    parts: Runtime, world: StripeWorld, reconciler: Reconciler, account: str, time_stands: Time
) -> None:
    world.pay(open_deposit(parts, f"{account}old"))
    failing_since = time_stands.at
    time_stands.forward(2 * 86_400)
    world.pay(open_deposit(parts, account))
    for _ in range(2):
        world.door("faults", {"on": "payment_intents.retrieve", "kind": "500_before"})
        done = reconciler.run()
        assert len(done.failed) == 1
        assert (reconciler._progress.read().through or 0) <= failing_since
        assert audited(parts, account).balance == micros(2_500)
    assert reconciler.run().failed == []


def test_a_run_that_ends_late_does_not_set_the_progress_of_another_back(reconciler: Reconciler) -> None:
    reconciler.run()
    reached = reconciler._progress.read().through
    assert reached is not None
    reconciler._progress.advance(reached - 7_200)
    assert reconciler._progress.read().through == reached
    reconciler._progress.advance(reached + 60)
    assert reconciler._progress.read().through == reached + 60


@dataclass
class Heard:
    """A listener that keeps what it is told."""

    failed: list[tuple[str, str]] = field(default_factory=list)
    behind: list[int] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)

    def drift_found(self, kind: str, name: str) -> None:
        """Not looked at."""

    def reconcile_failed(self, name: str, error: BillingError) -> None:
        self.failed.append((name, error.code))

    def payment_unreadable(self, name: str) -> None:
        self.unreadable.append(name)

    def reconciled(self, behind_seconds: int) -> None:
        self.behind.append(behind_seconds)


def test_what_no_run_can_take_in_is_told_with_the_time_that_it_has_been_left_undone(
    parts: Runtime, world: StripeWorld, reconciler: Reconciler, account: str, time_stands: Time
) -> None:
    reconciler.run()
    heard = reconciler._listener = Heard()
    world.pay(open_deposit(parts, account))
    for _ in range(4):
        time_stands.forward(900)
        world.door("faults", {"on": "payment_intents.retrieve", "kind": "500_before"})
        reconciler.run()
    reconciler.run()
    assert heard.behind == [900, 1_800, 2_700, 3_600, 0]
    assert heard.failed == [(heard.failed[0][0], "PAYMENT_PROVIDER_ERROR")] * 4
    assert parts.webhooks.events.seen(heard.failed[0][0])


def test_a_run_that_is_out_of_time_before_it_began_is_behind_by_all_that_a_first_one_looks_through(
    reconciler: Reconciler,
) -> None:
    heard = reconciler._listener = Heard()
    reconciler.run(lambda: False)
    assert heard.behind == [3 * 86_400]


def test_a_payment_of_an_unknown_form_is_reported_and_holds_no_window(
    parts: Runtime,
    world: StripeWorld,
    reconciler: Reconciler,
    account: str,
    time_stands: Time,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reconciler.run()
    heard = reconciler._listener = Heard()
    odd = world.pay(open_deposit(parts, f"{account}odd"))
    intent = str(world.api(f"checkout/sessions/{odd}")["payment_intent"])
    world.pay(open_deposit(parts, account))
    time_stands.forward(600)
    listed = History.payments

    def spoiled(history: History, since: int, until: int, after: str | None) -> Page[ListedPayment]:
        unknown = {"id": intent, "status": "of_next_year", "created": 1}
        page = listed(history, since, until, after)
        return Page([(intent, partial(_payment, unknown)), *page.items], page.after)

    monkeypatch.setattr(History, "payments", spoiled)
    done = reconciler.run()
    assert (done.failed, heard.failed, heard.unreadable) == ([], [], [intent])
    assert heard.behind == [0]
    assert (reconciler._progress.read().through or 0) >= time_stands.at
    assert audited(parts, account).balance == micros(2_500)


def test_every_event_that_somebody_waits_for_is_listed_and_no_other(
    parts: Runtime, world: StripeWorld, reconciler: Reconciler, account: str, time_stands: Time
) -> None:
    reconciler.run()
    world.pay(open_page(parts, account, "pro"))
    world.pay(open_deposit(parts, account))
    time_stands.forward(600)
    # What it does for an account makes events of its own, which the next run lists with all of the last hour.
    reconciler.run()
    made = [str(event["type"]) for event in world.events()]
    waited_for = [kind for kind in made if kind in parts.webhooks.service._handlers]
    assert 0 < len(waited_for) < len(made)
    assert reconciler.run().events == len(waited_for)


def test_the_lists_of_types_are_as_long_as_stripe_takes_them_and_hold_all_that_are_handled(parts: Runtime) -> None:
    assert all(len(types) <= 20 for types in LISTS)
    listed = {kind for types in LISTS for kind in types}
    # What happens in connected accounts is listed for each of them alone.
    assert listed | set(CONNECT_TYPES) == set(parts.webhooks.service._handlers)
    assert not listed & set(CONNECT_TYPES)


# Page by page


@pytest.fixture
def short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aerostack_billing.payments.history.PAGE", 3)


@pytest.mark.usefixtures("short_pages")
def test_a_run_that_is_cut_off_at_any_page_is_gone_on_with_where_it_ended(
    parts: Runtime, world: StripeWorld, reconciler: Reconciler, account: str, time_stands: Time
) -> None:
    reconciler.run()
    for _ in range(5):
        world.pay(open_deposit(parts, account))
    time_stands.forward(600)
    looked, runs = 0, 0
    while (reconciler._progress.read().through or 0) < time_stands.at:
        pages = iter((True, False))
        looked += reconciler.run(lambda pages=pages: next(pages, False)).events  # type: ignore[misc]
        runs += 1
        assert runs < 100
    assert runs > 5
    # What the last hour's overlap shows again aside, nothing was looked at twice.
    assert looked <= len(world.events()) + 3
    assert audited(parts, account).balance == micros(12_500)
    assert reconciler._progress.read().window is None


@pytest.mark.usefixtures("short_pages")
@pytest.mark.parametrize("write", range(1, 12))
def test_a_run_that_dies_at_any_page_loses_nothing(
    parts: Runtime,
    world: StripeWorld,
    reconciler: Reconciler,
    account: str,
    time_stands: Time,
    monkeypatch: pytest.MonkeyPatch,
    write: int,
) -> None:
    reconciler.run()
    world.pay(open_deposit(parts, account))
    world.pay(open_page(parts, account, "pro"))
    time_stands.forward(600)
    keep, kept = ProgressStore.keep, count(1)

    def dies(store: ProgressStore, window: Window | None) -> None:
        if next(kept) == write:
            raise StoreUnavailable("killed")
        keep(store, window)

    with monkeypatch.context() as patched, suppress(StoreUnavailable):
        patched.setattr(ProgressStore, "keep", dies)
        reconciler.run()
    reconciler.run()
    assert audited(parts, account).balance == micros(2_500)
    assert parts.accounts.store.get(account).plan.tier == "pro"
    assert reconciler.run().failed == []


@pytest.mark.usefixtures("short_pages")
def test_a_failure_on_an_earlier_page_is_not_forgotten_by_the_run_that_goes_on(
    parts: Runtime, world: StripeWorld, reconciler: Reconciler, account: str, time_stands: Time
) -> None:
    reconciler.run()
    before = reconciler._progress.read().through
    for _ in range(2):
        world.pay(open_deposit(parts, account))
    time_stands.forward(600)
    world.door("faults", {"on": "payment_intents.retrieve", "kind": "500_before"})
    pages = iter((True, True, True, False))
    assert len(reconciler.run(lambda: next(pages, False)).failed) == 1
    assert reconciler._progress.read().window is not None
    reconciler.run()
    assert reconciler._progress.read().through == before
    reconciler.run()
    assert (reconciler._progress.read().through or 0) >= time_stands.at


@pytest.mark.usefixtures("short_pages")
def test_a_page_that_stripe_lists_no_more_is_looked_through_from_the_beginning(
    parts: Runtime, world: StripeWorld, reconciler: Reconciler, account: str, time_stands: Time
) -> None:
    reconciler.run()
    world.pay(open_deposit(parts, account))
    time_stands.forward(600)
    now = int(time_stands.at)
    reconciler._progress.keep(Window(now - 3_600, now, "events", "evt_that_is_gone"))
    assert reconciler.run().failed == []
    assert audited(parts, account).balance == micros(2_500)


def test_a_hundred_events_that_are_known_are_two_requests_to_the_store(
    parts: Runtime, world: StripeWorld, reconciler: Reconciler, account: str, time_stands: Time, meter: Meter
) -> None:
    reconciler.run()
    while len(world.events()) < 250:
        world.pay(open_deposit(parts, account))
    for _ in range(2):
        hear_all(parts, world)
    time_stands.forward(600)
    meter.reset()
    done = reconciler.run()
    assert done.missed == []
    # Beside them: the progress, the accounts that are due, and the payments.
    assert meter.requests <= 2 * (done.events // 100 + 1) + 2 * (done.payments // 100 + 1) + 3
