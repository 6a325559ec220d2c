"""An account of the local stack as its user and the platform's services meet it through the client."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal

from aerostack_billing_client import AsyncServiceClient, Balance, Retries, ServiceClient, UserClient
from tests.flows.client import BACK, Account

SCOPES = "billing:meter billing:charge billing:operate"


@dataclass(frozen=True)
class Clients:
    """Both clients, and the account they are about."""

    account: Account
    user: UserClient
    service: ServiceClient

    @property
    def id(self) -> str:
        """The account's id."""
        return self.account.id

    def pay_in(self, cents: int) -> Balance:
        """Deposit so much, as a person does; the wallet after it."""
        page = self.user.deposit(cents, **BACK)
        wallet = self.user.verify_session(self.account.pay(page.url))
        assert isinstance(wallet, Balance)
        return wallet


@contextmanager
def clients_of(account: Account, base_url: str, retries: Retries) -> Iterator[Clients]:
    """Clients that call the stack, or what stands before it."""
    token = account.api.stack.token("svc_platform", SCOPES)
    with (
        UserClient(base_url, account.token, retries=retries) as user,
        ServiceClient(base_url, token, retries=retries) as service,
    ):
        yield Clients(account, user, service)


def awaited(clients: Clients) -> AsyncServiceClient:
    """The platform's services, awaited."""
    stack = clients.account.api.stack
    return AsyncServiceClient(stack.base_url, stack.token("svc_platform", SCOPES), retries=clients.service.retries)


def lines(clients: Clients) -> list[tuple[str, Decimal]]:
    """What the statement says after the first deposit, oldest first."""
    found = [(line.type, line.amount_cents) for line in clients.user.transactions()]
    return list(reversed(found))[1:]


def spent(clients: Clients) -> Decimal:
    """What was taken of five dollars; nothing is held any more."""
    wallet = clients.user.balance()
    assert wallet.held_cents == 0
    return Decimal(500) - Decimal(wallet.balance_micros) / 10_000
