"""What the page's figures mean: its pure functions, called in the browser that runs them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.flows.client import Api, Json

pytestmark = pytest.mark.browser

NOW = "2026-03-10T12:00:00Z"
Call = Callable[..., object]


@pytest.fixture(scope="module")
def page(api: Api, browser: Browser) -> Iterator[Page]:
    """A window in whose reader's locale and time all is told."""
    with browser.new_context(locale="en-US", timezone_id="America/Los_Angeles") as context:
        page = context.new_page()
        page.goto(f"{api.stack.base_url}/icon.svg")
        yield page


@pytest.fixture
def call(page: Page) -> Call:
    """Calls a module's function. A string like a time of the API's, for what takes a date, is made one."""

    def made(module: str, function: str, *arguments: object) -> object:
        script = """async ([module, name, given]) => {
            const dated = (value) => value?.date ? new Date(value.date) : value;
            return (await import(module))[name](...given.map(dated));
        }"""
        return page.evaluate(script, [f"/{module}.js", function, list(arguments)])

    return made


def at(moment: str) -> Json:
    return {"date": moment}


@pytest.mark.parametrize(
    ("typed", "cents"),
    [
        ("5", 500),
        (" 12.5 ", 1_250),
        ("12,50", 1_250),
        ("$0.01", 1),
        ("0.10", 10),
        ("", None),
        ("-5", None),
        ("5.001", None),
        ("1e3", None),
        ("1.000,00", None),
        ("12345678", None),
        ("Infinity", None),
    ],
)
def test_typed_dollars_are_cents_or_nothing(call: Call, typed: str, cents: int | None) -> None:
    assert call("lib/format", "parseDollars", typed) == cents


@pytest.mark.parametrize(
    ("address", "followed"),
    [
        ("https://pay.test/a?b=c", "https://pay.test/a?b=c"),
        ("mailto:sales@aerostack.dev", "mailto:sales@aerostack.dev"),
        ("javascript:alert(1)", None),
        (" java\nscript:alert(1)", None),
        ("data:text/html,hacked", None),
        ("https://[", None),
    ],
)
def test_only_an_address_that_runs_nothing_is_followed(call: Call, address: str, followed: str | None) -> None:
    assert call("lib/dom", "safeUrl", address) == followed


@pytest.mark.parametrize(
    ("cents", "shown"), [(0, "$0.00"), (1_999, "$19.99"), (0.34, "$0.0034"), (-2_100.34, "-$21.0034"), (100, "$1.00")]
)
def test_money_is_told_to_the_last_fraction_of_a_cent(call: Call, cents: float, shown: str) -> None:
    assert call("lib/format", "money", cents) == shown


def test_a_month_ends_in_utc_wherever_the_reader_is(call: Call) -> None:
    end = at("2026-04-01T00:00:00Z")
    assert call("lib/format", "daysUntil", end, at("2026-03-31T23:59:59Z")) == 1
    assert call("lib/format", "daysUntil", end, at("2026-03-31T00:00:00Z")) == 1
    assert call("lib/format", "daysUntil", end, at("2026-03-30T23:59:59Z")) == 2
    assert call("rules/usage", "resetWords", "2026-12", at("2026-12-31T12:00:00Z")) == (
        "Resets in 1 day, on January 1, 2027 (UTC)"
    )


def metric(used: int, limit: int | None, hard: int | None, state: str) -> Json:
    remaining = None if hard is None else max(0, hard - used)
    return {"used": used, "limit": limit, "hard_limit": hard, "remaining": remaining, "state": state}


@pytest.mark.parametrize(
    ("given", "tone", "text"),
    [
        (metric(0, 50_000, 55_000, "ok"), "plain", "0% used"),
        (metric(1, 50_000, 55_000, "ok"), "plain", "Under 0.1% used"),
        (metric(4_820, 50_000, 55_000, "ok"), "plain", "9.6% used"),
        (metric(39_999, 50_000, 55_000, "ok"), "plain", "79.9% used"),
        (metric(40_000, 50_000, 55_000, "ok"), "warn", "80% used, grace to 55,000"),
        (metric(50_000, 50_000, 55_000, "ok"), "warn", "100% used, grace to 55,000"),
        (metric(50_001, 50_000, 55_000, "grace"), "warn", "Over the limit: 4,999 of grace left"),
        (metric(55_000, 50_000, 55_000, "blocked"), "bad", "Blocked: nothing more passes"),
        (metric(7, None, None, "ok"), "plain", "No limit"),
    ],
)
def test_a_counter_is_told_by_its_state(call: Call, given: Json, tone: str, text: str) -> None:
    assert call("rules/usage", "wordsOf", "api_requests", given) == {"tone": tone, "text": text}


def outgrown(name: str, effect: str, used: int, limit: int) -> Json:
    return {"name": name, "effect": effect, "used": used, "limit": limit, "above": used - limit}


@pytest.mark.parametrize(
    ("given", "now", "text"),
    [
        (
            outgrown("api_requests", "blocked", 600_000, 500_000),
            False,
            "API requests: 600,000 this month, 500,000 a month then; a month like this one would end blocked.",
        ),
        (
            outgrown("api_requests", "grace", 510_000, 500_000),
            False,
            "API requests: 510,000 this month, 500,000 a month then; a month like this one would be in the grace zone.",
        ),
        (
            outgrown("api_requests", "blocked", 600_000, 500_000),
            True,
            "API requests: 600,000 of 500,000; nothing more would pass.",
        ),
        (
            outgrown("storage_bytes", "blocked", 3_000_000_000, 1_000_000_000),
            False,
            "Storage: 3 GB of 1 GB; nothing more would pass.",
        ),
        (outgrown("projects", "read_only", 3, 2), False, "Projects: 3 of 2; the newest becomes read-only."),
    ],
)
def test_a_change_that_waits_does_not_say_of_a_month_s_quota_that_nothing_more_would_pass(
    call: Call, given: Json, now: bool, text: str
) -> None:
    assert call("rules/usage", "outgrownWords", given, now) == text


def test_a_bar_holds_what_a_downgrade_left_above_the_hard_limit(call: Call) -> None:
    drawn = call("rules/usage", "barOf", metric(110_000, 50_000, 55_000, "blocked"))
    assert drawn == {"fill": 1, "limitAt": pytest.approx(50 / 110), "graceTo": 0.5}
    assert call("rules/usage", "barOf", metric(7, None, None, "ok")) is None


def test_spending_is_summed_exactly_by_day_and_kind_less_what_was_given_back(call: Call) -> None:
    def bucket(day: str, **cents: float) -> Json:
        return {"start": day, "groups": [{"value": kind, "amount_cents": amount} for kind, amount in cents.items()]}

    buckets = [
        bucket("2026-02-09", bot_conversation=40),
        bucket("2026-03-01", something_new=1, tool_call=0.2),
        bucket("2026-03-09", agent_execution=-500, bot_conversation=0),
        bucket("2026-03-10", tool_call=0.1),
    ]
    answer = call("rules/spending", "spendingByDay", {"buckets": buckets, "total_cents": -458.7}, at(NOW), 30)
    assert isinstance(answer, dict)
    assert answer["totals"] == {"bot_conversation": 40, "other": 1, "tool_call": 0.3, "agent_execution": -500}
    assert len(answer["days"]) == 30
    assert answer["days"][0] == {"day": "2026-02-09", "byKind": {"bot_conversation": 40}, "total": 40}
    assert answer["days"][20] == {"day": "2026-03-01", "byKind": {"other": 1, "tool_call": 0.2}, "total": 1.2}
    assert answer["days"][28] == {"day": "2026-03-09", "byKind": {"agent_execution": -500}, "total": -500}
    assert answer["days"][29] == {"day": "2026-03-10", "byKind": {"tool_call": 0.1}, "total": 0.1}


@pytest.mark.parametrize(
    ("typed", "cents", "again"),
    [
        ("0.0025", 0.25, "0.0025"),
        ("0,000001", 0.0001, "0.000001"),
        ("1", 100, "1.00"),
        ("$12.5", 1_250, "12.50"),
        ("0", 0, "0.00"),
        ("0.0000001", None, None),
        ("", None, None),
        ("-1", None, None),
    ],
)
def test_a_price_is_read_and_written_to_the_millionth_of_a_dollar(
    call: Call, typed: str, cents: float | None, again: str | None
) -> None:
    assert call("lib/format", "parsePrice", typed) == cents
    if cents is not None:
        assert call("lib/format", "price", cents) == again


@pytest.mark.parametrize(
    ("highest", "top"), [(0, 100), (1, 1), (2_100, 2_500), (463, 500), (501, 1_000), (0.3, 0.5), (10_000, 10_000)]
)
def test_an_axis_ends_at_a_round_figure_above_the_highest(call: Call, highest: float, top: float) -> None:
    assert call("rules/spending", "axisTop", highest) == pytest.approx(top)


def account(tier: str, interval: str = "monthly", **more: object) -> Json:
    """An account on a plan, as `GET /api/billing` tells it."""
    paid = tier != "free"
    return {
        "plan_tier": tier,
        "status": "active",
        "billing_interval": interval,
        "stripe_subscription_id": "sub_1" if paid else None,
        "current_period_end": "2026-04-01T12:00:00Z" if paid else None,
        "cancel_at_period_end": False,
        "pending_change": None,
        "payment_issue": None,
        **more,
    }


WAITS = {"plan_tier": "starter", "billing_interval": "yearly", "effective_at": "2026-04-01T12:00:00Z"}


@pytest.mark.parametrize(
    ("billing", "tier", "interval", "act", "label", "note"),
    [
        (account("free"), "free", "monthly", "none", "Your plan", ""),
        (account("free"), "free", "yearly", "none", "Your plan", ""),
        (account("free"), "pro", "yearly", "buy", "Choose Pro", ""),
        (account("free"), "enterprise", "monthly", "sales", "Talk to sales", ""),
        (account("pro"), "pro", "monthly", "none", "Your plan", ""),
        (account("pro"), "pro", "yearly", "buy", "Switch to yearly", ""),
        (account("pro"), "business", "monthly", "buy", "Upgrade to Business", "At once, prorated"),
        (account("pro"), "starter", "monthly", "buy", "Change to Starter", "From April 1, 2026"),
        (account("pro"), "free", "monthly", "cancel", "Go back to Free", ""),
        (account("pro", cancel_at_period_end=True), "free", "monthly", "none", "Starts soon", "On April 1, 2026"),
        (account("pro", cancel_at_period_end=True), "pro", "monthly", "resume", "Keep Pro", ""),
        (account("pro", pending_change=WAITS), "starter", "yearly", "none", "Starts soon", "On April 1, 2026"),
        (account("pro", pending_change=WAITS), "starter", "monthly", "buy", "Change to Starter", "From April 1, 2026"),
        (account("pro", pending_change=WAITS), "pro", "monthly", "resume", "Keep Pro", "Your plan now"),
        (account("enterprise"), "enterprise", "yearly", "none", "Your plan", ""),
    ],
)
def test_each_plan_offers_what_choosing_it_would_do(
    api: Api, call: Call, billing: Json, tier: str, interval: str, act: str, label: str, note: str
) -> None:
    plans = api.send("GET", "/api/billing/plans").json()["plans"]
    plan = next(plan for plan in plans if plan["tier"] == tier)
    answer = call("rules/plans", "offer", plan, billing, interval, plans)
    assert isinstance(answer, dict)
    assert (answer["act"], answer["label"], answer["note"]) == (act, label, note)
    assert answer["label"].startswith(answer["word"])


def reload(state: str, **more: object) -> Json:
    off = {"enabled": True, "threshold_cents": 500, "amount_cents": 2_000, "monthly_cap_cents": None}
    return {**off, "state": state, "last_error": None, "next_attempt_at": None, "action_url": None, **more}


@pytest.mark.parametrize(
    ("given", "badge", "part"),
    [
        (reload("off", enabled=False), "Off", "paid work stops until you deposit"),
        (reload("armed"), "On", "Ready."),
        (reload("due"), "Starting", "within a minute"),
        (reload("pending"), "In progress", "under way"),
        (reload("retrying", next_attempt_at="2026-03-10T13:00:00Z"), "Declined", "We try again in 1 hour."),
        (reload("suspended"), "Suspended", "Nothing more is charged until"),
        (reload("action_required", action_url="https://x.test"), "Confirm payment", "the payment waits for you"),
        (
            reload(
                "due",
                last_error={"code": "monthly_cap_reached", "message": "", "at": NOW},
                next_attempt_at="2026-04-01T00:00:00Z",
            ),
            "Cap reached",
            "on April 1, 2026, or once you raise it",
        ),
    ],
)
def test_every_state_of_auto_reload_is_said_in_words(call: Call, given: Json, badge: str, part: str) -> None:
    answer = call("rules/reload", "describeReload", given, at(NOW))
    assert isinstance(answer, dict)
    assert answer["badge"] == badge
    assert part in answer["text"]


def test_an_older_answer_never_stands_over_a_newer_one(page: Page) -> None:
    script = """async () => {
        const { Store } = await import("/lib/store.js");
        const asked = [];
        const store = new Store({ plan: () => new Promise((answer, refuse) => asked.push({ answer, refuse })) });
        const heard = [];
        store.on(["plan"], () => heard.push(store.data("plan")));
        const first = store.load("plan"), second = store.load("plan");
        asked[1].answer("newer"); await second;
        asked[0].answer("older"); await first;
        const third = store.load("plan");
        store.set("plan", "set");
        asked[2].refuse(new Error("too late")); await third;
        return heard;
    }"""
    assert page.evaluate(script) == ["newer", "set"]
