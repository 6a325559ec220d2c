"""docs/scaling.md lists every kind of item with its bound, by the figures of the code and by tests that are there."""

from __future__ import annotations

import re

import pytest

from aerostack_billing.accounts import store as accounts
from aerostack_billing.accounts import sync
from aerostack_billing.creators import payouts
from aerostack_billing.creators.store import SHARDS
from aerostack_billing.creators.tools import MOST_TOOLS
from aerostack_billing.notifications.dispatch import MOST_FOLDED
from aerostack_billing.notifications.models import MOST_EMAILS
from aerostack_billing.notifications.preferences import MOST_COMPLAINTS
from aerostack_billing.operators import callers, log
from aerostack_billing.outbox import store as outbox
from aerostack_billing.plans.models import MOST_COUNTED
from aerostack_billing.usage import batch, ingest
from aerostack_billing.usage.lease_store import MOST_INSIDE
from aerostack_billing.wallet import hours, spending_store
from aerostack_billing.wallet.budget_settings import MOST_BUDGETED_LABELS, MOST_BUDGETS
from aerostack_billing.wallet.charging import MOST_ACTIONS
from aerostack_billing.wallet.requests import MAX_ITEMS, MAX_LABELS
from aerostack_billing.wallet.spending import MOST_CHARACTERS, MOST_LABELS, MOST_VALUES
from tests.rooms.bounds.kinds import KINDS, PAGE, rows, unlisted
from tests.rooms.bounds.test_others import OF_ONE_CUSTOMER
from tests.rooms.conftest import ROOT

PACKAGE = ROOT / "layers/common/aerostack_billing"


def test_every_table_is_listed() -> None:
    template = (ROOT / "template.yaml").read_text()
    tables = set(re.findall(r"^  (\w+)Table:\n    Type: AWS::DynamoDB::Table$", template, re.MULTILINE))
    assert set(KINDS) == tables
    assert len(tables) == 8


def test_every_prefix_that_a_key_has_in_the_code_is_listed_and_no_other() -> None:
    source = "\n".join(path.read_text() for path in PACKAGE.rglob("*.py"))
    named = set(re.findall(r'"([a-z_]+#)', source))
    # What an account does on a day, whose counters are named in one place.
    named |= {f"{name}#" for name in re.findall(r'_counted\(.*?, "([a-z]+)"', source)}
    listed = {re.sub("#.*", "#", key) for keys in KINDS.values() for key in keys if "#" in key}
    assert listed == named


def test_an_item_of_a_kind_that_is_not_listed_is_found() -> None:
    known: list[dict[str, object]] = [{"account_id": "a", "item": "wallet"}, {"account_id": "a", "item": "hold#h"}]
    new: dict[str, object] = {"account_id": "a", "item": "gift#g"}
    assert unlisted("Wallets", [*known, new]) == [new]
    assert unlisted("Events", [{"event_id": "idem#a"}, {"event_id": "idempotent"}]) == [{"event_id": "idempotent"}]


def test_every_test_that_is_named_is_there() -> None:
    named = re.findall(r"\]\(\.\./(tests/[\w/.]+)\)", PAGE)
    assert len(named) >= len(rows())
    assert [each for each in named if not (ROOT / each).is_file()] == []


def test_every_bound_has_a_test_beside_it() -> None:
    assert [row for row in rows() if row["at most"] and "tests/" not in row["shown by"]] == []


@pytest.mark.parametrize(
    ("row", "figures"),
    [
        (
            "an account: `account_id`",
            f"{OF_ONE_CUSTOMER}, as many as a customer has at Stripe; {sync._REPORTED_AT_MOST}",
        ),
        ("a month: `2026-03`", f"{MOST_COUNTED}, of 40 characters; {MOST_INSIDE}, lapsed ones removed first"),
        ("`storage`, `resources`", f"{MOST_COUNTED}, of 40 characters"),
        ("where a paid period began: `began`", f"{MOST_COUNTED}"),
        ("a wallet: `wallet`", f"{MOST_BUDGETED_LABELS} ({MOST_BUDGETS} budgets)"),
        ("a budget's counter: `budget#`; a hold: `hold#`", f"10; {MAX_LABELS}"),
        (
            "a day of spending, and one of each label: `spend#`",
            f"{MOST_VALUES:,} values, {MOST_CHARACTERS:,} characters, of {MOST_LABELS} labels",
        ),
        ("how far spending is added up: `spend#` alone", f"{spending_store._LATELY_MOST}"),
        ("a transfer: `transfer_id`", f"{MAX_LABELS}, of 128 characters; 255 characters"),
        (
            "an operator's act, two lines: `operator#`",
            f"{log._LONGEST:,} characters each; longer parts are named and left out",
        ),
        ("a creator: `creator`", f"{SHARDS} counters a day"),
        ("a tool, and its place in the list: `tool#`", f"{MOST_TOOLS} tools"),
        ("who is stopped: `callers#blocked`", f"{callers._MOST}, of 128 characters"),
        ("what an account set: `settings`", f"{MOST_EMAILS}; no further address from {MOST_COMPLAINTS} on"),
        ("what was told ahead of time: `outlook`", f"{MOST_COUNTED}"),
        ("a notice: `notice#`", f"{MOST_FOLDED}"),
    ],
)
def test_the_figure_of_an_item_is_the_code_s(row: str, figures: str) -> None:
    assert [each["at most"] for each in rows() if each["item"].startswith(row)] == [figures]


def test_the_figures_of_transactions_are_the_code_s() -> None:
    for line in (
        f"| a batch of charges | {MOST_ACTIONS} actions |",
        f"| a capture of items | {MAX_ITEMS} items; {MOST_ACTIONS} actions with their budgets and creators |",
        f"| {batch._KEYS_AT_ONCE} keys; {ingest._MARKS_AT_ONCE} messages |",
        f"| lines counted by hour | {hours.MOST_COUNTED} days of subjects |",
        f"| earnings that fall due | {payouts._MATURED_AT_ONCE} counters |",
        f"| domain events put at once | {outbox._PUT_AT_ONCE} |",
        f"| surplus subscriptions that are undone | {accounts._UNDONE_AT_ONCE} in an expression |",
        f"| counters that move with a plan or a release | {MOST_COUNTED} in an expression |",
    ):
        assert line in PAGE
