"""What the tool changes: as asked, recorded with who and why; and nothing at all where it was only to say."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable
from io import StringIO

import pytest

from aerostack_billing.values.errors import StoreUnavailable
from aerostack_billing.wallet.store import WalletStore
from billingctl.__main__ import main
from billingctl.console import Console
from tests.ctl.conftest import Ctl, Customer, Json
from tests.flows.client import Api

Asked = Callable[..., Json]
WHY = ("--reason", "The test wants it.")


class Terminal(StringIO):
    """Somebody who types."""

    def isatty(self) -> bool:
        return True


def operations(asked: Asked, account: Customer) -> list[Json]:
    found: list[Json] = asked("log", "--account", account.id)["operations"]
    return found


def test_an_enterprise_account_comes_to_be_and_goes_back(asked: Asked, account: Customer) -> None:
    account.buy("pro")
    done = asked("account", "set-tier", account.id, "enterprise", *WHY)
    assert done["result"]["plan_tier"] == "enterprise"
    assert account.tier() == "enterprise"
    assert account.usage("api_requests")["limit"] is None
    assert account.checkout("business").json()["error"]["code"] == "PLAN_AGREED"
    account.api.deliver()
    assert account.tier() == "enterprise"
    assert asked("account", "show", account.id)["plan"]["tier_override"] == "enterprise"
    asked("account", "set-tier", account.id, "--clear", *WHY)
    assert account.tier() == "pro"


def test_an_account_that_no_webhook_told_of_is_brought_in_line_with_stripe(asked: Asked, account: Customer) -> None:
    with account.unheard():
        account.pay(account.page("pro"))
    foreseen = asked("account", "sync", account.id, "--dry-run")["would"]
    assert (foreseen["before"]["plan_tier"], foreseen["after"]["plan_tier"]) == ("free", "pro")
    assert foreseen["hard_limits"]["api_requests"] == {"before": 55_000, "after": 2_400_000}
    assert account.tier() == "free"
    done = asked("account", "sync", account.id, *WHY)["result"]
    assert done == {"account_id": account.id, **foreseen["after"]}
    assert account.billing() == {name: done[name] for name in account.billing()}
    asked("account", "sync", account.id, *WHY)
    assert [entry["verb"] for entry in operations(asked, account)] == ["account sync", "account sync"]


def test_a_sync_leaves_a_tier_by_hand(asked: Asked, account: Customer) -> None:
    account.buy("starter")
    asked("account", "set-tier", account.id, "enterprise", *WHY)
    assert asked("account", "sync", account.id, *WHY)["result"]["tier_override"] == "enterprise"
    assert account.tier() == "enterprise"


@pytest.mark.parametrize("command", [["account", "sync", "{}"], ["account", "set-tier", "{}", "enterprise"]])
def test_what_was_bought_twice_is_refunded_only_when_that_was_asked(
    ctl: Ctl, asked: Asked, account: Customer, command: list[str]
) -> None:
    typed = [part.format(account.id) for part in command]
    with account.unheard():
        for page in [account.page("pro"), account.page("pro")]:
            account.pay(page)
    extra = account.subscriptions()[0]["id"]
    assert asked(*typed, "--dry-run")["would"]["refunded_subscriptions"] == [extra]
    refused = ctl(*typed, *WHY)
    assert (refused.status, extra in refused.err, "--yes" in refused.err) == (1, True, True)
    assert [s["status"] for s in account.subscriptions()] == ["active", "active"]
    asked(*typed, "--yes", *WHY)
    assert [s["status"] for s in account.subscriptions()] == ["canceled", "active"]


def test_a_grant_is_made_once_for_its_key_and_can_be_spent(asked: Asked, account: Customer) -> None:
    first = asked("account", "grant", account.id, "--cents", "500", "--key", "k", "--yes", *WHY)
    again = asked("account", "grant", account.id, "--cents", "500", "--key", "k", "--yes", *WHY)
    assert (first["result"]["replayed"], again["result"]["replayed"]) == (False, True)
    assert account.balance()["balance_cents"] == 500
    account.charge(500, "all of it")
    assert asked("ledger", "audit", account.id)["violations"] == []


def test_a_key_that_was_made_is_told_and_kept(asked: Asked, account: Customer) -> None:
    key = asked("account", "grant", account.id, "$0.0034", "--yes", *WHY)["result"]["idempotency_key"]
    (entry,) = operations(asked, account)
    assert entry["arguments"]["idempotency_key"] == key
    assert asked("account", "grant", account.id, "$0.0034", "--key", key, "--yes", *WHY)["result"]["replayed"] is True


def test_auto_reload_is_suspended_with_a_reason_that_its_user_reads(asked: Asked, account: Customer) -> None:
    account.deposit(2_000)
    account.set_reload()
    asked("account", "suspend-reload", account.id, "--message", "We look into a chargeback.", *WHY)
    reload = account.balance()["auto_reload"]
    assert (reload["state"], reload["last_error"]["message"]) == ("suspended", "We look into a chargeback.")


def test_a_counter_is_reset(asked: Asked, account: Customer) -> None:
    account.consume("api_requests", 55_000)
    assert account.usage("api_requests")["state"] == "blocked"
    done = asked("usage", "reset", account.id, "api_requests", *WHY)
    assert done["result"]["given_back"] == 55_000
    used = account.usage("api_requests")
    assert (used["used"], used["hard_limit"], used["state"]) == (0, 55_000, "ok")


def test_a_creators_tools_are_shown_with_their_prices(asked: Asked, ctl: Ctl, account: Customer) -> None:
    tool = f"{account.id}-search"
    account.send("PUT", f"/api/creators/tools/{tool}", {"name": "Search", "price_cents": 25})
    assert [(each["tool_id"], each["price_cents"]) for each in asked("tools", "list", account.id)["tools"]] == [
        (tool, 25)
    ]
    assert asked("tools", "show", tool)["creator_id"] == account.id
    assert ctl("tools", "show", "no-such-tool").status == 1


def test_spending_is_shown_and_made_anew_from_the_ledger(ctl: Ctl, asked: Asked, account: Customer) -> None:
    account.deposit(2_000)
    account.charge(300, "k", labels={"agent": "a"})
    before = asked("spending", "show", account.id, "--by", "agent", "--bucket", "total")
    assert [(group["value"], group["amount_cents"]) for group in before["buckets"][0]["groups"]] == [("a", 300)]
    assert asked("spending", "rebuild", account.id, "--dry-run")["would"] == {"accounts": 1}
    done = asked("spending", "rebuild", account.id, *WHY)["result"]
    assert done == {"accounts": 1, "lines": 2}
    assert asked("spending", "show", account.id, "--by", "agent", "--bucket", "total") == before
    assert "$3.00" in ctl("spending", "show", account.id, "--by", "agent").out
    assert ctl("spending", "rebuild", *WHY).status == 2


def test_an_event_that_never_came_is_replayed(asked: Asked, api: Api, account: Customer) -> None:
    with account.unheard():
        account.pay(account.page("pro"))
    assert account.tier() == "free"
    (lost,) = [event for event in api.events("customer.subscription.created") if account.caused(event)]
    done = asked("webhooks", "replay", lost["id"], "--yes", *WHY)
    assert (done["result"]["result"], account.tier()) == ("processed", "pro")
    again = asked("webhooks", "replay", lost["id"], "--yes", *WHY)
    assert again["result"]["result"] == "duplicate"


def test_what_was_missed_is_reconciled(asked: Asked, account: Customer) -> None:
    with account.unheard():
        account.pay_deposit(2_000)
    assert account.balance()["balance_cents"] == 0
    foreseen = asked("reconcile", "--dry-run")["would"]
    assert foreseen["uncredited"]
    assert account.balance()["balance_cents"] == 0
    done = asked("reconcile", "--yes", *WHY)["result"]
    assert done["failed"] == []
    assert account.balance()["balance_cents"] == 2_000


def test_creators_are_paid_by_the_sweep_of_the_schedule(asked: Asked, account: Customer, api: Api) -> None:
    maker = Customer(api, f"{account.id}-maker")
    account.deposit(5_000)
    account.charge(2_500, "tool", kind="tool_call", creator_id=maker.id)
    api.advance(days=8)
    # Only now can they be paid: the schedule found nobody to pay on the way.
    maker.onboard()
    asked("payouts", "hold", maker.id, *WHY)
    foreseen = [c for c in asked("payouts", "run", "--dry-run")["would"]["creators"] if c["creator_id"] == maker.id]
    assert [(c["pays_cents"], c["held_for"]) for c in foreseen] == [(0, "operator")]
    would = asked("payouts", "release", maker.id, "--dry-run")["would"]
    assert (would["before"]["held_for"], would["after"]["held_for"]) == ("operator", None)
    assert asked("payouts", "release", maker.id, "--yes", *WHY)["result"]["held_for"] is None
    foreseen = [c for c in asked("payouts", "run", "--dry-run")["would"]["creators"] if c["creator_id"] == maker.id]
    assert [c["pays_cents"] for c in foreseen] == [2_000]
    assert asked("payouts", "list", "--creator", maker.id)["payouts"] == []
    done = asked("payouts", "run", "--yes", *WHY)["result"]
    assert (done["failed"], done["visited"] >= 1) == (0, True)
    (payout,) = asked("payouts", "list", "--creator", maker.id)["payouts"]
    assert (payout["amount_cents"], payout["state"]) == (2_000, "paid")
    everyones = asked("payouts", "list", "--state", "paid")["payouts"]
    assert payout in everyones


def test_ceilings_of_a_creator_are_lifted_and_a_deposit_is_cleared(asked: Asked, account: Customer, api: Api) -> None:
    maker = Customer(api, f"{account.id}-maker")
    account.deposit(5_000)
    account.charge(500, "tool", kind="tool_call", creator_id=maker.id)
    would = asked("payouts", "review", maker.id, "--dry-run")["would"]
    assert (would["before"]["reviewed"], would["after"]["reviewed"]) == (False, True)
    assert asked("payouts", "review", maker.id, "--yes", *WHY)["result"]["reviewed"] is True
    allowed = asked("payouts", "allow-refunds", maker.id, "--cents", "5000", "--yes", *WHY)["result"]
    assert allowed["refunds_allowed_today_cents"] == 5_000
    (brought,) = account.get("/api/balance/transactions?type=deposit")["transactions"]
    assert asked("payouts", "clear-deposit", account.id, brought["id"], "--dry-run")["would"]["cleared"] is False
    cleared = asked("payouts", "clear-deposit", account.id, brought["id"], "--yes", *WHY)["result"]
    assert (cleared["amount_cents"], cleared["cleared"]) == (5_000, True)


# To say, and not to do


@pytest.mark.parametrize(
    "command",
    [
        ["account", "set-tier", "{}", "enterprise"],
        ["account", "sync", "{}"],
        ["account", "grant", "{}", "--cents", "500", "--yes"],
        ["account", "suspend-reload", "{}"],
        ["usage", "reset", "{}", "api_requests"],
    ],
)
def test_a_dry_run_says_what_would_change_and_changes_nothing(
    asked: Asked, account: Customer, command: list[str]
) -> None:
    account.deposit(2_000)
    account.set_reload()
    account.consume("api_requests", 7)
    before = asked("account", "show", account.id)
    body = asked(*(part.format(account.id) for part in command), "--dry-run")
    assert body["dry_run"] is True
    assert body["would"]
    assert asked("account", "show", account.id) == before


def test_a_dry_run_of_a_tier_says_which_ceilings_move(asked: Asked, account: Customer) -> None:
    would = asked("account", "set-tier", account.id, "starter", "--dry-run")["would"]
    assert would["hard_limits"]["api_requests"] == {"before": 55_000, "after": 575_000}
    assert would["hard_limits"]["projects"] == {"before": 10, "after": 5}
    assert asked("account", "set-tier", account.id, "free", "--dry-run")["would"]["hard_limits"] == {}


# Asked before money moves


def test_money_is_not_moved_where_nobody_can_be_asked(
    ctl: Ctl, account: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", StringIO("y\n"))
    refused = ctl("account", "grant", account.id, "--cents", "500", *WHY)
    assert refused.status == 1
    assert "--yes" in refused.err
    assert account.balance()["balance_cents"] == 0


@pytest.mark.parametrize(("answer", "balance"), [("y\n", 500), ("yes\n", 500), ("\n", 0), ("n\n", 0), ("", 0)])
def test_whoever_is_there_is_asked_on_stderr(
    ctl: Ctl, account: Customer, monkeypatch: pytest.MonkeyPatch, answer: str, balance: int
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    ran = ctl("account", "grant", account.id, "--cents", "500", *WHY)
    assert f"Grant $5.00 (500 cents) to {account.id}? On the local stack" in ran.err
    assert "?" not in ran.out
    assert (ran.status == 0) == (balance > 0)
    assert account.balance()["balance_cents"] == balance


# The log


def test_who_what_and_why_are_kept(asked: Asked, account: Customer) -> None:
    done = asked("account", "set-tier", account.id, "pro", "--reason", "Agreed by mail.")
    (entry,) = operations(asked, account)
    assert entry["operation_id"] == done["operation_id"]
    assert (entry["who"], entry["verb"], entry["reason"]) == (getpass.getuser(), "account set-tier", "Agreed by mail.")
    assert entry["arguments"] == {"account": account.id, "tier": "pro"}
    assert (entry["state"], entry["result"]["plan_tier"]) == ("done", "pro")
    assert asked("account", "show", account.id)["operations"] == [entry]


def test_for_people_the_log_is_a_line_an_act(ctl: Ctl, account: Customer) -> None:
    assert ctl("account", "set-tier", account.id, "pro", "--reason", "Agreed.").status == 0
    shown = ctl("log", "--account", account.id).out
    assert "Agreed." in shown
    assert "operation_id" not in shown


def test_without_a_reason_nothing_is_done(ctl: Ctl, asked: Asked, account: Customer) -> None:
    for reason in ([], ["--reason", " "], ["--reason", "x" * 501]):
        refused = ctl("account", "set-tier", account.id, "pro", *reason)
        assert (refused.status, account.tier()) == (2, "free")
        assert "reason" in refused.err.lower()
    assert operations(asked, account) == []


def test_what_failed_is_noted_as_failed(
    ctl: Ctl, asked: Asked, api: Api, account: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The look before succeeds: it is the act that finds the store down.
    looks = iter([True, False])
    given = WalletStore.get

    def fails_later(store: WalletStore, account_id: str) -> object:
        if not next(looks):
            raise_unavailable()
        return given(store, account_id)

    monkeypatch.setattr(WalletStore, "get", fails_later)
    refused = ctl("account", "grant", account.id, "--cents", "500", "--yes", *WHY, "--json")
    monkeypatch.setattr(WalletStore, "get", given)
    assert refused.status == 1
    assert refused.json["error"]["code"] == "STORE_UNAVAILABLE"
    (entry,) = operations(asked, account)
    assert (entry["state"], entry["result"]["code"]) == ("failed", "STORE_UNAVAILABLE")


def test_an_act_that_crashes_leaves_a_trace(
    api: Api, asked: Asked, account: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = WalletStore.apply
    monkeypatch.setattr(WalletStore, "apply", crash)
    monkeypatch.setenv("PORT", str(api.stack.port))
    with pytest.raises(ZeroDivisionError):
        main(["account", "grant", account.id, "--cents", "500", "--yes", *WHY], Console(out=StringIO(), err=StringIO()))
    monkeypatch.setattr(WalletStore, "apply", given)
    (entry,) = operations(asked, account)
    assert (entry["state"], entry["ended_at"], entry["result"]) == ("unknown", None, None)


@pytest.mark.parametrize(
    ("command", "status", "says"),
    [
        (["account", "set-tier", "acct_1"], 2, "--clear"),
        (["account", "set-tier", "acct_1", "gold", *WHY], 2, "Name one tier"),
        (["account", "set-tier", "acct_1", "pro", "--clear", *WHY], 2, "Name one tier"),
        (["account", "grant", "acct_1", "-5", *WHY], 2, "No such option"),
        (["account", "grant", "acct_1", "5.00", "--yes", *WHY], 2, "may be dollars or cents"),
        (["account", "grant", "acct_1", "500", "--yes", *WHY], 2, "may be dollars or cents"),
        (["account", "grant", "acct_1", ".00", "--yes", *WHY], 2, "or the shell takes $5"),
        (["account", "grant", "acct_1", "$1,0.00", "--yes", *WHY], 2, "may be dollars or cents"),
        (["account", "grant", "acct_1", "--yes", *WHY], 2, "Name the amount once"),
        (["account", "grant", "acct_1", "$5.00", "--cents", "500", "--yes", *WHY], 2, "Name the amount once"),
        (["account", "grant", "acct_1", "$0.0000001", "--yes", *WHY], 2, "may be dollars or cents"),
        (["account", "grant", "acct_1", "--cents", "0", "--yes", *WHY], 2, "amount_cents"),
        (["account", "grant", "acct_1", "--cents", "1.00001", "--yes", *WHY], 2, "four decimals"),
        (["account", "suspend-reload", "acct_1", *WHY], 1, "nothing to suspend"),
        (["account", "unmute", "acct_1", "reads@example.com", "--yes", *WHY], 1, "no such address"),
        (["usage", "reset", "acct_1", "storage_bytes", *WHY], 2, "given back"),
        (["usage", "reset", "acct_1", "no_such", *WHY], 2, "Known: api_requests"),
        (["webhooks", "replay", "evt_none", "--yes", *WHY], 1, "Stripe has no event"),
    ],
)
def test_what_cannot_be_done_is_said_and_not_noted(
    ctl: Ctl, asked: Asked, command: list[str], status: int, says: str
) -> None:
    before = asked("log", "--limit", "1")
    refused = ctl(*command)
    assert (refused.status, refused.out) == (status, "")
    assert says in refused.err
    assert asked("log", "--limit", "1") == before


def crash(*_: object) -> None:
    """What no code foresees."""
    raise ZeroDivisionError


def raise_unavailable() -> None:
    """The store, throttled beyond what is retried."""
    raise StoreUnavailable("The store did not answer.")
