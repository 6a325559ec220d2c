"""What an account hears by e-mail, over HTTP, through a local SES: once, folded, muted where its mailbox refuses."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.flows.client import Account, Api, Json

PATH = "/api/billing/notifications"


def choose(account: Account, *emails: str, events: list[str] | None = None) -> None:
    wanted: Json = {"emails": [*emails], "events": events or ["usage.grace_entered", "usage.blocked"]}
    assert account.send("PUT", PATH, wanted).status_code == 200


def mails(api: Api, email: str) -> list[Json]:
    found: list[Json] = api.send("GET", f"/_local/mail/messages?to={email}").json()["messages"]
    return found


@pytest.fixture
def address(account: Account) -> str:
    return f"{account.id[:50].lower()}@example.com"


def test_an_account_hears_of_each_kind_of_event_once_with_its_figures(api: Api, account: Account, address: str) -> None:
    choose(account, address)
    assert account.consume(quantity=55_000).status_code == 200
    for _ in range(4):
        api.advance(minutes=4)
    said = {mail["subject"]: mail for mail in mails(api, address)}
    assert sorted(said) == [
        "API requests: requests are refused",
        "API requests: the limit is passed, grace has begun",
    ]
    refused = said["API requests: requests are refused"]
    assert "all 55,000, grace included" in refused["text"]
    assert refused["headers"]["List-Unsubscribe"].endswith("/#notifications>")
    assert refused["from"] == "billing@aerostack.example"
    ended = {
        (each["recipient"], each["state"], each["attempts"]) for each in account.get(f"{PATH}/deliveries")["deliveries"]
    }
    assert ended == {(address, "sent", 1)}
    api.advance(minutes=60)
    assert len(mails(api, address)) == 2


def test_the_inbox_can_be_opened_and_shows_the_message_and_nothing_that_runs(
    api: Api, account: Account, address: str
) -> None:
    choose(account, address)
    assert account.send("POST", f"{PATH}/test", {"channel": "email"}).status_code == 201
    api.advance(minutes=2)
    (mail,) = mails(api, address)
    inbox = api.send("GET", "/_local/mail").text
    assert f"/_local/mail/{mail['id']}" in inbox
    page = api.send("GET", f"/_local/mail/{mail['id']}").text
    assert f'<iframe sandbox title="The message as HTML" src="/_local/mail/{mail["id"]}/html">' in page
    shown = api.send("GET", f"/_local/mail/{mail['id']}/html")
    assert shown.text == mail["html"]
    assert "sandbox" in shown.headers["content-security-policy"]
    assert api.send("GET", f"/_local/mail/{mail['id']}/text").text == mail["text"]
    assert api.send("GET", "/_local/mail/nothing").status_code == 404


@pytest.mark.parametrize(("what", "reason"), [("bounce", "bounced"), ("complaint", "complained")])
def test_an_address_whose_mail_is_refused_is_muted_and_shown_so(
    api: Api, account: Account, address: str, what: str, reason: str
) -> None:
    choose(account, address)
    account.send("POST", f"{PATH}/test", {"channel": "email"})
    api.advance(minutes=2)
    assert api.send("POST", "/_local/mail/bounce", body={"email": address, "what": what}).status_code == 200
    (muted,) = account.get(PATH)["muted"]
    assert (muted["email"], muted["reason"]) == (address, reason)
    assert account.send("POST", f"{PATH}/test", {"channel": "email"}).json()["error"]["code"] == "NO_EMAIL"
    choose(account)
    choose(account, address)
    assert len(account.get(PATH)["muted"]) == (0 if reason == "bounced" else 1)


@pytest.mark.parametrize("kind", ["throttled", "500_before"])
def test_a_mail_that_ses_did_not_take_comes_later(api: Api, account: Account, address: str, kind: str) -> None:
    choose(account, address)
    assert api.send("POST", "/_local/mail/faults", body={"kind": kind}).status_code == 200
    account.send("POST", f"{PATH}/test", {"channel": "email"})
    api.advance(minutes=1)
    assert mails(api, address) == []
    api.advance(minutes=30)
    assert len(mails(api, address)) == 1


def test_a_mail_whose_answer_was_lost_is_not_sent_again(api: Api, account: Account, address: str) -> None:
    choose(account, address)
    api.send("POST", "/_local/mail/faults", body={"kind": "500_after"})
    account.send("POST", f"{PATH}/test", {"channel": "email"})
    api.advance(minutes=60)
    assert len(mails(api, address)) == 1
    (delivery,) = account.get(f"{PATH}/deliveries")["deliveries"]
    assert (delivery["state"], delivery["error"]) == ("sent", None)


def test_an_address_that_ses_cannot_read_is_given_up(api: Api, account: Account, address: str) -> None:
    choose(account, address)
    api.send("POST", "/_local/mail/faults", body={"kind": "rejected"})
    account.send("POST", f"{PATH}/test", {"channel": "email"})
    api.advance(minutes=60)
    (delivery,) = account.get(f"{PATH}/deliveries")["deliveries"]
    assert (delivery["state"], delivery["attempts"]) == ("dead", 1)


def test_two_accounts_that_name_one_address_each_write_to_it(
    api: Api, account: Account, new_account: Callable[[], Account], address: str
) -> None:
    for each in (account, new_account()):
        choose(each, address)
        each.send("POST", f"{PATH}/test", {"channel": "email"})
    api.advance(minutes=2)
    assert len(mails(api, address)) == 2


@pytest.mark.parametrize(
    ("door", "body"),
    [
        ("bounce", {"email": "nobody@example.com"}),
        ("bounce", {"email": "nobody@example.com", "what": "explode"}),
        ("faults", {"kind": "meteor"}),
    ],
)
def test_the_doors_say_what_they_cannot_do(api: Api, door: str, body: Json) -> None:
    assert api.send("POST", f"/_local/mail/{door}", body=body).status_code == 422
