"""Who did what: a service's doings are listed, stopped and taken back."""

from __future__ import annotations

from collections.abc import Callable

from tests.ctl.conftest import Ctl, Customer, Json

Asked = Callable[..., Json]
WHY = ("--reason", "The test wants it.")


def test_what_a_leaked_token_took_is_listed_and_taken_back_once(asked: Asked, ctl: Ctl, account: Customer) -> None:
    leaked = f"svc_leaked_{account.id}"
    account.deposit(2_000)
    account.charge(100, "honest")
    for key in ("a", "b"):
        body = {"kind": "agent_execution", "amount_cents": 300, "billing_mode": "wallet", "idempotency_key": key}
        token = account.api.stack.token(leaked, "billing:charge")
        answer = account.api.send("POST", "/api/balance/charges", body={"account_id": account.id, **body}, token=token)
        assert answer.status_code == 201
    token = account.api.stack.token(leaked, "billing:meter")
    lease = {"account_id": account.id, "metric": "ai_tokens", "quantity": 50, "ttl_seconds": 60, "idempotency_key": "k"}
    assert account.api.send("POST", "/api/billing/usage/leases", body=lease, token=token).status_code == 201
    place = {"account_id": account.id}
    assert account.api.send("PUT", "/api/billing/resources/projects/p1", body=place, token=token).status_code == 200
    assert asked("ledger", "show", "--caller", leaked)["lines"] == 2
    asked("callers", "block", leaked, "--yes", *WHY)
    for account_named in ((), ("--account", account.id)):
        shown = asked("callers", "list", leaked, *account_named)
        assert (shown["lines"], shown["accounts"], shown["charged_cents"], shown["state"]) == (2, 1, 600, "blocked")
        held = [(each["kind"], each["what"], each["quantity"]) for each in shown["usage"]]
        assert sorted(held) == [("lease", "ai_tokens", 50), ("place", "projects", 1)]
        assert [each["verb"] for each in shown["operators"]] == ["callers block"]
    assert asked("callers", "list", leaked, "--until", "2026-01-01")["usage"] == []
    foreseen = asked("callers", "reverse", leaked, "--dry-run")["would"]
    assert (foreseen["to_refund"], foreseen["to_refund_cents"]) == (2, 600)
    assert account.balance()["balance_cents"] == 1_300
    assert ctl("callers", "reverse", leaked, *WHY).status == 1
    done = asked("callers", "reverse", leaked, "--yes", *WHY)["result"]
    assert (done["refunded"], done["refunded_cents"], done["failed"]) == (2, 600, [])
    assert account.balance()["balance_cents"] == 1_900
    again = asked("ledger", "take-back", leaked, "--yes", *WHY)["result"]
    assert (again["refunded"], again["refunded_before"]) == (0, 2)
    assert account.balance()["balance_cents"] == 1_900
    assert ctl("ledger", "show").status == 2
    asked("callers", "unblock", leaked, "--yes", *WHY)


def test_a_caller_is_blocked_after_a_question_and_let_go_again(asked: Asked, ctl: Ctl) -> None:
    would = asked("callers", "block", "svc_leaked", "--dry-run")["would"]
    assert (would["before"], would["after"]) == ("allowed", "blocked")
    assert asked("callers", "blocked")["callers"] == []
    assert asked("callers", "block", "svc_leaked", "--yes", *WHY)["result"]["state"] == "blocked"
    assert [each["caller"] for each in asked("callers", "blocked")["callers"]] == ["svc_leaked"]
    assert asked("callers", "unblock", "svc_leaked", "--yes", *WHY)["result"]["state"] == "allowed"
    assert ctl("callers", "block", "two\nlines", "--yes", *WHY).status == 2
