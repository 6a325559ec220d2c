"""Each wrapper asks billing as often as docs/performance.md says, whatever it wraps."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.benchmarks.wrappers import measured

PAGE = Path(__file__).parents[2] / "docs/performance.md"
pytestmark = pytest.mark.filterwarnings("ignore")  # LiteLLM has warnings of its own


def test_each_wrapper_asks_billing_as_often_as_its_page_says() -> None:
    told = dict(
        re.findall(
            r"^\| (`.+?) \| [\d., ms]+ \| [\d., ms]+ \| [\d.]+ ms \| ([\d.]+) \|", PAGE.read_text("utf-8"), re.MULTILINE
        )
    )
    asked = {one.name: one.requests for one in measured(times=10, with_litellm=False)}
    assert set(told) - set(asked) == {"`BilledCalls`, LiteLLM's acompletion"}
    for name, requests in asked.items():
        by_leases = "by leases" in name
        assert requests <= 1 if by_leases else requests == float(told[name]), name
