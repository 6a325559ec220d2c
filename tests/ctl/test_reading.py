"""What the tool shows, and how it refuses."""

from __future__ import annotations

import csv
import json
import os
import subprocess
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.ctl.conftest import Ctl, Customer, Json
from tests.flows.client import Api

ROOT = Path(__file__).parents[2]
Asked = Callable[..., Json]


def test_an_account_is_shown_whole(asked: Asked, account: Customer) -> None:
    account.buy("pro")
    account.consume("api_requests", 120)
    shown = asked("account", "show", account.id)
    assert shown["account_id"] == account.id
    assert (shown["plan"]["plan_tier"], shown["plan"]["status"]) == ("pro", "active")
    assert shown["usage"]["usage"]["api_requests"]["used"] == 120
    assert shown["wallet"]["balance_cents"] == 0
    assert shown["creator"]["onboarding"] == "none"


def test_for_people_the_same_is_lines_and_tables(ctl: Ctl, account: Customer) -> None:
    ran = ctl("usage", "show", account.id)
    assert ran.status == 0
    lines = [line.split() for line in ran.out.splitlines()]
    assert ["tier", "free"] in lines
    assert ["api_requests", "0", "50,000", "55,000", "55,000", "ok"] in lines


def test_the_usage_of_another_month_is_shown(asked: Asked, account: Customer) -> None:
    assert asked("usage", "show", account.id, "--period", "2024-02")["period"] == "2024-02"


def test_transactions_are_shown_page_by_page(asked: Asked, account: Customer) -> None:
    account.deposit(2_000)
    account.charge(150, "one")
    newest = asked("ledger", "show", account.id, "--limit", "1")
    assert [line["type"] for line in newest["transactions"]] == ["charge"]
    older = asked("ledger", "show", account.id, "--cursor", newest["next_cursor"])
    assert [line["type"] for line in older["transactions"]] == ["deposit"]
    only = asked("ledger", "show", account.id, "--type", "deposit")
    assert [line["amount_cents"] for line in only["transactions"]] == [2_000]


def test_an_export_sums_to_zero_and_holds_a_creators_share(asked: Asked, account: Customer, tmp_path: Path) -> None:
    account.deposit(2_000)
    account.charge(150, "one", kind="tool_call", creator_id=f"{account.id}_maker")
    done = asked("ledger", "export", "-o", str(tmp_path / "all.jsonl"))
    lines = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text().splitlines()]
    assert done["movements"] == len(lines) >= 3
    sums: dict[str, int] = defaultdict(int)
    for line in lines:
        sums[line["debit"]] -= line["amount_micros"]
        sums[line["credit"]] += line["amount_micros"]
    assert sum(sums.values()) == 0
    assert sums[f"wallet:{account.id}"] == 1_850 * 10_000
    assert sums[f"earning:{account.id}_maker"] == 120 * 10_000


def test_an_export_of_one_account_can_be_a_sheet(asked: Asked, account: Customer, tmp_path: Path) -> None:
    account.deposit(2_000)
    file = tmp_path / "one.csv"
    assert asked("ledger", "export", account.id, "-o", str(file), "--format", "csv")["movements"] == 1
    (row,) = csv.DictReader(file.read_text().splitlines())
    assert (row["type"], row["credit"], row["amount_micros"]) == ("deposit", f"wallet:{account.id}", "20000000")


def test_an_export_writes_over_nothing_unasked_and_leaves_no_half_file(
    ctl: Ctl, account: Customer, tmp_path: Path
) -> None:
    file = tmp_path / "mine.jsonl"
    file.write_text("mine")
    refused = ctl("ledger", "export", account.id, "-o", str(file))
    assert (refused.status, file.read_text()) == (1, "mine")
    assert "--force" in refused.err
    assert ctl("ledger", "export", account.id, "-o", str(file), "--force").status == 0
    assert file.read_text() == ""
    assert ctl("ledger", "export", account.id, "-o", str(tmp_path / "no" / "where")).status == 1
    assert [left.name for left in tmp_path.iterdir()] == ["mine.jsonl"]


def test_an_audit_that_finds_nothing_is_0(asked: Asked, account: Customer) -> None:
    account.deposit(2_000)
    found = asked("ledger", "audit", account.id)
    looked_at = {"accounts": 1, "transfers": 1, "counters": 0}
    behind = {"behind_seconds": None, "changed_behind_seconds": None}
    assert found == {**looked_at, "violations": [], "busy": [], "whole": True, **behind}
    assert asked("ledger", "audit")["violations"] == []


def test_a_violation_is_named_and_is_1(ctl: Ctl, api: Api, account: Customer) -> None:
    account.deposit(2_000)
    with account.cent_from_nowhere():
        found = ctl("ledger", "audit", account.id, "--json")
    assert found.status == 1
    assert "balance is the sum of its transfers" in [v["invariant"] for v in found.json["violations"]]


def test_events_are_listed_with_what_became_of_them(asked: Asked, api: Api, account: Customer) -> None:
    account.buy("pro")
    api.deliver()
    listed = asked("webhooks", "list", "--type", "customer.subscription.created", "--limit", "1000")["events"]
    mine = [event for event in listed if event["account_id"] == account.id]
    assert [event["result"] for event in mine] == ["processed"]
    shown = asked("webhooks", "show", mine[0]["event_id"])
    assert shown["stripe"]["data"]["object"]["customer"] == account.billing()["stripe_customer_id"]
    others = asked("webhooks", "list", "--result", "unhandled", "--limit", "1")
    assert [event["result"] for event in others["events"]] == ["unhandled"]
    assert others["more"] is True


def test_an_event_that_never_came_is_missing(asked: Asked, api: Api, account: Customer) -> None:
    api.door("stripe/webhooks", {"drop": True})
    try:
        account.buy("starter")
    finally:
        api.door("stripe/webhooks", {"drop": False})
    missing = asked("webhooks", "list", "--result", "missing", "--limit", "1000")["events"]
    (lost,) = api.events("customer.subscription.created", customer=account.billing()["stripe_customer_id"])
    assert lost["id"] in [event["event_id"] for event in missing]


@pytest.mark.parametrize(
    ("command", "status", "says"),
    [
        (["account", "show", "a#b"], 2, "account"),
        (["usage", "show", "acct_1", "--period", "soon"], 2, "2026-03"),
        (["ledger", "show", "acct_1", "--limit", "1000"], 2, "from 1 to 100"),
        (["webhooks", "show", "evt_none"], 1, "Stripe has no event evt_none"),
        (["webhooks", "show", "../secrets"], 1, "Stripe has no event"),
        (["--region", "eu-west-1", "usage", "show", "acct_1"], 2, "need --stack"),
        (["no-such-verb"], 2, "No such command"),
        (["account", "show"], 2, "Missing argument"),
        (["--port", "1", "usage", "show", "acct_1"], 1, "make run"),
    ],
)
def test_a_refusal_is_one_sentence_and_an_exit_status(ctl: Ctl, command: list[str], status: int, says: str) -> None:
    refused = ctl(*command)
    assert (refused.status, refused.out) == (status, "")
    assert refused.err.startswith("billingctl: ")
    assert says in refused.err


def test_a_script_is_told_of_a_refusal_as_json(ctl: Ctl) -> None:
    refused = ctl("webhooks", "show", "evt_none", "--json")
    assert refused.status == 1
    assert refused.json["error"]["code"] == "EVENT_NOT_FOUND"


def test_the_command_is_there_after_make_setup_and_runs_from_any_folder(api: Api, tmp_path: Path) -> None:
    # Only told, not done: a set-up that is due would take away the packages that these tests run on.
    answer = subprocess.run(
        ["make", "-nB", ".venv/bin/billingctl"], cwd=ROOT, check=True, timeout=60, capture_output=True, text=True
    )
    assert "ln -sf ../../scripts/billingctl .venv/bin/billingctl" in answer.stdout
    (tmp_path / "billingctl").symlink_to(ROOT / "scripts/billingctl")
    environment = {**os.environ, "PORT": str(api.stack.port), "AWS_PROFILE": "of-another-life"}
    ran = subprocess.run(
        [tmp_path / "billingctl", "ledger", "export", "-o", "here.jsonl", "--json"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert json.loads(ran.stdout)["file"] == "here.jsonl"
    assert (tmp_path / "here.jsonl").exists()
