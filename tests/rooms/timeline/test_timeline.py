"""An account's timeline: all that is stored of it, newest first, whatever the page's size, and of nobody else."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.notifications import making
from aerostack_billing.notifications.making import Event
from aerostack_billing.notifications.models import Channel
from aerostack_billing.platform import clock, correlation
from aerostack_billing.timeline.service import Asked
from aerostack_billing.values import authority
from aerostack_billing.values.authority import Authority
from aerostack_billing.values.errors import InvalidRequest, TokenRestricted
from aerostack_billing.webhooks.models import Outcome, Result
from tests.rooms.conftest import Meter, Time
from tests.rooms.worlds.wallet import charge, fund, grant

Entries = list[dict[str, Any]]


def hear(parts: Runtime, account: str, event_id: str, result: Result = "processed") -> None:
    parts.webhooks.events.record(Outcome(event_id, "invoice.paid", result, account))


def tell(parts: Runtime, account: str, event_id: str, address: str | None = None) -> None:
    detail = {"id": event_id, "correlation_id": correlation.current()}
    event = Event(event_id, "balance.low", account, clock.iso_now(), {}, json.dumps(detail))
    channel: Channel = "webhook" if address is None else "email"
    parts.notifications.notices.make(making.test_notice(event, channel, address or ""))


def act(parts: Runtime, account: str | None, verb: str = "account grant") -> str:
    intent = parts.operator_log.intend("ada", verb, {}, "Outage on the 7th.", account)
    parts.operator_log.end(intent, "done", {})
    return intent.operation_id


def live(parts: Runtime, account: str, time: Time) -> None:
    """One entry of each kind, and a second wallet line, each a second after the other."""
    with correlation.using("hook-1"):
        fund(parts, account, 500)
        time.forward(1)
        hear(parts, account, f"evt_{account}")
    time.forward(1)
    with correlation.using("req-2", "svc_bots"):
        charge(parts, account, 120, "k", reference="msg_1", labels={"agent": "a"})
        time.forward(1)
        tell(parts, account, "evt_told")
    time.forward(1)
    operation = act(parts, account)
    with correlation.using(operation):
        grant(parts, account, 50)


def pages(parts: Runtime, account: str, **asked: str) -> list[Entries]:
    """The entries of each page, to the end."""
    found, cursor = [], None
    for _ in range(500):
        page: Any = parts.timeline.page(account, Asked(cursor=cursor, **asked))
        found.append(page["entries"])
        cursor = page["next_cursor"]
        if cursor is None:
            return found
    raise AssertionError("the timeline has no end")


def whole(parts: Runtime, account: str, **asked: str) -> Entries:
    return [entry for page in pages(parts, account, **asked) for entry in page]


def test_all_kinds_are_merged_newest_first_each_with_what_became_of_it(
    parts: Runtime, account: str, time_stands: Time
) -> None:
    live(parts, account, time_stands)
    entries = whole(parts, account)
    assert [(entry["kind"], entry["type"], entry["state"]) for entry in entries] == [
        ("transfer", "grant", "posted"),
        ("operator_act", "account grant", "done"),
        ("notice", "balance.low", "waiting"),
        ("transfer", "charge", "posted"),
        ("stripe_event", "invoice.paid", "processed"),
        ("transfer", "deposit", "posted"),
    ]
    assert [entry["channel"] for entry in entries] == [None, None, "webhook", None, None, None]
    spent = next(entry for entry in entries if entry["type"] == "charge")
    assert (spent["amount_cents"], spent["by"], spent["reference"]) == (-120, "svc_bots", "msg_1")
    assert spent["labels"] == {"agent": "a"}


@pytest.mark.parametrize(
    ("correlation_id", "kinds"),
    [("hook-1", ["stripe_event", "transfer"]), ("req-2", ["notice", "transfer"]), ("nobody", [])],
)
def test_a_correlation_id_leads_from_an_entry_to_what_was_made_with_it(
    parts: Runtime, account: str, time_stands: Time, correlation_id: str, kinds: list[str]
) -> None:
    live(parts, account, time_stands)
    assert [entry["kind"] for entry in whole(parts, account, correlation_id=correlation_id)] == kinds


def test_an_operator_s_act_leads_to_the_money_that_it_moved(parts: Runtime, account: str, time_stands: Time) -> None:
    live(parts, account, time_stands)
    (operation,) = [entry["id"] for entry in whole(parts, account) if entry["kind"] == "operator_act"]
    related = whole(parts, account, correlation_id=operation)
    assert [entry["type"] for entry in related] == ["grant", "account grant"]


@pytest.mark.parametrize("limit", ["1", "2", "3", "7", "100"])
def test_pages_of_any_size_show_each_entry_once_in_one_order(
    parts: Runtime, account: str, time_stands: Time, limit: str
) -> None:
    live(parts, account, time_stands)
    fund(parts, account, 1_000, "pi_2")
    for number in range(9):
        time_stands.forward(number % 2)
        charge(parts, account, 1, f"k{number}")
        hear(parts, account, f"evt_{account}_{number}")
    found = pages(parts, account, limit=limit)
    assert all(len(page) <= int(limit) for page in found)
    flat = [entry for page in found for entry in page]
    assert len({(entry["kind"], entry["id"]) for entry in flat}) == len(flat) == 25
    assert [entry["at"] for entry in flat] == sorted((entry["at"] for entry in flat), reverse=True)


def test_events_of_one_moment_are_not_lost_between_two_pages(parts: Runtime, account: str) -> None:
    for number in range(5):
        hear(parts, account, f"evt_{account}_{number}")
    assert len(whole(parts, account, limit="2")) == 5


def test_notices_by_webhook_and_by_mail_are_read_on_from_wherever_a_page_ends(parts: Runtime, account: str) -> None:
    for number in range(3):
        tell(parts, account, f"evt_{number}")
        tell(parts, account, f"evt_{number}", "ada@example.com")
    found = pages(parts, account, limit="1")
    told = [(entry["id"], entry["channel"]) for page in found for entry in page]
    assert sorted(told) == [(f"evt_{number}", channel) for number in range(3) for channel in ("email", "webhook")]


def test_what_a_creator_earned_stands_beside_the_wallet(
    parts: Runtime, creator: str, earned: Callable[[int], None], time_stands: Time
) -> None:
    earned(100)
    time_stands.forward(8 * 86_400)
    parts.creators.payouts.look_after(creator)
    assert [(entry["kind"], entry["amount_cents"]) for entry in whole(parts, creator)] == [("earning", 80)]


def test_nothing_of_another_account_is_shown(parts: Runtime, account: str, time_stands: Time) -> None:
    live(parts, account, time_stands)
    act(parts, None)
    assert whole(parts, f"{account}_other") == []


def test_an_act_behind_hundreds_about_others_is_found_on_a_later_page(
    parts: Runtime, account: str, time_stands: Time
) -> None:
    time_stands.to(2031, 5, 10)
    fund(parts, account, 500)
    time_stands.forward(1)
    mine = act(parts, account)
    for _ in range(120):
        time_stands.forward(1)
        act(parts, f"{account}_other")
    found = pages(parts, account)
    assert found[0] == []
    assert [entry["id"] for page in found for entry in page] == [mine, "pi_1"]


def test_a_page_costs_a_bounded_number_of_requests_whatever_there_is(
    parts: Runtime, account: str, meter: Meter, time_stands: Time
) -> None:
    fund(parts, account, 500)
    for number in range(120):
        charge(parts, account, 1, f"k{number}")
    for correlation_id in (None, "none"):
        meter.reset()
        parts.timeline.page(account, Asked(correlation_id=correlation_id))
        assert (meter.requests <= 8, meter.write_units) == (True, 0), meter.operations


def test_nothing_before_since_is_shown(parts: Runtime, account: str, time_stands: Time) -> None:
    fund(parts, account, 500)
    time_stands.forward(86_400)
    since = clock.iso_now()
    charge(parts, account, 1, "k")
    assert [entry["type"] for entry in whole(parts, account, since=since, limit="1")] == ["charge"]
    time_stands.forward(89.5 * 86_400)
    assert [entry["type"] for entry in whole(parts, account)] == ["charge"]
    assert len(whole(parts, account, since="2026-03-01")) == 2


def test_a_record_from_before_the_correlation_was_kept_is_shown_without_one(parts: Runtime, account: str) -> None:
    hear(parts, account, f"evt_{account}")
    (entry,) = whole(parts, account)
    assert entry["correlation_id"] is None


def forged(*parts: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


SINCE = "2026-03-01T00:00:00Z"


@pytest.mark.parametrize(
    ("field", "asked"),
    [
        *(("limit", {"limit": limit}) for limit in ("0", "101", "x", "1.0", "")),
        *(("since", {"since": since}) for since in ("", "yesterday", "2026-13-01", "2020-01-01", "2027-01-01")),
        ("since", {"since": "2026-03-01T00:00:00"}),
        *(("correlation_id", {"correlation_id": text}) for text in ("", "x" * 129, "a\nb")),
        *(
            ("cursor", {"cursor": cursor})
            for cursor in (
                "x",
                "é",
                "x" * 3_000,
                forged(),
                forged(SINCE, None, {}),
                forged(SINCE, None, {"nowhere": "1"}, []),
                forged(SINCE, None, {"ledger": "-1"}, []),
                forged(SINCE, None, {"stripe": "now"}, []),
                forged(SINCE, None, {"notices": "settings"}, []),
                forged(SINCE, None, {"operators": "2026-03#x"}, []),
                forged(SINCE, None, {}, ["nowhere"]),
                forged(SINCE, None, {}, [{}]),
                forged(SINCE, 7, {}, []),
                forged("x", None, {}, []),
            )
        ),
        ("since", {"cursor": forged(SINCE, None, {}, []), "since": "2026-03-02"}),
        ("correlation_id", {"cursor": forged(SINCE, "a", {}, []), "correlation_id": "b"}),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_read(
    parts: Runtime, account: str, meter: Meter, field: str, asked: dict[str, str]
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parts.timeline.page(account, Asked(**asked))
    assert list(refused.value.details) == [field]
    assert meter.requests == 0


@pytest.mark.parametrize("name", ["creator:acct_1", "operator#2026-03", "", "x" * 129])
def test_no_name_reads_a_partition_that_is_no_account(parts: Runtime, name: str) -> None:
    with pytest.raises(InvalidRequest):
        parts.timeline.page(name, Asked())


def test_a_token_that_is_narrowed_to_accounts_reads_no_other(parts: Runtime) -> None:
    with authority.using(Authority(accounts=("acct_eu_",))):
        parts.timeline.page("acct_eu_1", Asked())
        with pytest.raises(TokenRestricted):
            parts.timeline.page("acct_us_1", Asked())
