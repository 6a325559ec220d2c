"""The smoke test passes on a stack that is well, and fails, by name, on one that is not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from local.stack import Stack
from local.testing import running_stack
from scripts import smoke


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with running_stack() as running:
        yield running


@pytest.fixture
def target(stack: Stack) -> smoke.Target:
    return smoke.target_of(stack.base_url, "", "", "")


def test_a_stack_that_is_well_passes_every_check_again_and_again(
    target: smoke.Target, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        assert smoke.run(target) == 0
    assert capsys.readouterr().out.count("ok ") == 2 * len(smoke.CHECKS)


def test_the_deposit_is_really_paid(target: smoke.Target) -> None:
    before = smoke._balance(target)
    smoke.check_deposit(target)
    assert smoke._balance(target) == before + smoke.DEPOSIT_CENTS


def test_a_stripe_that_fails_fails_the_deposit(
    stack: Stack, target: smoke.Target, capsys: pytest.CaptureFixture[str]
) -> None:
    faults = f"{stack.base_url}/_local/stripe/faults"
    for _ in range(3):
        fault = {"on": "checkout.sessions.create", "kind": "500_before"}
        requests.post(faults, json=fault, timeout=60).raise_for_status()
    with pytest.raises(smoke.Broken, match="/api/balance/deposit"):
        smoke.check_deposit(target)


@pytest.mark.parametrize(
    ("path", "status", "body", "check"),
    [
        ("/api/billing", 200, {"plan_tier": "free"}, smoke.check_plan),
        ("/api/billing", 500, {"message": "Internal Server Error"}, smoke.check_plan),
        (
            "/api/billing/plans",
            200,
            {"plans": [{"tier": "pro", "price": {"monthly": 50, "yearly": 1}}]},
            smoke.check_plans,
        ),
        ("/api/billing/usage", 200, {"tier": "free"}, smoke.check_usage),
        ("/api/billing", 200, {}, smoke.check_strangers),
        ("/api/billing/portal", 409, {"error": {"code": "CONFLICT"}}, smoke.check_portal),
    ],
)
def test_another_answer_than_the_published_one_fails(
    target: smoke.Target,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    status: int,
    body: dict[str, object],
    check: object,
) -> None:
    ask = smoke.Target.ask

    def spoiled(self: smoke.Target, method: str, asked: str, sent: object = None, *, as_user: bool = True) -> object:
        return (status, body) if asked == path else ask(self, method, asked, sent, as_user=as_user)

    monkeypatch.setattr(smoke.Target, "ask", spoiled)
    with pytest.raises(smoke.Broken):
        check(target)  # type: ignore[operator]


def test_nothing_is_paid_in_live_mode() -> None:
    assert smoke._pay("https://checkout.stripe.com/c/pay/cs_live_a1") is None


def test_a_deployed_stack_needs_a_token_and_nothing_is_asked_without(capsys: pytest.CaptureFixture[str]) -> None:
    assert smoke.main(["--base", "https://api.example.com"]) == 1
    assert "TOKEN" in capsys.readouterr().err
