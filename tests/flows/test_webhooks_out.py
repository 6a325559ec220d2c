"""What an account's own receiver hears, over HTTP: signed, retried, and sent again by a person."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from standardwebhooks import Webhook

from tests.flows.client import Account, Api, Json

PATH = "/api/billing/notifications"


@dataclass
class Receiver:
    """A receiver on loopback."""

    url: str = ""
    status: int = 200
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            receiver.heard.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(receiver.status)
            self.end_headers()

        def log_message(self, *_: Any) -> None:  # noqa: ANN401 - the base class's signature
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    yield receiver
    server.shutdown()
    server.server_close()


def choose(account: Account, receiver: Receiver) -> str:
    """Name the receiver; its secret."""
    wanted: Json = {"emails": [], "events": ["usage.grace_entered", "usage.blocked"], "webhook_url": receiver.url}
    secret: str = account.send("PUT", PATH, wanted).json()["webhook_secret"]
    return secret


def deliveries(account: Account) -> list[Json]:
    found: list[Json] = account.get(f"{PATH}/deliveries")["deliveries"]
    return found


def as_sent(timestamp: str) -> datetime:
    return datetime.fromtimestamp(int(timestamp), UTC)


def test_a_receiver_hears_of_each_event_once_and_verifies_it(
    api: Api, account: Account, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    verifier = Webhook(choose(account, receiver))
    # The stack's clock is ahead of the machine's, by which the library goes.
    monkeypatch.setattr(verifier, "_Webhook__verify_timestamp", as_sent)
    assert account.consume(quantity=55_000).status_code == 200
    api.advance(minutes=4)
    said = [verifier.verify(body, headers) for headers, body in receiver.heard]
    assert sorted(event["type"] for event in said) == ["usage.blocked", "usage.grace_entered"]
    assert {headers["webhook-id"] for headers, _ in receiver.heard} == {event["id"] for event in said}
    ended = {(each["state"], each["attempts"], each["status_code"]) for each in deliveries(account)}
    assert ended == {("sent", 1, 200)}
    api.advance(minutes=30)
    assert len(receiver.heard) == 2


def test_a_receiver_that_fails_hears_again_and_what_is_dead_is_sent_again_by_a_person(
    api: Api, account: Account, receiver: Receiver
) -> None:
    choose(account, receiver)
    receiver.status = 503
    assert account.send("POST", f"{PATH}/test", {"channel": "webhook"}).status_code == 201
    api.advance(minutes=2)
    (waiting,) = deliveries(account)
    assert (waiting["state"], waiting["status_code"]) == ("waiting", 503)
    assert account.send("POST", f"{PATH}/deliveries/{waiting['id']}/resend").status_code == 409
    for _ in range(16):
        api.advance(hours=12)
    (dead,) = deliveries(account)
    assert dead["state"] == "dead"
    receiver.status = 200
    assert account.send("POST", f"{PATH}/deliveries/{dead['id']}/resend").json()["state"] == "waiting"
    api.advance(minutes=2)
    assert deliveries(account)[0]["state"] == "sent"
    assert {headers["webhook-id"] for headers, _ in receiver.heard} == {dead["event_id"]}


def test_what_is_wrong_with_a_request_for_deliveries_is_named(account: Account) -> None:
    for query, field_name in (("limit=0", "limit"), ("cursor=x", "cursor")):
        answer = account.send("GET", f"{PATH}/deliveries?{query}")
        assert (answer.status_code, set(answer.json()["error"]["details"])) == (422, {field_name})
    assert account.send("POST", f"{PATH}/deliveries/x/resend").status_code == 404
    assert account.send("POST", f"{PATH}/test", {"channel": "sms"}).status_code == 422
    assert account.send("POST", f"{PATH}/test", {"channel": "webhook"}).json()["error"]["code"] == "NO_WEBHOOK"
