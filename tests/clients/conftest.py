"""One local stack for this folder, and servers that answer as a test tells them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from aerostack_billing_client import Retries
from tests.clients.faults import Answering, FaultServer, passing_on
from tests.clients.people import Clients, clients_of
from tests.flows.client import Account, Api
from tests.flows.conftest import account, api, new_account  # noqa: F401 - fixtures

HASTY = Retries(first_wait_seconds=0.001, longest_wait_seconds=0.002)
"""Repeats at once, for as long as a slow machine may need."""


@pytest.fixture
def serving() -> Iterator[Callable[[Answering], FaultServer]]:
    """Starts servers that end with the test."""
    with ExitStack() as servers:
        yield lambda answer: servers.enter_context(FaultServer(answer))


@pytest.fixture
def door(api: Api, serving: Callable[[Answering], FaultServer]) -> FaultServer:  # noqa: F811 - the fixture above
    """Stands before the stack, passes on, and can spoil what comes through it."""
    return serving(passing_on(api.stack.base_url))


@pytest.fixture
def clients(account: Account, door: FaultServer) -> Iterator[Clients]:  # noqa: F811 - the fixture above
    """An account that no other test has, through that door."""
    with clients_of(account, door.base_url, HASTY) as made:
        yield made


@pytest.fixture
def payer(clients: Clients) -> Clients:
    """An account with five dollars."""
    clients.pay_in(500)
    return clients
