"""What happens in connected accounts, whose events Stripe lists for each alone: found again however it was lost."""

from __future__ import annotations

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.creators.models import OnboardRequest
from aerostack_billing.platform import clock
from aerostack_billing.reconcile import connected
from aerostack_billing.reconcile.service import Reconciled, Reconciler
from tests.rooms.conftest import Meter, Time
from tests.rooms.worlds.creators import RETURN, onboard, shown
from tests.rooms.worlds.stripe import StripeWorld

HOUR, DAY = 3_600, 86_400


@pytest.fixture(autouse=True)
def none_of_others(parts: Runtime) -> None:
    """Accounts that other tests left on the agenda are looked at no more."""
    table = parts.settings.creators_table
    for item in list(parts.dynamo.query(table, "agenda = :agenda", {":agenda": "look"}, index="agenda")):
        parts.creators.store.look_no_more(str(item["creator_id"]).removeprefix("connected#"))


def begun(parts: Runtime, world: StripeWorld, creator: str) -> str:
    """Begin an onboarding, whose page the creator completes, and of which nobody hears; the account."""
    url = parts.creators.accounts.onboard(creator, OnboardRequest(return_url=RETURN, refresh_url=RETURN))
    assert world.submit(url)[0] == 303
    return account_of(parts, creator)


def account_of(parts: Runtime, creator: str) -> str:
    account_id = parts.creators.store.get(creator).connected_account_id
    assert account_id is not None
    return account_id


def of_accounts(done: Reconciled) -> tuple[int, int, list[str]]:
    return done.looked_at, len(done.missed), done.failed


def test_an_onboarding_whose_end_nobody_heard_of_is_found_an_hour_later(
    parts: Runtime, world: StripeWorld, reconciler: Reconciler, creator: str, time_stands: Time
) -> None:
    begun(parts, world, creator)
    time_stands.forward(HOUR - 1)
    assert reconciler.run().looked_at == 0
    assert shown(parts, creator)["onboarding"] == "pending"
    time_stands.forward(1)
    assert of_accounts(reconciler.run()) == (1, 1, [])
    assert shown(parts, creator)["onboarding"] == "complete"


def test_a_restriction_of_which_nobody_heard_is_found_within_a_week(
    parts: Runtime, world: StripeWorld, reconciler: Reconciler, creator: str, time_stands: Time
) -> None:
    onboard(parts, world, creator)
    for _ in range(40):
        time_stands.forward(DAY)
        reconciler.run()
    world.door(f"accounts/{account_of(parts, creator)}", {"restricted": True})
    for _ in range(7):
        time_stands.forward(DAY)
        reconciler.run()
    assert shown(parts, creator)["onboarding"] == "restricted"


def test_a_payout_that_a_bank_refused_unheard_is_told_of_once(
    parts: Runtime, world: StripeWorld, reconciler: Reconciler, creator: str, time_stands: Time
) -> None:
    onboard(parts, world, creator)
    world.door("payouts", {"account": account_of(parts, creator), "amount": 100, "fails": True})
    time_stands.forward(HOUR)
    assert of_accounts(reconciler.run()) == (1, 1, [])
    assert parts.creators.store.get(creator).last_error == "bank: account_closed"
    time_stands.forward(HOUR)
    assert of_accounts(reconciler.run()) == (1, 0, [])


def test_an_account_that_left_unheard_is_found_and_looked_at_no_more(
    parts: Runtime, world: StripeWorld, reconciler: Reconciler, creator: str, time_stands: Time
) -> None:
    onboard(parts, world, creator)
    account_id = account_of(parts, creator)
    world.door(f"accounts/{account_id}", {"deauthorized": True})
    time_stands.forward(HOUR)
    assert reconciler.run().missed == [account_id]
    assert shown(parts, creator)["onboarding"] == "none"
    assert parts.creators.store.owner_of(account_id) == creator
    time_stands.forward(8 * DAY)
    assert reconciler.run().looked_at == 0


def test_an_account_is_looked_at_less_often_the_longer_it_stays_as_it_is(
    parts: Runtime, world: StripeWorld, reconciler: Reconciler, creator: str, time_stands: Time, meter: Meter
) -> None:
    onboard(parts, world, creator)
    waits = []
    for _ in range(12):
        watched = parts.creators.store._dynamo.get(
            parts.settings.creators_table, {"creator_id": f"connected#{account_of(parts, creator)}", "item": "owner"}
        )
        assert watched is not None
        waits.append(int(str(watched["agenda_at"])) - clock.seconds())
        time_stands.forward(waits[-1])
        assert reconciler.run().looked_at == 1
    assert waits[:4] == [HOUR, HOUR, 2 * HOUR, 4 * HOUR]
    assert waits[-2:] == [7 * DAY, 7 * DAY]
    time_stands.forward(7 * DAY)
    account_id = account_of(parts, creator)
    meter.reset()
    reconciler._connected.look(account_id, lambda events: not events, lambda _: None)
    assert meter.operations == ["GetItem", "UpdateItem"]


def test_an_account_that_waited_longer_than_stripe_lists_has_its_state_read(
    parts: Runtime, world: StripeWorld, reconciler: Reconciler, creator: str, time_stands: Time
) -> None:
    account_id = begun(parts, world, creator)
    time_stands.forward(40 * DAY)
    done = reconciler.run()
    assert (done.looked_at, done.missed) == (1, [account_id])
    assert shown(parts, creator)["onboarding"] == "complete"


def test_an_account_that_fails_is_looked_at_again_from_where_it_was_and_keeps_no_other(
    parts: Runtime, world: StripeWorld, reconciler: Reconciler, creator: str, time_stands: Time
) -> None:
    failing, other = begun(parts, world, creator), f"{creator}b"
    time_stands.forward(1)
    begun(parts, world, other)
    time_stands.forward(HOUR)
    world.door("faults", {"on": "accounts.retrieve", "kind": "500_before"})
    done = reconciler.run()
    assert (done.looked_at, len(done.failed)) == (2, 1)
    assert (shown(parts, creator)["onboarding"], shown(parts, other)["onboarding"]) == ("pending", "complete")
    time_stands.forward(HOUR)
    reconciler.run()
    assert shown(parts, creator)["onboarding"] == "complete"
    assert account_of(parts, creator) == failing


def test_a_run_looks_at_so_many_accounts_and_those_that_waited_longest_first(
    parts: Runtime,
    world: StripeWorld,
    reconciler: Reconciler,
    creator: str,
    time_stands: Time,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connected, "MOST_LOOKS", 2)
    names = [f"{creator}{n}" for n in range(3)]
    for name in names:
        begun(parts, world, name)
        time_stands.forward(1)
    time_stands.forward(HOUR)
    assert reconciler.run().looked_at == 2
    assert [shown(parts, name)["onboarding"] for name in names] == ["complete", "complete", "pending"]
    assert reconciler.run(lambda: False).looked_at == 0


def test_a_preview_says_what_is_missing_and_takes_nothing_in(
    parts: Runtime, world: StripeWorld, reconciler: Reconciler, creator: str, time_stands: Time
) -> None:
    begun(parts, world, creator)
    time_stands.forward(HOUR)
    assert of_accounts(reconciler.preview()) == (1, 1, [])
    assert shown(parts, creator)["onboarding"] == "pending"
