"""The price book: what tokens cost, to the picodollar, by the prices of the day, rounded once."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from aerostack_billing.platform import clock
from aerostack_billing.prices import book
from aerostack_billing.prices.book import PriceBook, UnknownModel, picodollars, with_markup
from aerostack_billing.prices.models import MAX_TOKENS, BookData, Terms, Tokens

FIRST = "2026-01-01"
PUBLISHED = {
    "claude-opus-4-6": ("15", "75", "1.50", "18.75"),
    "claude-sonnet-4-6": ("3", "15", "0.30", "3.75"),
    "claude-haiku-4-5": ("0.80", "4", "0.08", "1"),
    "gpt-4o": ("2.50", "10", "1.25", None),
    "gpt-4o-mini": ("0.15", "0.60", "0.075", None),
    "o1": ("15", "60", "7.50", None),
    "gemini-2.5-pro": ("1.25", "5", "0.125", None),
    "gemini-2.5-flash": ("0.15", "0.60", "0.0375", None),
    "llama-3.3-70b": ("0.59", "0.79", None, None),
}
"""The first version, for ever: charges were made by it, and the audit computes them again."""

counts = st.integers(0, MAX_TOKENS)
prices = st.decimals(0, 999_999, places=6).map(lambda price: f"{price:f}".rstrip("0").rstrip(".") or "0")


def one_model(*days: tuple[str, str], cache_read: str | None = None, cache_write: str | None = None) -> BookData:
    dated = [
        {"effective_from": day, "input": price, "output": price, "cache_read": cache_read, "cache_write": cache_write}
        for day, price in days
    ]
    return BookData.model_validate({"models": [{"model": "m", "provider": "p", "aliases": ["m-1"], "prices": dated}]})


def on(day: str) -> float:
    """Noon of a day."""
    return clock.datetime.fromisoformat(f"{day}T12:00:00Z").timestamp()


def test_the_first_version_has_the_nine_models_at_their_prices() -> None:
    found = {
        model.model: model.prices[0] for model in book.load(0).data.models if model.prices[0].effective_from == FIRST
    }
    answer = {name: (p.input, p.output, p.cache_read, p.cache_write) for name, p in found.items()}
    assert {name: answer[name] for name in PUBLISHED} == PUBLISHED


def test_a_token_can_cost_less_than_a_micro_and_a_million_of_them_are_exact() -> None:
    loaded, terms = book.load(0), Terms(FIRST, 0)
    # One token of gpt-4o-mini is 0.15 micros: rounded up to one, once a charge. A million in one charge are 15 cents.
    assert loaded.price(Tokens("gpt-4o-mini", 1, 0), terms).amount == 1
    assert loaded.price(Tokens("gpt-4o-mini", 7, 0), terms).amount == 2
    assert loaded.price(Tokens("gpt-4o-mini", 1_000_000, 0), terms).amount == 150_000
    assert loaded.price(Tokens("gpt-4o-mini", 1_000_001, 0), terms).amount == 150_001


@given(st.tuples(counts, counts, counts, counts), st.tuples(prices, prices, prices, prices), st.integers(0, 100_000))
def test_a_price_is_the_exact_sum_with_the_markup_rounded_up_once(
    tokens: tuple[int, int, int, int], dollars: tuple[str, str, str, str], markup: int
) -> None:
    sorts = ("input", "output", "cache_read", "cache_write")
    dated = {"effective_from": FIRST, **dict(zip(sorts, dollars, strict=True))}
    data = BookData.model_validate({"models": [{"model": "m", "provider": "p", "prices": [dated]}]})
    exact = sum(count * Fraction(price) for count, price in zip(tokens, dollars, strict=True))
    marked = exact * (10_000 + markup) / 10_000
    amount = PriceBook(data, markup).price(Tokens("m", *tokens), Terms(FIRST, markup)).amount
    assert marked <= amount < marked + 1


@given(st.lists(st.integers(0, 10**15), max_size=20), st.integers(0, 100_000))
def test_rounding_once_never_costs_more_than_rounding_each(picos: list[int], markup: int) -> None:
    together, apart = with_markup(sum(picos), markup), sum(with_markup(each, markup) for each in picos)
    assert together <= apart <= together + len(picos)


@pytest.mark.parametrize(("dollars", "picos"), [("0", 0), ("15", 15_000_000), ("0.15", 150_000), ("0.000001", 1)])
def test_a_token_costs_a_whole_number_of_picodollars(dollars: str, picos: int) -> None:
    assert picodollars(dollars) == picos


def test_a_cache_price_that_is_not_published_is_that_of_input() -> None:
    loaded, terms = PriceBook(one_model((FIRST, "2")), 0), Terms(FIRST, 0)
    assert loaded.price(Tokens("m", 0, 0, 5, 7), terms).amount == 24
    free = PriceBook(one_model((FIRST, "2"), cache_read="0", cache_write="1"), 0)
    assert free.price(Tokens("m", 0, 0, 5, 7), terms).amount == 7


def test_a_version_is_a_day_and_keeps_its_prices_when_later_ones_come() -> None:
    loaded = PriceBook(one_model((FIRST, "1"), ("2026-03-01", "2"), ("2026-06-01", "3")), 0)
    answer = {}
    for day in ("2026-01-01", "2026-02-28", "2026-03-01", "2026-05-31", "2026-06-01", "2027-01-01"):
        with clock.using(lambda day=day: on(day)):  # type: ignore[misc]
            terms = loaded.terms()
            answer[day] = (terms.version, loaded.price(Tokens("m", 1, 0)).amount)
    assert answer == {
        "2026-01-01": ("2026-01-01", 1),
        "2026-02-28": ("2026-01-01", 1),
        "2026-03-01": ("2026-03-01", 2),
        "2026-05-31": ("2026-03-01", 2),
        "2026-06-01": ("2026-06-01", 3),
        "2027-01-01": ("2026-06-01", 3),
    }
    assert loaded.price(Tokens("m", 1, 0), Terms("2026-01-01", 0)).amount == 1


def test_an_alias_is_priced_as_its_model_and_kept_under_the_models_name() -> None:
    loaded = PriceBook(one_model((FIRST, "1")), 0)
    assert loaded.price(Tokens("m-1", 1, 0), Terms(FIRST, 0)).tokens == Tokens("m", 1, 0)


@pytest.mark.parametrize("model", ["", "gpt-5000", "GPT-4O", "gpt-4o "])
def test_an_unknown_model_is_refused_by_name(model: str) -> None:
    with pytest.raises(UnknownModel) as refused:
        book.load(0).price(Tokens(model, 1, 1), Terms(FIRST, 0))
    assert refused.value.status == 422
    assert refused.value.details == {"usage.model": "unknown"}


def test_a_model_has_no_price_before_its_first_day() -> None:
    with pytest.raises(UnknownModel, match="no price before 2026-01-01"):
        PriceBook(one_model((FIRST, "1")), 0).price(Tokens("m", 1, 0), Terms("2025-12-31", 0))


def test_what_is_published_is_in_force_and_what_follows_is_named_apart() -> None:
    loaded = PriceBook(one_model((FIRST, "1"), ("2026-03-01", "2")), 2_000)
    with clock.using(lambda: on("2026-02-01")):
        answer = loaded.published({"tool_call": 5})
    assert (answer["version"], answer["markup_bps"]) == (FIRST, 2_000)
    shown = {"model": "m", "provider": "p", "aliases": ["m-1"], "cache_read": None, "cache_write": None}
    assert answer["models"] == [{**shown, "input": "1", "output": "1", "effective_from": FIRST}]
    assert answer["upcoming"] == [{**shown, "input": "2", "output": "2", "effective_from": "2026-03-01"}]
    assert answer["kinds"] == {"tool_call": {"max_charge_cents": 5}}


@pytest.mark.parametrize(
    ("days", "wrong"),
    [
        ([("2026-03-01", "1"), ("2026-01-01", "2")], "order"),
        ([("2026-03-01", "1"), ("2026-03-01", "2")], "order"),
        ([("2026-13-01", "1")], "month"),
        ([("2026-01-01", "1.0000001")], "pattern"),
        ([("2026-01-01", "-1")], "pattern"),
        ([("2026-01-01", "1e3")], "pattern"),
        ([], "at least 1"),
    ],
)
def test_a_book_that_does_not_hang_together_does_not_load(days: list[tuple[str, str]], wrong: str) -> None:
    with pytest.raises(ValidationError, match=wrong):
        one_model(*days)


def test_no_name_stands_for_two_models() -> None:
    data = one_model((FIRST, "1")).model_dump()
    other = {**data["models"][0], "model": "other"}
    with pytest.raises(ValidationError, match="m-1"):
        BookData.model_validate({"models": [data["models"][0], other]})
