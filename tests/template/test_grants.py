"""The permissions are the ones the code makes use of: each call it makes is granted, and each grant is made use of."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from typing import Any

import pytest
from botocore.handlers import BUILTIN_HANDLERS
from botocore.model import OperationModel

from aerostack_billing.operators import callers
from local.lambdas.host import LambdaHost
from local.template.loader import Value
from local.testing import running_stack
from tests.template.caller import Caller
from tests.template.conftest import as_list
from tests.template.contract import TAKING_IN
from tests.template.deployed import stage_parameters
from tests.template.walks import (
    walk_through_a_creator_s_money,
    walk_through_an_allowance,
    walk_through_batches_and_leases,
    walk_through_charges_at_once,
    walk_through_lost_deliveries,
    walk_through_plans,
    walk_through_the_charge_queue,
    walk_through_the_queue,
    walk_through_the_wallet,
)

Grant = tuple[str, str, str]  # function, table or table/index, action

UNSEEN: dict[Grant, str] = {
    ("ClaimResourceFunction", "UsageTable", "GetItem"): "when a refused transaction does not hand the place back",
    ("ConsumeBatchFunction", "EventsTable", "UpdateItem"): "to answer a key whose first request broke off unanswered",
    ("IngestFunction", "EventsTable", "UpdateItem"): "likewise",
    ("SetAutoReloadFunction", "LedgerTable", "PutItem"): "when a payment that is to be voided was confirmed meanwhile",
    ("SetAutoReloadFunction", "OutboxTable", "PutItem"): "likewise: that it succeeded is told",
}
"""Granted for what a test does not bring about on one thread, and why it is needed all the same."""

TRUE_TO_STRIPE = {
    "CheckoutFunction",
    "VerifySessionFunction",
    "CancelFunction",
    "ResumeFunction",
    "ReconcileFunction",
    TAKING_IN,
}
SETTLING = {"VerifySessionFunction", "ReconcileFunction", TAKING_IN}
TOGETHER = [
    (TRUE_TO_STRIPE, {"AccountsTable", "UsageTable", "OutboxTable"}),
    (SETTLING, {"WalletsTable", "LedgerTable", "OutboxTable"}),
]
"""Functions that make an account, or a wallet, true to Stripe by the same code, and the tables that it writes."""

QUEUE = {name: stage_parameters("prod")[name] for name in ("WebhookIntake", "StripeSigningSecretArn")}
"""As in the stage prod: the webhook puts events on a queue, and another function takes them in."""

_running: ContextVar[str] = ContextVar("running", default="")
_VERBS = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}


def actions(operation: str, params: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What IAM asks for a call: the name of the table (and index) or bus, and the action; several of a batch."""
    if operation == "PutEvents":
        yield from ((entry["EventBusName"], "events:PutEvents") for entry in params["Entries"])
    elif operation == "TransactWriteItems":
        for entry in params["TransactItems"]:
            ((verb, body),) = entry.items()
            yield body["TableName"], _VERBS[verb]
    elif operation == "BatchGetItem":
        for table in params["RequestItems"]:
            yield table, operation
    else:
        index = params.get("IndexName")
        yield params["TableName"] + (f"/{index}" if index else ""), operation


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

    submit = ThreadPoolExecutor.submit

    def known_in_threads_too(
        pool: ThreadPoolExecutor, work: Callable[..., object], *arguments: object, **named: object
    ) -> Future[object]:
        return submit(pool, copy_context().run, work, *arguments, **named)

    handlers = [(f"provide-client-params.{service}", note) for service in ("dynamodb", "events")]
    BUILTIN_HANDLERS.extend(handlers)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(LambdaHost, "invoke", known_by_name)
            patch.setattr(ThreadPoolExecutor, "submit", known_in_threads_too)
            # As in processes of their own: each function reads who is blocked.
            patch.setattr(callers, "KNOWN_SECONDS", 0)
            with running_stack(parameters=QUEUE) as stack:
                # Otherwise it were by chance who writes first, a function or the webhook that tells of what it did.
                Caller(stack, "acct_plans").webhooks(paused=True)
                walk_through_plans(Caller(stack, "acct_plans"))
                walk_through_batches_and_leases(Caller(stack, "acct_batches"), Caller(stack, "acct_leases"))
                walk_through_the_queue(Caller(stack, "acct_sending"))
                walk_through_the_wallet(Caller(stack, "acct_wallet"))
                walk_through_an_allowance(Caller(stack, "acct_allowance"))
                walk_through_charges_at_once(Caller(stack, "acct_charging"))
                walk_through_the_charge_queue(Caller(stack, "acct_queued"))
                walk_through_a_creator_s_money(Caller(stack, "acct_creator"), Caller(stack, "acct_caller"))
                walk_through_lost_deliveries(Caller(stack, "acct_unheard"))
    finally:
        for handler in handlers:
            BUILTIN_HANDLERS.remove(handler)
    tables = {table.name: logical_id for logical_id, table in stack.app.tables.items()}
    tables |= dict.fromkeys(stack.app.buses, "EventBus")
    named = {(function, *table.partition("/"), action) for function, table, action in calls}
    return {(function, tables[table] + slash + index, action) for function, table, slash, index, action in named}


@pytest.fixture(scope="module")
def granted(statements: list[tuple[str, dict[str, Any]]]) -> set[Grant]:
    return {
        (function, place, action.removeprefix("dynamodb:"))
        for function, statement in statements
        if (place := table_or_index(statement["Resource"]))
        for action in as_list(statement["Action"])
        if action.startswith(("dynamodb:", "events:"))
    }


def table_or_index(resource: dict[str, Any] | list[Any] | str) -> str | None:
    """`LedgerTable`, `LedgerTable/by_seq` or `EventBus`; None for what is none of these."""
    if not isinstance(resource, dict):
        return None
    if "Fn::GetAtt" in resource:
        return str(resource["Fn::GetAtt"][0])
    index = re.fullmatch(r"\$\{(\w+)\.Arn\}/index/(\w+)", resource.get("Fn::Sub", ""))
    return f"{index[1]}/{index[2]}" if index else None


def test_every_call_that_a_function_makes_is_granted(used: set[Grant], granted: set[Grant]) -> None:
    assert used
    assert sorted(used - granted) == []


def test_every_grant_is_made_use_of(used: set[Grant], granted: set[Grant]) -> None:
    # What several functions do by the same code is done by whichever of them comes first.
    shared = {
        (function, table, action)
        for functions, tables in TOGETHER
        for other, table, action in used
        if other in functions and table in tables
        for function in functions
    }
    assert sorted(granted - used - shared - set(UNSEEN)) == []
    assert set(UNSEEN) <= granted
