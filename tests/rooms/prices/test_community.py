"""A price file of the community's format: what it says otherwise, and the book after it was taken over."""

from __future__ import annotations

import json
from importlib import resources

import pytest

from aerostack_billing.prices import book, community
from aerostack_billing.prices.book import PriceBook
from aerostack_billing.prices.community import NotAPriceFile
from aerostack_billing.prices.models import Terms, Tokens
from aerostack_billing.values.errors import InvalidRequest

FILE = b"""{
  "sample_spec": {"input_cost_per_token": 0.0, "output_cost_per_token": 0.0, "litellm_provider": "one of these"},
  "gpt-4o": {"input_cost_per_token": 2.5e-06, "output_cost_per_token": 1e-05,
             "cache_read_input_token_cost": 1.25e-06, "litellm_provider": "openai", "mode": "chat"},
  "gpt-4o-mini": {"input_cost_per_token": 1e-07, "output_cost_per_token": 6e-07,
                  "cache_read_input_token_cost": 7.5e-08, "input_cost_per_token_batches": 5e-08,
                  "litellm_provider": "openai"},
  "groq/llama-3.3-70b-versatile": {"input_cost_per_token": 5.9e-07, "output_cost_per_token": 8e-07,
                                   "litellm_provider": "groq"},
  "new-model": {"input_cost_per_token": 3e-12, "output_cost_per_token": 0, "litellm_provider": "new"},
  "odd-model": {"input_cost_per_token": 1.5e-13, "output_cost_per_token": 0, "litellm_provider": "odd"},
  "text-model": {"input_cost_per_token": "free", "output_cost_per_token": 0},
  "dall-e": {"output_cost_per_image": 0.04}
}"""


def test_only_models_that_are_priced_otherwise_are_named() -> None:
    found = community.compare(book.load(0).data, community.read(FILE))
    assert [difference.model for difference in found] == ["gpt-4o-mini", "llama-3.3-70b"]
    mini = found[0].view()
    assert mini["theirs"] == {"input": "0.1", "output": "0.6", "cache_read": "0.075", "cache_write": None}
    assert mini["not_taken_over"] == ["input_cost_per_token_batches"]
    assert found[1].view()["listed_as"] == "groq/llama-3.3-70b-versatile"


def test_what_is_no_whole_number_of_picodollars_is_named_not_rounded() -> None:
    assert set(community.read(FILE).unreadable) == {"odd-model", "text-model"}
    with pytest.raises(InvalidRequest) as refused:
        community.compare(book.load(0).data, community.read(FILE), ["odd-model", "dall-e"])
    assert set(refused.value.details) == {"odd-model", "dall-e"}


def test_prices_taken_over_start_on_their_day_and_change_none_of_before() -> None:
    loaded = book.load(0)
    found = community.compare(loaded.data, community.read(FILE), ["gpt-4o-mini", "new-model"])
    after = PriceBook(community.merged(loaded.data, found, "2026-09-01", "2026-01-01"), 0)
    million = Tokens("gpt-4o-mini", 1_000_000, 0)
    assert after.price(million, Terms("2026-01-01", 0)).amount == 150_000
    assert after.price(million, Terms("2026-09-01", 0)).amount == 100_000
    assert after.price(Tokens("new-model", 10**9, 0), Terms("2026-09-01", 0)).amount == 3_000
    unchanged = Tokens("llama-3.3-70b", 0, 1_000_000)
    assert after.price(unchanged, Terms("2026-09-01", 0)).amount == 790_000


@pytest.mark.parametrize("day", ["2026-01-01", "2025-12-31"])
def test_prices_never_start_in_a_version_that_charges_were_made_by(day: str) -> None:
    loaded = book.load(0)
    found = community.compare(loaded.data, community.read(FILE))
    with pytest.raises(InvalidRequest, match="must start after"):
        community.merged(loaded.data, found, day, "2026-01-01")


def test_the_books_own_file_is_written_as_it_stands() -> None:
    text = resources.files(book.__package__).joinpath("book.json").read_text()
    assert community.written(book.load(0).data) == text


@pytest.mark.parametrize("text", [b"[]", b"1", b'{"a": 1, "a": 2}'])
def test_another_file_is_refused(text: bytes) -> None:
    with pytest.raises(NotAPriceFile):
        community.read(text)


def test_every_number_is_read_as_it_is_written() -> None:
    costs = {"input_cost_per_token": 7.5e-08, "output_cost_per_token": 3e-07, "litellm_provider": "x"}
    listed = community.read(json.dumps({"m": costs}).encode()).listed["m"]
    assert (listed.input, listed.output) == (75_000, 300_000)
