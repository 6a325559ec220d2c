"""Whom an account tells of what, over HTTP: what is set, what is refused, and what is shown once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.flows.client import Account, Api, Json

PATH = "/api/billing/notifications"


def wanting(**given: object) -> Json:
    return {"emails": [], "events": ["usage.blocked"], **given}


def test_what_is_set_is_shown_but_the_secret_only_once(account: Account) -> None:
    hook = "http://127.0.0.1:9999/hook"
    body = wanting(emails=["a@example.com"], webhook_url=hook, balance_low_cents=900)
    set_ = account.send("PUT", PATH, body).json()
    assert set_["webhook_secret"].startswith("whsec_")
    assert account.send("GET", PATH).json() == {**set_, "webhook_secret": None}
    rotated = account.send("POST", f"{PATH}/webhook/secret", {})
    assert rotated.status_code == 201
    assert rotated.json()["webhook_secret"] != set_["webhook_secret"]


REFUSED: dict[str, tuple[str, Json]] = {
    "six addresses": ("emails", {"emails": [f"a{n}@example.com" for n in range(6)]}),
    "an address without a domain": ("emails.0", {"emails": ["billing"]}),
    "an unknown event": ("events.0", {"events": ["plan.exploded"]}),
    "http": ("webhook_url", {"webhook_url": "http://example.com/hook"}),
    "credentials": ("webhook_url", {"webhook_url": "https://a:b@example.com/hook"}),
    "a private address": ("webhook_url", {"webhook_url": "https://10.0.0.1/hook"}),
    "metadata": ("webhook_url", {"webhook_url": "https://169.254.169.254/latest/meta-data"}),
    "metadata by IPv6": ("webhook_url", {"webhook_url": "https://[fd00:ec2::254]/latest"}),
    "decimal": ("webhook_url", {"webhook_url": "https://2852039166/latest"}),
    "v4-mapped": ("webhook_url", {"webhook_url": "https://[::ffff:a9fe:a9fe]/latest"}),
    "a name that leads nowhere": ("webhook_url", {"webhook_url": "https://hooks.invalid/hook"}),
}


@pytest.mark.parametrize(("field", "given"), REFUSED.values(), ids=REFUSED)
def test_what_is_wrong_is_refused_with_its_name_and_changes_nothing(field: str, given: Json, account: Account) -> None:
    account.send("PUT", PATH, wanting(emails=["a@example.com"]))
    before = account.send("GET", PATH).json()
    answer = account.send("PUT", PATH, wanting(**given))
    assert answer.status_code == 422
    assert set(answer.json()["error"]["details"]) == {field}
    assert account.send("GET", PATH).json() == before


def test_each_account_has_its_own(account: Account, new_account: Callable[[], Account], api: Api) -> None:
    account.send("PUT", PATH, wanting(emails=["a@example.com"]))
    assert new_account().send("GET", PATH).json()["emails"] == []
    assert api.send("GET", PATH).status_code == 401
