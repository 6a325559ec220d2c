"""A service that sends its answer byte by byte is given up like one that sends nothing."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

import pytest
import stripe

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.payments import transport
from aerostack_billing.payments.client import connect
from aerostack_billing.payments.secrets import SecretStore
from aerostack_billing.platform.config import Settings
from aerostack_billing.values.errors import PaymentsUnavailable, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

BODY = json.dumps({"Item": {}, "SecretString": json.dumps({"api_key": "sk"}), "id": "cus_1", "object": "customer"})
HEAD = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(BODY)}\r\n"
EVERY_SECONDS = 0.05
LIMIT_SECONDS = 0.4
"""Of one read. The whole answer, which is a good one, takes some seconds."""


class Dripping:
    """A server that answers whatever it is asked, at once up to a place in its answer and from there in drops."""

    def __init__(self, at_once: str, in_drops: str) -> None:
        self._at_once, self._in_drops = at_once.encode(), in_drops.encode()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._over = threading.Event()
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._over.set()
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                threading.Thread(target=self._answer, args=(near,), daemon=True).start()

    def _answer(self, near: socket.socket) -> None:
        with near, suppress(OSError):
            near.recv(65_536)
            near.sendall(self._at_once)
            for drop in self._in_drops:
                if self._over.wait(EVERY_SECONDS):
                    return
                near.sendall(bytes([drop]))


@pytest.fixture(params=["headers", "body", "nothing"])
def server(request: pytest.FixtureRequest) -> Iterator[Dripping]:
    parts = {
        "headers": ("", HEAD + "\r\n" + BODY),
        "body": (HEAD + "\r\n", BODY),
        "nothing": (HEAD + "\r\n" + BODY, ""),
    }
    made = Dripping(*parts[request.param])
    yield made
    made.close()


@pytest.fixture
def drips(request: pytest.FixtureRequest) -> bool:
    return bool(request.node.callspec.params["server"] != "nothing")


def refused_where_it_drips(act: Callable[[], object], error: type[Exception], *, drips: bool) -> None:
    if drips:
        with pytest.raises(error):
            act()
    else:
        act()


@pytest.fixture
def parts(server: Dripping, monkeypatch: pytest.MonkeyPatch) -> Runtime:
    for name in ("DYNAMODB", "SECRETS_MANAGER"):
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{name}", server.url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setattr("aerostack_billing.platform.dynamo.READ_SECONDS", LIMIT_SECONDS)
    monkeypatch.setattr("aerostack_billing.assembly.runtime._READ_SECONDS", LIMIT_SECONDS)
    return Runtime(Settings({}))


def test_dynamodb(parts: Runtime, drips: bool) -> None:
    refused_where_it_drips(lambda: parts.dynamo.get("table", {"id": "1"}), StoreUnavailable, drips=drips)


def test_a_service_that_is_seldom_asked(parts: Runtime, drips: bool) -> None:
    secrets = SecretStore(cast("Any", parts.patient_client("secretsmanager")), "arn")
    refused_where_it_drips(secrets.api_key, PaymentsUnavailable, drips=drips)


def test_stripe(server: Dripping, drips: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_READ_SECONDS", LIMIT_SECONDS)
    client = connect("sk_test", server.url, network_retries=0)
    refused_where_it_drips(lambda: client.v1.customers.retrieve("cus_1"), stripe.APIConnectionError, drips=drips)
