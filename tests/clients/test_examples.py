"""The examples do what they say, on the stack: once, whatever is lost on the way, and not again what was refused."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.clients.faults import LOST_AFTER, FaultServer, failed
from tests.clients.people import Clients

EXAMPLES = Path(__file__).parents[2] / "clients/examples"
BOTH = [
    pytest.param(["bash", str(EXAMPLES / "billing.sh")], id="curl"),
    pytest.param(["node", str(EXAMPLES / "billing.mjs")], id="javascript", marks=pytest.mark.node),
]


def run(command: list[str], clients: Clients, door: FaultServer) -> subprocess.CompletedProcess[str]:
    """Run an example against the stack, through the door."""
    stack = clients.account.api.stack
    environment = {
        "PATH": os.environ["PATH"],
        "BILLING_URL": door.base_url,
        "ACCOUNT": clients.id,
        "REQUEST_ID": "req-1",
        "METER_TOKEN": stack.token("svc_gateway", "billing:meter"),
        "CHARGE_TOKEN": stack.token("svc_bots", "billing:charge"),
    }
    door.seen.clear()
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("command", BOTH)
def test_an_example_counts_and_charges_once_whatever_is_lost(
    clients: Clients, door: FaultServer, command: list[str]
) -> None:
    clients.pay_in(500)
    door.spoil(LOST_AFTER, path="/consume")
    door.spoil(failed(503, effect=True), path="/charges")
    door.spoil(LOST_AFTER, path="/capture")
    ran = run(command, clients, door)
    assert ran.returncode == 0, ran.stderr
    for shown in ("54999", "0.34", "12.34"):
        assert shown in ran.stdout
    for path in ("/consume", "/charges", "/capture"):
        assert [seen.key for seen in door.asked(path)] == ["req-1", "req-1"]
    assert run(command, clients, door).returncode == 0
    assert clients.user.usage().usage["api_requests"].used == 1
    assert clients.user.balance().balance_micros == 5_000_000 - 3_400 - 123_400


@pytest.mark.parametrize("command", BOTH)
def test_an_example_stops_at_a_refusal_and_says_why(clients: Clients, door: FaultServer, command: list[str]) -> None:
    ran = run(command, clients, door)
    assert ran.returncode != 0
    assert "INSUFFICIENT_BALANCE" in ran.stderr
    assert len(door.asked("/charges")) == 1
    assert not door.asked("/holds")


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.*")), ids=lambda path: path.name)
def test_every_example_is_run_here(example: Path) -> None:
    assert any(str(example) in parameters.values[0] for parameters in BOTH)  # type: ignore[operator]
