"""The recipes run on the stack, and print what their page says."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aerostack_billing_client.testing import FakeBilling
from tests.clients.faults import FaultServer, Reply, Seen
from tests.clients.people import SCOPES, Clients
from tests.clients.providers import CHAT, MESSAGE_EVENTS, Provider
from tests.clients.serving import Serving

ROOT = Path(__file__).parents[2]
RECIPES = ROOT / "clients/examples/python"
PAGE = ROOT / "docs/recipes.md"
PRINTED = dict(re.findall(r"<!-- prints: (\w+\.py) -->\n```text\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL))
CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}
USED = {"prompt_tokens": 60, "completion_tokens": 10, "total_tokens": 70}

Run = Callable[..., str]


@pytest.fixture
def run(clients: Clients, door: FaultServer) -> Run:
    """Runs a recipe for the account; what it printed."""

    def ran(recipe: str, **environment: str) -> str:
        token = clients.account.api.stack.token("svc_platform", SCOPES)
        done = subprocess.run(
            [sys.executable, RECIPES / recipe],
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(ROOT / "clients/python"),
                "BILLING_URL": door.base_url,
                "SERVICE_TOKEN": token,
                "ACCOUNT": clients.id,
                **environment,
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return ran


def leave(clients: Clients, cents: int) -> None:
    """Let the account have so much."""
    clients.pay_in(500)
    if cents < 500:
        clients.service.charge(clients.id, "agent_execution", 500 - cents)


def model(seen: Seen) -> Reply:
    """A model that calls the tool once, and then tells its answer."""
    result = next((message["content"] for message in seen.body["messages"] if message["role"] == "tool"), None)
    message: dict[str, Any] = {"role": "assistant", "content": result}
    if result is None:
        message["tool_calls"] = [CALL]
    return Reply(200, {**CHAT, "choices": [{"index": 0, "finish_reason": "stop", "message": message}], "usage": USED})


def test_an_agents_model_is_paid_until_the_money_is_gone(clients: Clients, serving: Serving, run: Run) -> None:
    settings = {"MODEL_URL": serving(model).base_url, "MODEL_KEY": "k"}
    leave(clients, 500)
    printed = run("agent_loop.py", **settings)
    assert {line.labels.get("agent") for line in clients.user.transactions("capture")} == {"weatherman"}
    clients.service.charge(clients.id, "agent_execution", clients.user.balance().balance_cents)
    rest = clients.user.balance().balance_micros
    assert rest < 10_000
    clients.service.charge(clients.id, "agent_execution", _cents(rest))
    assert printed + run("agent_loop.py", **settings) == PRINTED["agent_loop.py"]


def _cents(micros: int) -> Any:  # noqa: ANN401 - an exact amount
    from decimal import Decimal

    return Decimal(micros) / 10_000


@pytest.mark.parametrize(("recipe", "cents"), [("metered_app.py", 4), ("marketplace_tool.py", 4), ("worker.py", 100)])
def test_a_recipe_prints_what_its_page_says(clients: Clients, run: Run, recipe: str, cents: int) -> None:
    leave(clients, cents)
    assert run(recipe) == PRINTED[recipe]
    assert clients.user.balance().held_cents == 0


@pytest.mark.filterwarnings("ignore")  # LiteLLM has warnings of its own
def test_the_pages_snippets_fit_the_packages_they_wrap(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"BILLING_URL": "https://billing.example.com", "SERVICE_TOKEN": "t", "ACCOUNT": "acct"}
    for name, value in {**settings, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_MODE": "PRODUCTION"}.items():
        monkeypatch.setenv(name, value)
    names: dict[str, Any] = {}
    for block in re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL):
        exec(compile(block, "recipes.md", "exec"), names)
    fake = FakeBilling()
    fake.deposit("acct", 4)
    fake.price("gpt-4o-mini", "0.15", "0.60")
    fake.price("claude-haiku-4-5", "0.80", "4")
    names |= {"billing": fake.service(), "Anthropic": Provider(MESSAGE_EVENTS).anthropic}
    names["answer"]("Hi")
    names["ACCOUNT"] = "nobody"
    assert "PAYMENT_REQUIRED" in asyncio.run(names["ask"]("Hi"))
    names["litellm"].callbacks = []
    assert asyncio.run(names["summarize"].__wrapped__("one two three four")) == "one two three"


@pytest.mark.parametrize("recipe", sorted(RECIPES.glob("*.py")), ids=lambda path: path.name)
def test_every_recipe_is_short_and_on_the_page(recipe: Path) -> None:
    assert len(recipe.read_text("utf-8").splitlines()) < 60
    assert recipe.name in PRINTED
