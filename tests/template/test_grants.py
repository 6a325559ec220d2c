"""The permissions are the ones the code makes use of: each call it makes is granted, and each grant is made use of."""

from __future__ import annotations

from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from botocore.handlers import BUILTIN_HANDLERS
from botocore.model import OperationModel

from local.lambdas.host import LambdaHost
from local.stack import Stack
from local.template.loader import Value
from local.testing import running_stack
from tests.template.conftest import as_list
from tests.template.contract import METER, STRIPE_FUNCTIONS

Grant = tuple[str, str, str]  # function, table, action

UNSEEN: dict[Grant, str] = {
    ("ClaimResourceFunction", "UsageTable", "GetItem"): "when a refused transaction does not hand the place back",
}
"""Granted for what a test does not bring about on one thread, and why it is needed all the same."""

TRUE_TO_STRIPE = STRIPE_FUNCTIONS - {"PortalFunction"}

_running: ContextVar[str] = ContextVar("running", default="")
_VERBS = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}


def actions(operation: str, params: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What IAM asks for a call: the table's name and the action, several of a transaction or a batch."""
    if operation == "TransactWriteItems":
        for entry in params["TransactItems"]:
            ((verb, body),) = entry.items()
            yield body["TableName"], _VERBS[verb]
    elif operation == "BatchGetItem":
        for table in params["RequestItems"]:
            yield table, operation
    else:
        yield params["TableName"], operation


class Caller:
    """A user, a service and Stripe's customer, over HTTP."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack

    def __call__(
        self, method: str, path: str, body: object = None, *, account: str = "acct_grants", ok: int = 200
    ) -> dict[str, Any]:
        scopes = METER if account == "svc" else ""
        answer = requests.request(
            method,
            f"{self.stack.base_url}/api/billing{path}",
            json=body,
            headers={"Authorization": f"Bearer {self.stack.token(account, scopes)}"},
            timeout=30,
        )
        assert answer.status_code == ok, (method, path, answer.text)
        return answer.json()

    def consume(self, ok: int = 200, **more: object) -> None:
        body = {"account_id": "acct_grants", "metric": "api_requests", **more}
        self("POST", "/usage/consume", body, account="svc", ok=ok)

    def resource(self, method: str, name: str) -> None:
        if method == "PUT":
            self(method, f"/resources/projects/{name}", {"account_id": "acct_grants"}, account="svc")
        else:
            self(method, f"/resources/projects/{name}?account_id=acct_grants", account="svc")

    def buy(self, tier: str, **more: object) -> str:
        """Pay on the page that the checkout leads to; the paid session's id."""
        urls = {"success_url": "https://app.aerostack.dev/done", "cancel_url": "https://app.aerostack.dev/back"}
        wanted = {"tier": tier, "billing_interval": "monthly", **urls, **more}
        page = self("POST", "/checkout", wanted)["url"]
        assert self("POST", "/checkout", wanted)["url"] == page
        paid = requests.post(page, data={"card": "4242424242424242"}, timeout=30, allow_redirects=False)
        assert paid.status_code == 303, paid.text
        return parse_qs(urlsplit(paid.headers["Location"]).query)["session_id"][0]


def walk_through_everything(call: Caller) -> None:
    call.resource("DELETE", "never-claimed")
    call("GET", "")
    call("GET", "/plans")
    call("GET", "/usage")
    call.consume()
    call.consume(dry_run=True)
    call.consume(idempotency_key="once")
    call.consume(idempotency_key="once")
    call.consume(quantity=54_998)
    call.consume(idempotency_key="refused", ok=403)
    for name in "abcdefg":
        call.resource("PUT", name)
    session = call.buy("starter", idempotency_key="buy")
    call("GET", f"/verify-session?session_id={session}")
    call.resource("PUT", "g")  # over Starter's five projects: which ones are read-only is looked up
    call("GET", "/resources")
    call.resource("DELETE", "g")
    call.resource("DELETE", "a")
    call("POST", "/cancel")
    call("POST", "/resume")
    call("GET", "/portal")
    call.stack.stripe.deliver()


@pytest.fixture(scope="module")
def used() -> set[Grant]:
    """Every action on a table that a function made while all of them were at work."""
    calls: set[tuple[str, str, str]] = set()
    invoke = LambdaHost.invoke

    def known_by_name(host: LambdaHost, logical_id: str, event: Value) -> Value:
        token = _running.set(logical_id)
        try:
            return invoke(host, logical_id, event)
        finally:
            _running.reset(token)

    def note(params: dict[str, Any], model: OperationModel, **_: object) -> None:
        if function := _running.get():
            calls.update((function, table, action) for table, action in actions(model.name, params))

    handler = ("provide-client-params.dynamodb", note)
    BUILTIN_HANDLERS.append(handler)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(LambdaHost, "invoke", known_by_name)
            with running_stack() as stack:
                walk_through_everything(Caller(stack))
    finally:
        BUILTIN_HANDLERS.remove(handler)
    tables = {table.name: logical_id for logical_id, table in stack.app.tables.items()}
    return {(function, tables[table], action) for function, table, action in calls}


@pytest.fixture(scope="module")
def granted(statements: list[tuple[str, dict[str, Any]]]) -> set[Grant]:
    return {
        (function, statement["Resource"]["Fn::GetAtt"][0], action.removeprefix("dynamodb:"))
        for function, statement in statements
        if "Fn::GetAtt" in statement["Resource"]
        for action in as_list(statement["Action"])
    }


def test_every_call_that_a_function_makes_is_granted(used: set[Grant], granted: set[Grant]) -> None:
    assert used
    assert sorted(used - granted) == []


def test_every_grant_is_made_use_of(used: set[Grant], granted: set[Grant]) -> None:
    # The functions that make an account true to Stripe do it by the same code: a new plan is written by whichever of
    # them sees it first.
    by_any = {(table, action) for function, table, action in used if function in TRUE_TO_STRIPE}
    shared = {(f, table, action) for f in TRUE_TO_STRIPE for table, action in by_any if table != "EventsTable"}
    assert sorted(granted - used - shared - set(UNSEEN)) == []
    assert set(UNSEEN) <= granted
