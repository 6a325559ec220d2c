from __future__ import annotations

import itertools
from datetime import UTC, datetime

import pytest

from local.schedules import parse_expression, thinned

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
DAY = 86_400


def firings(expression: str, count: int, after: float = NEW_YEAR) -> list[str]:
    moments = itertools.islice(parse_expression(expression).firings(after, NEW_YEAR), count)
    return [datetime.fromtimestamp(moment, UTC).strftime("%a %Y-%m-%d %H:%M") for moment in moments]


def test_a_rate_counts_from_the_start_and_not_from_the_question() -> None:
    assert firings("rate(5 minutes)", 2) == ["Thu 2026-01-01 00:05", "Thu 2026-01-01 00:10"]
    assert firings("rate(5 minutes)", 1, after=NEW_YEAR + 7 * 60) == ["Thu 2026-01-01 00:10"]
    assert firings("rate(1 day)", 1, after=NEW_YEAR + DAY) == ["Sat 2026-01-03 00:00"]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("cron(15 10 * * ? *)", ["Thu 2026-01-01 10:15", "Fri 2026-01-02 10:15"]),
        ("cron(0/30 9-10 ? * MON-FRI *)", ["Thu 2026-01-01 09:00", "Thu 2026-01-01 09:30"]),
        ("cron(0 8 1 FEB,MAR ? *)", ["Sun 2026-02-01 08:00", "Sun 2026-03-01 08:00"]),
        ("cron(0 0 ? * 1 2027)", ["Sun 2027-01-03 00:00", "Sun 2027-01-10 00:00"]),
        ("cron(0 0 31 * ? *)", ["Sat 2026-01-31 00:00", "Tue 2026-03-31 00:00"]),
    ],
)
def test_a_cron_expression_fires_as_eventbridge_reads_it(expression: str, expected: list[str]) -> None:
    assert firings(expression, 2) == expected


def test_a_cron_firing_is_later_than_the_moment_asked_from() -> None:
    assert firings("cron(0 0 * * ? *)", 1) == ["Fri 2026-01-02 00:00"]


def test_a_cron_expression_whose_years_are_over_never_fires() -> None:
    assert firings("cron(0 0 * * ? 2025)", 1) == []


@pytest.mark.parametrize(
    "expression",
    [
        "rate(0 minutes)",
        "rate(1 minutes)",
        "rate(5 minute)",
        "rate(5 seconds)",
        "at(2026-01-01T00:00:00)",
        "cron(0 0 * * *)",
        "cron(0 0 * * * *)",
        "cron(0 0 ? * ? *)",
        "cron(60 0 * * ? *)",
        "cron(0 0 L * ? *)",
        "cron(0 0 ? * 2#1 *)",
        "every day",
    ],
)
def test_an_expression_that_is_not_understood_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match=r"rate|cron|every|at"):
        parse_expression(expression)


def test_many_firings_are_thinned_evenly_and_the_last_one_stays() -> None:
    every_minute = parse_expression("rate(1 minute)")
    moments = thinned(every_minute, NEW_YEAR, NEW_YEAR + 31 * DAY, NEW_YEAR, most=50)
    assert len(moments) == 50
    assert moments[-1] == NEW_YEAR + 31 * DAY
    assert len({b - a for a, b in itertools.pairwise(moments)}) == 1


def test_few_firings_are_all_kept() -> None:
    daily = parse_expression("rate(1 day)")
    assert len(thinned(daily, NEW_YEAR, NEW_YEAR + 31 * DAY, NEW_YEAR, most=50)) == 31
    assert thinned(daily, NEW_YEAR, NEW_YEAR + 60, NEW_YEAR, most=50) == []
