"""The tool against a running stack: commands typed as on a terminal, answers read as a script reads them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from typing import Any

import boto3
import pytest

from billingctl.__main__ import main
from billingctl.console import Console
from local.testing import running_stack
from tests.flows.client import BACK, Account, Api
from tests.flows.conftest import DAY_SECONDS

Json = dict[str, Any]


@pytest.fixture(scope="package")
def api() -> Iterator[Api]:
    """The API of a stack of this folder's own, where it is noon: no month ends by itself while a test counts in it."""
    with pytest.MonkeyPatch.context() as patch, running_stack() as stack:
        patch.setattr("local.timeline.MOST_FIRINGS", 5)
        api = Api(stack)
        api.advance(minutes=(1.5 * DAY_SECONDS - api.now() % DAY_SECONDS) / 60)
        yield api


class Customer(Account):
    """An account with a wallet."""

    def deposit(self, amount_cents: int) -> None:
        """Pay a deposit on its page, and come back from it."""
        assert self.verify(self.pay_deposit(amount_cents)).status_code == 200

    def pay_deposit(self, amount_cents: int) -> str:
        """Pay a deposit on its page, and close the browser; the session's id."""
        opened = self.send("POST", "/api/balance/deposit", {"amount_cents": amount_cents, **BACK})
        return self.pay(opened.json()["url"])

    @contextmanager
    def unheard(self) -> Iterator[None]:
        """Inside the block no webhook arrives, now or later."""
        self.api.deliver()
        self.api.door("stripe/webhooks", {"drop": True})
        try:
            yield
        finally:
            self.api.door("stripe/webhooks", {"drop": False})

    def caused(self, event: Json) -> bool:
        """Whether an event is about this account's customer."""
        return event["data"]["object"].get("customer") in [customer["id"] for customer in self.customers()]

    def set_reload(self) -> None:
        """Keep the wallet above $5.00 by $20.00."""
        wanted = {"enabled": True, "threshold_cents": 500, "amount_cents": 2_000}
        assert self.send("PUT", "/api/balance/auto-reload", wanted).status_code == 200

    def onboard(self) -> None:
        """Complete a connected account."""
        back = {"return_url": BACK["cancel_url"], "refresh_url": BACK["cancel_url"]}
        page = self.send("POST", "/api/creators/onboard", back).json()["url"]
        assert self.api.press(page).status_code == 303
        self.api.deliver()

    def charge(self, amount_cents: int, key: str, **more: object) -> None:
        """A charge by the platform's service."""
        price = {"kind": "agent_execution", "amount_cents": amount_cents, "billing_mode": "wallet", **more}
        token = self.api.stack.token("svc_bots", "billing:charge")
        body = {"account_id": self.id, "idempotency_key": key, **price}
        assert self.api.send("POST", "/api/balance/charges", body=body, token=token).status_code == 201

    def balance(self) -> Json:
        """`GET /api/balance`."""
        return self.get("/api/balance")

    @contextmanager
    def cent_from_nowhere(self) -> Iterator[None]:
        """Inside the block the wallet holds a cent that no transfer explains."""
        self._add(10_000)
        try:
            yield
        finally:
            self._add(-10_000)

    def _add(self, micros: int) -> None:
        boto3.client("dynamodb").update_item(
            TableName=self.api.stack.app.tables["WalletsTable"].name,
            Key={"account_id": {"S": self.id}, "item": {"S": "wallet"}},
            UpdateExpression="ADD balance :more",
            ExpressionAttributeValues={":more": {"N": str(micros)}},
        )


@pytest.fixture
def account(api: Api) -> Customer:
    """An account that no other test has."""
    return Customer(api, f"acct_{uuid.uuid4().hex}")


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Json:
        """stdout, which must be one JSON object and nothing else."""
        answer: Json = json.loads(self.out)
        return answer


Ctl = Callable[..., Ran]


@pytest.fixture
def ctl(api: Api, monkeypatch: pytest.MonkeyPatch) -> Ctl:
    """Runs a command on the stack; whatever it prints is looked through for what must not be shown."""
    monkeypatch.delenv("BILLINGCTL_STACK", raising=False)
    monkeypatch.setenv("PORT", str(api.stack.port))

    def run(*arguments: str) -> Ran:
        # Streams of its own: the stack's functions log to the process's stdout at any moment.
        out, err = StringIO(), StringIO()
        ran = Ran(main(arguments, Console(out=out, err=err)), out.getvalue(), err.getvalue())
        for secret in ("whsec_local", "sk_test", "Traceback"):
            assert secret not in ran.out + ran.err
        return ran

    return run


@pytest.fixture
def asked(ctl: Ctl) -> Callable[..., Json]:
    """Runs a command that must succeed, and reads its JSON."""

    def run(*arguments: str) -> Json:
        ran = ctl(*arguments, "--json")
        assert ran.status == 0, ran
        return ran.json

    return run
