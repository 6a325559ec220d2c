"""An address that is sent nothing any more is sent mail again once an operator lifts that."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.ctl.conftest import Ctl, Customer, Json

Asked = Callable[..., Json]
WHY = ("--reason", "Its owner called: it was a slip.")


def _sent(account: Customer, address: str) -> int:
    """How many mails the address was sent, a test message that is due included."""
    account.api.advance(minutes=2)
    account.api.deliver()
    return len(account.api.send("GET", f"/_local/mail/messages?to={address}").json()["messages"])


@pytest.mark.parametrize(("what", "reason"), [("bounce", "bounced"), ("complaint", "complained")])
def test_a_muted_address_is_sent_mail_again_after_a_question(
    ctl: Ctl, asked: Asked, account: Customer, what: str, reason: str
) -> None:
    address = f"{account.id}@example.com"
    wanted = {"emails": [address], "events": ["balance.low"]}
    assert account.send("PUT", "/api/billing/notifications", wanted).status_code == 200
    test = {"channel": "email"}
    assert account.send("POST", "/api/billing/notifications/test", test).status_code == 201
    assert _sent(account, address) == 1
    account.api.send("POST", "/_local/mail/bounce", body={"email": address, "what": what})
    account.api.deliver()
    assert account.get("/api/billing/notifications")["muted"][0]["reason"] == reason
    typed = ("account", "unmute", account.id, address.upper())
    assert asked(*typed, "--dry-run")["would"]["was_muted_for"] == reason
    assert ctl(*typed, *WHY).status == 1
    assert account.send("POST", "/api/billing/notifications/test", test).json()["error"]["code"] == "NO_EMAIL"
    assert asked(*typed, "--yes", *WHY)["result"]["was_muted_for"] == reason
    assert account.get("/api/billing/notifications")["muted"] == []
    assert account.send("POST", "/api/billing/notifications/test", test).status_code == 201
    assert _sent(account, address) == 2
    log = asked("log", "--account", account.id)
    assert address not in str(log).lower()
    (noted,) = log["operations"]
    assert (noted["verb"], noted["state"]) == ("account unmute", "done")
