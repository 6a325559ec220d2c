"""An account's timeline at a terminal: what the rooms show of it, linked by correlation id."""

from __future__ import annotations

import csv
from collections.abc import Callable

from tests.ctl.conftest import Ctl, Customer, Json

Asked = Callable[..., Json]


def test_a_payment_leads_from_stripe_s_event_to_its_transfer_and_a_grant_to_its_act(
    asked: Asked, account: Customer
) -> None:
    account.pay_deposit(2_000)
    account.api.deliver()
    account.charge(150, "one")
    granted = asked("account", "grant", account.id, "--cents", "5", "--yes", "--reason", "Outage.")
    entries = asked("account", "timeline", account.id)["entries"]
    (deposit,) = (entry for entry in entries if entry["type"] == "deposit")
    linked = asked("account", "timeline", account.id, "--correlation", deposit["correlation_id"])["entries"]
    assert {entry["kind"] for entry in linked} == {"transfer", "stripe_event"}
    linked = asked("account", "timeline", account.id, "--correlation", granted["operation_id"])["entries"]
    assert [entry["kind"] for entry in linked] == ["transfer", "operator_act"]
    assert [entry["at"] for entry in entries] == sorted((entry["at"] for entry in entries), reverse=True)


def test_more_than_a_page_is_shown_page_by_page(asked: Asked, account: Customer) -> None:
    account.deposit(2_000)
    for number in range(4):
        account.charge(1, f"k{number}")
    account.api.deliver()
    everything = asked("account", "timeline", account.id, "--limit", "500")
    assert (len(everything["entries"]) >= 5, everything["more"]) == (True, False)
    newest = asked("account", "timeline", account.id, "--limit", "2")
    assert (newest["entries"], newest["more"]) == (everything["entries"][:2], True)


def test_people_read_a_table_and_sheets_a_csv(ctl: Ctl, account: Customer) -> None:
    assert "nothing" in ctl("account", "timeline", account.id).out
    account.deposit(2_000)
    shown = ctl("account", "timeline", account.id)
    assert any("deposit" in line and "$20.00" in line for line in shown.out.splitlines()), shown
    rows = list(csv.DictReader(ctl("--output", "csv", "account", "timeline", account.id).out.splitlines()))
    assert "2000" in {row["amount_cents"] for row in rows}


def test_a_notice_is_shown_with_the_channel_that_it_goes_by(ctl: Ctl, asked: Asked, account: Customer) -> None:
    wanted = {"emails": [f"{account.id}@example.com"], "events": ["balance.low"]}
    assert account.send("PUT", "/api/billing/notifications", wanted).status_code == 200
    assert account.send("POST", "/api/billing/notifications/test", {"channel": "email"}).status_code == 201
    (notice,) = (entry for entry in asked("account", "timeline", account.id)["entries"] if entry["kind"] == "notice")
    assert notice["channel"] == "email"
    shown = ctl("--output", "csv", "account", "timeline", account.id).out.splitlines()
    assert [row["channel"] for row in csv.DictReader(shown) if row["kind"] == "notice"] == ["email"]
    assert any("notice" in line and "email" in line for line in ctl("account", "timeline", account.id).out.splitlines())


def test_a_wrong_option_is_named_with_what_it_takes(ctl: Ctl, account: Customer) -> None:
    refused = ctl("account", "timeline", account.id, "--since", "yesterday")
    assert refused.status == 2
    assert "2026-03-01" in refused.err
