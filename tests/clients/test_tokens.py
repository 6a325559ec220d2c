"""Tokens: fetched when needed, never sent in the clear or to another host, never told."""

from __future__ import annotations

import traceback

import pytest

from aerostack_billing_client import (
    NoToken,
    ServiceClient,
    Unanswered,
    Unauthorized,
    UserClient,
)
from aerostack_billing_client.calling import Answer, Request
from tests.clients.conftest import HASTY
from tests.clients.faults import Reply, Seen
from tests.clients.serving import Serving, counted, service


def test_a_token_is_fetched_once_and_once_more_when_it_is_refused(serving: Serving) -> None:
    valid = ["first"]

    def answer(seen: Seen) -> Reply:
        known = seen.headers["authorization"] == f"Bearer {valid[0]}"
        return counted(seen) if known else Reply(401, {"message": "Unauthorized"})

    server = serving(answer)
    fetched: list[str] = []

    def fetch() -> str:
        fetched.append(valid[0])
        return valid[0]

    with ServiceClient(server.base_url, fetch, retries=HASTY) as billing:
        billing.consume("acct", "api_requests")
        billing.consume("acct", "api_requests")
        valid[0] = "second"
        billing.consume("acct", "api_requests")
        assert fetched == ["first", "second"]
        assert server.seen[-1].key == server.seen[-2].key
        fetched.clear()
        server.answer = lambda _: Reply(401, {"message": "Unauthorized"})
        valid[0] = "third"
        with pytest.raises(Unauthorized):
            billing.consume("acct", "api_requests")
        assert fetched == ["third"]


def test_a_token_that_was_refused_and_has_no_successor_is_not_sent_again(serving: Serving) -> None:
    server = serving(lambda _: Reply(401, {"message": "Unauthorized"}))
    for token in ("fixed", lambda: "the same"):
        server.seen.clear()
        with ServiceClient(server.base_url, token, retries=HASTY) as billing, pytest.raises(Unauthorized):
            billing.consume("acct", "api_requests")
        assert len(server.seen) == 1


def test_a_token_that_cannot_be_fetched_says_why(serving: Serving) -> None:
    def fetch() -> str:
        raise KeyError("no such secret")

    server = serving(counted)
    with ServiceClient(server.base_url, fetch) as billing, pytest.raises(NoToken) as without:
        billing.consume("acct", "api_requests")
    assert isinstance(without.value.__cause__, KeyError)
    assert not server.seen


def test_the_catalog_needs_no_token(serving: Serving) -> None:
    wallet = {
        "currency": "usd",
        "deposit_cents": {"min": 500, "max": 50_000},
        "price_examples_cents": {},
        "max_charge_cents": {},
        "agent_price_per_run_cents": {"min": 0, "max": 1, "default": 0},
    }
    server = serving(lambda _: Reply(200, {"currency": "usd", "plans": [], "trial_days": 0, "wallet": wallet}))
    with UserClient(server.base_url) as billing:
        assert billing.plans().wallet.deposit_cents.max == 50_000
    assert "authorization" not in server.seen[0].headers


@pytest.mark.parametrize("url", ["http://billing.example.com", "ftp://127.0.0.1", "billing.example.com", ""])
def test_a_token_never_travels_in_the_clear(url: str) -> None:
    with pytest.raises(ValueError, match="is not https"):
        UserClient(url, "token")


def test_a_redirect_is_not_followed(serving: Serving) -> None:
    elsewhere = serving(counted)
    server = serving(lambda _: Reply(307, {}, {"location": f"{elsewhere.base_url}/api/billing"}))
    with service(server) as billing, pytest.raises(Exception, match="307"):
        billing.consume("acct", "api_requests")
    assert not elsewhere.seen


def test_a_token_as_a_file_holds_it_is_taken(serving: Serving) -> None:
    server = serving(counted)
    for token in ("a.b.c\n", lambda: " a.b.c\n"):
        with ServiceClient(server.base_url, token) as billing:
            billing.consume("acct", "api_requests")
    assert [seen.headers["authorization"] for seen in server.seen] == ["Bearer a.b.c"] * 2


@pytest.mark.parametrize("token", ["secret\nx-other: 1", "secret\u2028x", "sécret"])
def test_what_can_be_no_token_is_refused_without_telling_it(serving: Serving, token: str) -> None:
    server = serving(counted)
    with ServiceClient(server.base_url, token) as billing, pytest.raises(NoToken) as without:
        billing.consume("acct", "api_requests")
    assert "cret" not in "".join(traceback.format_exception(without.value))
    assert not server.seen


def test_a_request_that_a_transport_or_a_traceback_shows_has_no_token_in_it() -> None:
    shown: list[str] = []

    class Showing:
        def send(self, request: Request) -> Answer:
            shown.append(repr(request))
            raise Unanswered("away", sent=False)

        def close(self) -> None:
            pass

    with (
        ServiceClient("https://billing.example.com", "the.secret.token", retries=HASTY, transport=Showing()) as billing,
        pytest.raises(Unanswered),
    ):
        billing.within(0.01).charge("acct", "agent_execution", 5)
    assert "POST" in shown[0]
    assert "secret" not in "".join(shown)


def test_no_part_of_the_client_shows_its_token(serving: Serving, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    server = serving(lambda _: Reply(401, {"message": "Unauthorized"}))
    with ServiceClient(server.base_url, "the.secret.token") as billing, billing.meter() as meter:
        for call in (billing.consume, meter.consume):
            with pytest.raises(Unauthorized) as refused:
                call("acct", "api_requests")
            body = "".join(traceback.format_exception(refused.value))
            assert "secret" not in body + repr(billing) + repr(meter) + caplog.text
