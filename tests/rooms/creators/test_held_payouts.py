"""Payouts that must not begin: the account to be paid to is gone, its owner owes, or an operator has to look first."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.creators import reviews
from aerostack_billing.creators.models import OnboardRequest
from aerostack_billing.payments.connect import ConnectedAccount
from aerostack_billing.values.errors import InvalidRequest, OperatorRefused, PaymentsRefused
from aerostack_billing.wallet.rules import InsufficientBalance
from tests.rooms.conftest import Time
from tests.rooms.worlds.creators import RETURN, call, no_violations, onboard, reverse, shown, transfers
from tests.rooms.worlds.deposits import events, hear_all
from tests.rooms.worlds.plans import deliver
from tests.rooms.worlds.stripe import StripeWorld
from tests.rooms.worlds.wallet import charge, fund, hold, owe

PAGE = OnboardRequest(return_url=RETURN, refresh_url=RETURN)


@pytest.fixture
def due(parts: Runtime, world: StripeWorld, creator: str, earned: Callable[[int], None], time_stands: Time) -> str:
    """A creator who can be paid, and whose $16.00 are due."""
    onboard(parts, world, creator)
    earned(2_000)
    time_stands.forward(8 * 86_400)
    return creator


def connected(parts: Runtime, creator: str) -> str:
    return parts.creators.store.get(creator).connected_account_id or ""


def sent(world: StripeWorld) -> list[tuple[int, str]]:
    return [(made["amount"], made["destination"]) for made in transfers(world)]


# The account to be paid to


def disconnect(world: StripeWorld, account_id: str, how: str) -> None:
    if how == "deleted":
        world.delete(f"accounts/{account_id}")
    else:
        world.door(f"accounts/{account_id}", {"deauthorized": True})


@pytest.mark.parametrize("how", ["deleted", "revoked"])
@pytest.mark.parametrize("told", [True, False])
def test_a_creator_whose_account_is_gone_is_paid_to_a_new_one(
    parts: Runtime, world: StripeWorld, due: str, time_stands: Time, how: str, *, told: bool
) -> None:
    gone = connected(parts, due)
    disconnect(world, gone, how)
    if told:
        outcome = deliver(parts, events(world, "account.application.deauthorized")[-1])
        assert (outcome.result, outcome.account_id) == ("processed", due)
        assert shown(parts, due)["payouts_held_for"] == "account_disconnected"
    for _ in range(2):
        parts.creators.payouts.look_after(due)
        time_stands.forward(86_400)
    answer = shown(parts, due)
    assert (answer["payouts_held_for"], answer["payouts"]) == ("account_disconnected", [])
    assert answer["payable_cents"] == 1_600
    onboard(parts, world, due)
    parts.creators.payouts.sweep()
    assert connected(parts, due) != gone
    assert sent(world) == [(1_600, connected(parts, due))]
    assert shown(parts, due)["payouts_held_for"] is None
    no_violations(parts, due)


def test_late_word_of_a_replaced_account_is_its_creators_and_changes_nothing(
    parts: Runtime, world: StripeWorld, due: str
) -> None:
    gone = connected(parts, due)
    disconnect(world, gone, "deleted")
    onboard(parts, world, due)
    late = {"id": f"evt_late_{due}", "type": "account.application.deauthorized", "created": 1, "account": gone}
    outcome = deliver(parts, {**late, "data": {"object": {"id": "ca_local"}}})
    assert (outcome.result, outcome.account_id) == ("processed", due)
    assert shown(parts, due)["onboarding"] == "complete"


def test_a_transfer_to_a_replaced_account_is_taken_back_whatever_its_metadata_say(
    parts: Runtime, world: StripeWorld, due: str
) -> None:
    parts.creators.payouts.sweep()
    (made,) = transfers(world)
    world.create(f"transfers/{made['id']}", **{"metadata[creator_id]": "acct_other", "metadata[payout_id]": "po_x"})
    disconnect(world, connected(parts, due), "deleted")
    onboard(parts, world, due)
    reverse(world, made["id"])
    hear_all(parts, world)
    answer = shown(parts, due)
    assert (answer["payable_cents"], answer["paid_cents"]) == (1_600, 0)
    no_violations(parts, due)


def test_a_transfer_that_staff_made_and_named_as_a_payout_is_none_of_ours(
    parts: Runtime, world: StripeWorld, due: str
) -> None:
    parts.creators.payouts.sweep()
    (made,) = transfers(world)
    copied = {
        "amount": "500",
        "currency": "usd",
        "destination": connected(parts, due),
        "transfer_group": made["transfer_group"],
    }
    by_hand = world.create("transfers", **copied, **{"metadata[creator_id]": due})
    reverse(world, by_hand["id"])
    assert deliver(parts, events(world, "transfer.reversed")[-1]).result == "ignored"
    assert shown(parts, due)["paid_cents"] == 1_600


def test_an_account_that_stripe_refuses_to_make_is_asked_for_anew(
    parts: Runtime, world: StripeWorld, creator: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def refused(_creator: str, key: str) -> str:
        asked.append(key)
        raise PaymentsRefused("The payment provider refused the request.")

    with monkeypatch.context() as patched:
        patched.setattr(parts.payments.connect, "create_account", refused)
        for _ in range(2):
            with pytest.raises(PaymentsRefused):
                parts.creators.accounts.onboard(creator, PAGE)
    assert len(set(asked)) == 2
    onboard(parts, world, creator)
    assert shown(parts, creator)["onboarding"] == "complete"


def test_a_creator_who_is_ready_while_a_visit_goes_on_is_paid_at_the_next_sweep(
    parts: Runtime, world: StripeWorld, creator: str, earned: Callable[[int], None], time_stands: Time
) -> None:
    url = parts.creators.accounts.onboard(creator, PAGE)
    earned(2_000)
    time_stands.forward(8 * 86_400)
    ask = parts.payments.connect.account

    def completed_meanwhile(account_id: str) -> ConnectedAccount | None:
        seen = ask(account_id)
        parts.payments.connect.account = ask  # type: ignore[method-assign]
        assert world.submit(url)[0] == 303
        hear_all(parts, world)
        return seen

    time_stands.forward(-100)
    url = parts.creators.accounts.onboard(creator, PAGE)
    parts.payments.connect.account = completed_meanwhile  # type: ignore[method-assign]
    parts.creators.payouts.look_after(creator)
    assert transfers(world) == []
    time_stands.forward(3_600)
    parts.creators.payouts.sweep()
    assert [made["amount"] for made in transfers(world)] == [1_600]


# Whoever owes


def test_nobody_is_paid_whose_wallet_owes(parts: Runtime, world: StripeWorld, due: str, time_stands: Time) -> None:
    fund(parts, due, 1_000, "pi_own")
    charge(parts, due, 1_000, "spent")
    owe(parts, due, 1_000, "pi_own")
    assert [seen.view()["pays_cents"] for seen in parts.creators.payouts.preview() if seen.creator_id == due] == [0]
    parts.creators.payouts.sweep()
    assert (transfers(world), shown(parts, due)["payouts_held_for"]) == ([], "debt")
    fund(parts, due, 1_000, "pi_more")
    time_stands.forward(86_400)
    parts.creators.payouts.sweep()
    assert [made["amount"] for made in transfers(world)] == [1_600]
    assert shown(parts, due)["payouts_held_for"] is None


def test_a_debt_that_comes_up_while_a_payout_begins_stops_it(
    parts: Runtime, world: StripeWorld, due: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fund(parts, due, 1_000, "pi_own")
    charge(parts, due, 1_000, "spent")
    ask = parts.payments.connect.account

    def disputed_meanwhile(account_id: str) -> ConnectedAccount | None:
        owe(parts, due, 1_000, "pi_own")
        return ask(account_id)

    monkeypatch.setattr(parts.payments.connect, "account", disputed_meanwhile)
    parts.creators.payouts.look_after(due)
    assert transfers(world) == []
    no_violations(parts, due)


def test_nobody_pays_himself(parts: Runtime, account: str) -> None:
    fund(parts, account, 500)
    with pytest.raises(InvalidRequest) as by_charge:
        call(parts, account, account, 100, "a")
    with pytest.raises(InvalidRequest) as by_hold:
        hold(parts, account, 100, kind="tool_call", creator_id=account)
    assert by_charge.value.details == by_hold.value.details == {"creator_id": "is the payer"}
    assert parts.wallet.store.get(account).balance == 5_000_000


def test_who_owes_is_charged_nothing_not_even_zero(parts: Runtime, account: str) -> None:
    fund(parts, account, 500)
    charge(parts, account, 500, "spent")
    owe(parts, account, 500)
    with pytest.raises(InsufficientBalance):
        charge(parts, account, 0, "free")
    assert charge(parts, account, 100, "own key", billing_mode="byok")["amount_cents"] == 0


# An operator


def test_a_reversed_payout_waits_for_an_operator(
    parts: Runtime, world: StripeWorld, due: str, time_stands: Time
) -> None:
    parts.creators.payouts.sweep()
    reverse(world, transfers(world)[0]["id"])
    hear_all(parts, world)
    for _ in range(3):
        time_stands.forward(86_400)
        parts.creators.payouts.sweep()
    assert len(transfers(world)) == 1
    assert shown(parts, due)["payouts_held_for"] == "transfer_reversed"
    parts.creators.reviews.decide(due, reviews.release)
    parts.creators.payouts.sweep()
    assert [(made["amount"], made["reversed"]) for made in transfers(world)] == [(1_600, True), (1_600, False)]


def test_an_operator_holds_payouts_and_releases_them(
    parts: Runtime, world: StripeWorld, due: str, time_stands: Time
) -> None:
    parts.creators.reviews.decide(due, reviews.hold)
    with pytest.raises(OperatorRefused):
        parts.creators.reviews.decide(due, reviews.hold)
    parts.creators.payouts.sweep()
    assert (transfers(world), shown(parts, due)["payouts_held_for"]) == ([], "operator")
    parts.creators.reviews.decide(due, reviews.release)
    with pytest.raises(OperatorRefused):
        parts.creators.reviews.decide(due, reviews.release)
    parts.creators.payouts.sweep()
    assert [made["amount"] for made in transfers(world)] == [1_600]
