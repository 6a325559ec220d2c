"""An error says which of token, host and clock is wrong, under which request it happened, and nothing secret."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from aerostack_billing_client import (
    ApiError,
    Forbidden,
    InsufficientBalance,
    NotFound,
    Retries,
    ServiceClient,
    Unanswered,
    Unauthorized,
    UnexpectedAnswer,
)
from tests.clients.faults import Reply, refusal
from tests.clients.people import Clients
from tests.clients.serving import COUNTED, Serving, service


def test_an_error_names_the_request_as_the_services_log_does(clients: Clients) -> None:
    direct = ServiceClient(clients.account.api.stack.base_url, clients.account.api.stack.token("svc", "billing:charge"))
    with direct, pytest.raises(InsufficientBalance) as short:
        direct.charge(clients.id, "bot_conversation", 5, idempotency_key="mine")
    assert short.value.request_id
    assert short.value.request_id in str(short.value)
    shown = repr(short.value)
    for answer in (
        "status=402",
        "INSUFFICIENT_BALANCE",
        "idempotency_key='mine'",
        f"request_id={short.value.request_id!r}",
    ):
        assert answer in shown


def test_an_answer_that_cannot_be_read_names_its_request(serving: Serving) -> None:
    server = serving(lambda _: Reply(200, {**COUNTED, "used": None}, {"apigw-requestid": "req-7"}))
    with service(server) as billing, pytest.raises(UnexpectedAnswer) as unexpected:
        billing.consume("acct", "api_requests")
    assert unexpected.value.request_id == "req-7"


def test_a_token_without_the_scope_is_told_so(clients: Clients) -> None:
    stack = clients.account.api.stack
    billing = ServiceClient(stack.base_url, stack.token("svc", "billing:meter"))
    with billing, pytest.raises(Forbidden, match=r"does not have any of the route's scopes.*lacks the scope"):
        billing.charge(clients.id, "bot_conversation", 5)


def test_a_token_that_is_refused_says_why(clients: Clients) -> None:
    billing = ServiceClient(clients.account.api.stack.base_url, "not.a.token")
    with billing, pytest.raises(Unauthorized, match=r"refuses the token \(.+\): fetch a new one"):
        billing.consume(clients.id, "api_requests")


@pytest.mark.parametrize(("minutes", "way"), [(-10, "ahead of"), (10, "behind")])
def test_a_clock_that_is_wrong_is_told_with_the_refused_token(serving: Serving, minutes: int, way: str) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(minutes=minutes), usegmt=True)
    server = serving(lambda _: Reply(401, {"message": "Unauthorized"}, {"date": date}))
    with (
        service(server) as billing,
        pytest.raises(Unauthorized, match=rf"clock is (599|600|601) s {way} the service's"),
    ):
        billing.consume("acct", "api_requests")


def test_a_clock_that_is_right_is_not_blamed(serving: Serving) -> None:
    date = format_datetime(datetime.now(UTC), usegmt=True)
    for headers in ({"date": date}, {"date": "no date"}, {}):
        server = serving(lambda _, headers=headers: Reply(401, {"message": "Unauthorized"}, headers))
        with service(server) as billing, pytest.raises(Unauthorized) as refused:
            billing.consume("acct", "api_requests")
        assert "clock" not in str(refused.value)


def test_a_host_that_is_another_service_is_told(serving: Serving) -> None:
    server = serving(lambda _: Reply(404, {"message": "Not Found"}))
    with service(server) as billing, pytest.raises(NotFound, match="check base_url"):
        billing.consume("acct", "api_requests")


def test_a_host_that_is_not_known_is_told_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    billing = ServiceClient("https://biling.example.com", "token", retries=Retries(most_tries=1))
    with billing, pytest.raises(Unanswered, match=r"The host biling\.example\.com is not known"):
        billing.consume("acct", "api_requests")


@pytest.mark.parametrize("url", ["https://user:secret@billing.example.com", "https://billing.example.com?key=secret"])
def test_an_address_holds_nothing_secret(url: str) -> None:
    with pytest.raises(ValueError, match="must hold no user, query or fragment") as refused:
        ServiceClient(url, "token")
    assert "secret" not in str(refused.value)


def test_what_is_shown_of_a_client_names_the_service_and_not_the_token() -> None:
    with ServiceClient("https://billing.example.com", "the.secret.token") as billing:
        shown = repr([billing, billing.account("acct_1"), billing.hold("acct_1", "agent_execution", 5)])
    assert "billing.example.com" in shown
    assert "acct_1" in shown
    assert "secret" not in shown


def test_an_error_of_the_services_own_keeps_the_services_words(serving: Serving) -> None:
    server = serving(lambda _: refusal(401, "UNAUTHORIZED"))
    with service(server) as billing, pytest.raises(ApiError, match=r"^UNAUTHORIZED: It is UNAUTHORIZED\.$"):
        billing.consume("acct", "api_requests")
