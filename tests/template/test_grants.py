"""The permissions are the ones the code makes use of: each call it makes is granted, and each grant is made use of."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
import requests
from botocore.handlers import BUILTIN_HANDLERS
from botocore.model import OperationModel

from aerostack_billing.operators import callers
from aerostack_billing.platform import clock
from local.lambdas.host import LambdaHost
from local.stack import Stack
from local.template.loader import Value
from local.testing import running_stack
from tests.template.conftest import as_list
from tests.template.contract import CHARGE, METER, WEBHOOK

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
    WEBHOOK,
}
SETTLING = {"VerifySessionFunction", "ReconcileFunction", WEBHOOK}
TOGETHER = [
    (TRUE_TO_STRIPE, {"AccountsTable", "UsageTable", "OutboxTable"}),
    (SETTLING, {"WalletsTable", "LedgerTable", "OutboxTable"}),
]
"""Functions that make an account, or a wallet, true to Stripe by the same code, and the tables that it writes."""

LABELS = {"agent": "a"}

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


_AS_STAFF: Any = {"headers": {"Authorization": "Bearer sk_test_local"}, "timeout": 120}


class Caller:
    """A user, a service and Stripe's customer, over HTTP."""

    def __init__(self, stack: Stack, account: str) -> None:
        self.stack = stack
        self.account = account

    def __call__(
        self, method: str, path: str, body: object = None, *, scope: str = "", ok: int = 200
    ) -> dict[str, Any]:
        answer = requests.request(
            method,
            f"{self.stack.base_url}/api{path}",
            json=body,
            headers={"Authorization": f"Bearer {self.stack.token('svc' if scope else self.account, scope)}"},
            timeout=120,
        )
        assert answer.status_code == ok, (method, path, answer.text)
        return answer.json()

    def consume(self, ok: int = 200, **more: object) -> None:
        body = {"account_id": self.account, "metric": "api_requests", **more}
        self("POST", "/billing/usage/consume", body, scope=METER, ok=ok)

    def batch(self, *events: dict[str, object]) -> list[int]:
        """Count events at once; the status of each."""
        asked = {"events": [{"account_id": self.account, "metric": "api_requests", **event} for event in events]}
        answer = self("POST", "/billing/usage/batch", asked, scope=METER)
        return [result["status"] for result in answer["results"]]

    def send(self, *events: dict[str, object]) -> None:
        """Put a batch of events on the usage queue, and let it be taken."""
        asked = {"events": [{"account_id": self.account, "metric": "api_requests", **event} for event in events]}
        requests.post(f"{self.stack.base_url}/_local/sqs/IngestQueue", json=asked, timeout=120).raise_for_status()

    def break_off_untold(self, quantity: int) -> None:
        """Count, and leave the item as an older release would, and a caller that broke off before its announcement."""
        self.consume(quantity=quantity)
        boto3.client("dynamodb").update_item(
            TableName=self.stack.app.tables["UsageTable"].name,
            Key={"account_id": {"S": self.account}, "period": {"S": clock.period()}},
            UpdateExpression="REMOVE api_requests_level, limits_version",
        )

    def mark_spending(self) -> None:
        """Put the account on the agenda, as its hundredth line does."""
        mark = {"account_id": {"S": self.account}, "item": {"S": "spending"}, "seq": {"N": "1"}}
        agenda = {"agenda": {"S": "spending"}, "agenda_at": {"N": "1"}}
        table = self.stack.app.tables["WalletsTable"].name
        boto3.client("dynamodb").put_item(TableName=table, Item=mark | agenda)

    def lease(self, quantity: int = 10, **more: object) -> None:
        """Take a lease and settle it: six of it are given back."""
        body = {"account_id": self.account, "metric": "api_requests", "quantity": quantity, "ttl_seconds": 60, **more}
        lease_id = self("POST", "/billing/usage/leases", body, scope=METER, ok=201)["lease_id"]
        used = {"account_id": self.account, "used": quantity - 6}
        assert self("POST", f"/billing/usage/leases/{lease_id}/settle", used, scope=METER) == {"returned": 6}

    def resource(self, method: str, name: str) -> None:
        if method == "PUT":
            self(method, f"/billing/resources/projects/{name}", {"account_id": self.account}, scope=METER)
        else:
            self(method, f"/billing/resources/projects/{name}?account_id={self.account}", scope=METER)

    def buy(self, tier: str, **more: object) -> str:
        """Pay on the page that the checkout leads to; the paid session's id."""
        return self._paid("/billing/checkout", {"tier": tier, "billing_interval": "monthly", **more})

    def deposit(self, amount_cents: int, **more: object) -> str:
        """Likewise, of a deposit."""
        return self._paid("/balance/deposit", {"amount_cents": amount_cents, **more})

    def _paid(self, path: str, wanted: dict[str, object]) -> str:
        urls = {"success_url": "https://app.aerostack.dev/done", "cancel_url": "https://app.aerostack.dev/back"}
        page = self("POST", path, wanted | urls)["url"]
        if "idempotency_key" in wanted:
            assert self("POST", path, wanted | urls)["url"] == page
        paid = requests.post(page, data={"card": "4242424242424242"}, timeout=120, allow_redirects=False)
        assert paid.status_code == 303, paid.text
        return parse_qs(urlsplit(paid.headers["Location"]).query)["session_id"][0]

    def charge(self, amount_cents: int | None, key: str, ok: int = 201, **more: object) -> str:
        price = {"kind": "agent_execution", "amount_cents": amount_cents, "billing_mode": "wallet", "labels": LABELS}
        price |= more
        return str(self._for_money("/balance/charges", key, ok, **price).get("charge_id"))

    def charge_at_once(self, *charges: dict[str, object]) -> list[int]:
        """The statuses of charges in one batch."""
        usual = {"account_id": self.account, "kind": "agent_execution", "billing_mode": "wallet", "labels": LABELS}
        asked = [{**usual, "idempotency_key": str(charge), **charge} for charge in charges]
        return [
            each["status"]
            for each in self("POST", "/balance/charges/batch", {"charges": asked}, scope=CHARGE)["results"]
        ]

    def read_statement(self) -> None:
        answer = requests.get(
            f"{self.stack.base_url}/api/balance/statement",
            headers={"Authorization": f"Bearer {self.stack.token(self.account)}"},
            timeout=120,
        )
        assert answer.status_code == 200, answer.text

    def charge_the_plan(self, tokens: int, key: str, ok: int = 201) -> str:
        usage = {"model": "gpt-4o", "input_tokens": tokens, "output_tokens": 0}
        price = {"kind": "agent_execution", "usage": usage, "billing_mode": "plan_quota"}
        return str(self._for_money("/balance/charges", key, ok, **price).get("charge_id"))

    def refund(self, charge_id: str, key: str, ok: int = 200) -> None:
        self._for_money(f"/balance/charges/{charge_id}/refund", key, ok)

    def hold(self, amount_cents: int | None, key: str, ttl_seconds: int = 900, ok: int = 201, **more: object) -> str:
        wanted = {"kind": "agent_execution", "amount_cents": amount_cents, "ttl_seconds": ttl_seconds, "labels": LABELS}
        wanted |= more
        return str(self._for_money("/balance/holds", key, ok, **wanted).get("hold_id"))

    def capture(self, hold_id: str, amount_cents: int, key: str, ok: int = 200) -> None:
        self._for_money(f"/balance/holds/{hold_id}/capture", key, ok, amount_cents=amount_cents)

    def draw(self, hold_id: str, key: str, *amounts: int, final: bool = False, **tool: object) -> None:
        more = {"kind": "tool_call", **tool} if tool else {}
        items = [{"amount_cents": amount, **more} for amount in amounts]
        self._for_money(f"/balance/holds/{hold_id}/capture", key, 200, items=items, final=final)

    def extend(self, hold_id: str, add_cents: int, key: str, ok: int = 200) -> None:
        self._for_money(f"/balance/holds/{hold_id}/extend", key, ok, ttl_seconds=900, add_cents=add_cents)

    def release(self, hold_id: str, key: str) -> None:
        self._for_money(f"/balance/holds/{hold_id}/release", key, 200)

    def _for_money(self, path: str, key: str, ok: int, **more: object) -> dict[str, Any]:
        return self("POST", path, {"account_id": self.account, "idempotency_key": key, **more}, scope=CHARGE, ok=ok)

    def lapsed_hold(self, amount_cents: int, key: str) -> None:
        """A hold whose time is over, and which no schedule has freed."""
        self.hold(amount_cents, key, ttl_seconds=1)
        self.wait(2)

    def wait(self, seconds: float) -> None:
        """Let time pass without anything that would happen in it."""
        self.stack.clock.advance_to(self.stack.clock.unix() + seconds)

    def onboard(self) -> None:
        """Complete what Stripe asks of a creator."""
        urls = {"return_url": "https://app.aerostack.dev/done", "refresh_url": "https://app.aerostack.dev/again"}
        page = self("POST", "/creators/onboard", urls)["url"]
        assert self("POST", "/creators/onboard", urls)["url"]
        assert requests.post(page, timeout=120, allow_redirects=False).status_code == 303
        self.hear()
        self("POST", "/creators/onboard", urls, ok=409)

    def webhooks(self, **switch: bool) -> None:
        """Hold Stripe's deliveries back, let them go, or lose them."""
        requests.post(f"{self.stack.base_url}/_local/stripe/webhooks", json=switch, timeout=120).raise_for_status()

    def dispute(self, status: str) -> None:
        """Have the bank of the account's one deposit object, or give in."""
        payments = requests.get(f"{self.stack.base_url}/_local/stripe/v1/payment_intents", **_AS_STAFF).json()["data"]
        own = next(each["id"] for each in payments if each["metadata"].get("account_id") == self.account)
        body = {"payment_intent": own, "status": status}
        requests.post(f"{self.stack.base_url}/_local/stripe/disputes", json=body, timeout=120).raise_for_status()

    def hear(self) -> None:
        """Take all that Stripe has to tell up to now, and hold back what comes."""
        self.webhooks(paused=False)
        self.stack.stripe.deliver()
        self.webhooks(paused=True)

    def run(self, function: str, event: dict[str, str] | None = None) -> None:
        """Run a function as its schedule does."""
        self.stack.host.invoke(function, event or {})


def walk_through_plans(call: Caller) -> None:
    call.resource("DELETE", "never-claimed")
    call("GET", "/billing")
    call("GET", "/billing/plans")
    call("GET", "/billing/usage")
    call.consume()
    call.consume(dry_run=True)
    call.consume(idempotency_key="once")
    call.consume(idempotency_key="once")
    call.consume(quantity=54_998)
    call.consume(idempotency_key="refused", ok=403)
    for name in "abcdefg":
        call.resource("PUT", name)
    session = call.buy("starter", idempotency_key="buy")
    call("GET", f"/billing/verify-session?session_id={session}")
    call.resource("PUT", "g")  # over Starter's five projects: which ones are read-only is looked up
    call("GET", "/billing/resources")
    call.resource("DELETE", "g")
    call.resource("DELETE", "a")
    call("POST", "/billing/cancel")
    call("POST", "/billing/resume")
    call("GET", "/billing/portal")
    call.hear()


def walk_through_batches_and_leases(at_once: Caller, leasing: Caller) -> None:
    leasing.lease()
    leasing.consume(quantity=38_000)
    leasing.lease(5_000)
    leasing.lease(10, idempotency_key="lease")
    leasing.consume(quantity=10_000)
    beyond = {"account_id": leasing.account, "metric": "api_requests", "quantity": 5_000, "ttl_seconds": 60}
    leasing("POST", "/billing/usage/leases", {**beyond, "idempotency_key": "beyond"}, scope=METER, ok=403)
    assert at_once.batch({}, {"idempotency_key": "once"}) == [200, 200]
    assert at_once.batch({"idempotency_key": "once"}, {"quantity": 54_998}) == [200, 200]
    assert at_once.batch({"idempotency_key": "refused"}, {}) == [403, 403]


def walk_through_the_queue(sending: Caller) -> None:
    sending.send({}, {"idempotency_key": "once"}, {"metric": "storage_bytes", "quantity": 5})
    sending.send({"quantity": 54_998})
    sending.send({}, {"idempotency_key": "refused"})
    assert sending("GET", "/billing/usage")["usage"]["api_requests"]["used"] == 55_000


def walk_through_the_wallet(call: Caller) -> None:
    session = call.deposit(2_500, idempotency_key="pay in")
    call("GET", f"/billing/verify-session?session_id={session}")
    call.deposit(500)
    call.hear()
    assert call("GET", "/balance")["balance_cents"] == 3_000
    call("PUT", "/balance/spend-cap", {"monthly_cap_cents": 100_000})
    call("PUT", "/balance/budgets/agent/a", {"limit_cents": 100_000, "window": "total"})
    call("PUT", "/balance/budgets/agent/b", {"limit_cents": 1, "window": "total"})
    call("GET", "/balance/budgets/agent/b")
    call("DELETE", "/balance/budgets/agent/b")
    call("GET", "/balance/budgets")
    call.read_statement()
    call("GET", "/balance/spend?by=agent")
    call.charge(100, "first")
    call.charge(100, "first")
    call.charge(9_999, "too dear", ok=402)
    unused = call.hold(100, "for nothing")
    assert call.hold(100, "for nothing") == unused
    call.release(unused, "given back")
    call.release(unused, "given back")
    ended = call.hold(100, "for work")
    call.capture(ended, 50, "work done")
    call.capture(ended, 50, "work done")
    call.capture(ended, 60, "twice", ok=409)
    # 2,850 cents are there. Each of these has to free a lapsed hold first.
    call.lapsed_hold(2_000, "forgotten")
    call.charge(1_000, "after it lapsed")
    call.lapsed_hold(1_000, "forgotten too")
    kept = call.hold(1_000, "taken after it lapsed")
    call.lapsed_hold(800, "forgotten again")
    call.capture(kept, 1_500, "more than was held")
    call.lapsed_hold(100, "swept")
    call.run("ExpireHoldsFunction")
    settings = {"enabled": True, "threshold_cents": 500, "amount_cents": 2_000}
    assert call("PUT", "/balance/auto-reload", settings)["state"] == "due"
    call.run("AutoReloadFunction")
    assert call("GET", "/balance")["balance_cents"] == 2_350
    call("GET", "/balance/transactions?limit=5")
    call.run("AuditFunction")
    call.break_off_untold(45_000)
    call.run("AuditFunction", {"account_id": call.account})
    call.refund(call.charge(100, "counted by a budget"), "its room back")
    call.charge(1_900, "until little is left")
    call.mark_spending()
    call.run("FoldSpendingFunction")
    call.run("PublishEventsFunction")
    call.hear()


def walk_through_charges_at_once(call: Caller) -> None:
    call.deposit(1_000)
    call.hear()
    call("PUT", "/balance/budgets/agent/a", {"limit_cents": 100_000, "window": "total"})
    call.lapsed_hold(900, "forgotten")
    tool: dict[str, object] = {"amount_cents": 100, "kind": "tool_call", "creator_id": "acct_creator_of_many"}
    assert call.charge_at_once({"amount_cents": 600}, tool) == [201, 201]
    assert call.charge_at_once({"amount_cents": 600}, tool, {"amount_cents": 900}) == [201, 201, 402]
    by_plan: dict[str, object] = {"usage": {"model": "gpt-4o", "input_tokens": 90_000, "output_tokens": 0}}
    by_plan |= {"billing_mode": "plan_quota"}
    assert call.charge_at_once(by_plan, {**by_plan, "reference": "over the limit"}) == [201, 403]


def walk_through_an_allowance(call: Caller) -> None:
    call.deposit(1_000)
    call.hear()
    call("PUT", "/balance/budgets/agent/a", {"limit_cents": 900, "window": "total"})
    allowance = call.hold(100, "for many pieces of work")
    call.lapsed_hold(800, "forgotten")
    call.extend(allowance, 300, "more")
    call.extend(allowance, 300, "more")
    call.extend(allowance, 550, "more than the budget has", ok=402)
    for _ in range(2):
        call.draw(allowance, "pieces", 20, 30, creator_id="acct_paid_by_items")
    call.draw(allowance, "the last", 1, final=True)
    call.extend(allowance, 1, "after its end", ok=409)


def walk_through_a_creator_s_money(creator: Caller, caller: Caller) -> None:
    caller.deposit(5_000)
    caller.hear()
    tool = {"kind": "tool_call", "creator_id": creator.account}
    caller.charge(100, "of one who never earned before", kind="tool_call", creator_id="acct_other_creator")
    caller.capture(caller.hold(500, "for a tool", **tool), 400, "worked")
    matured = caller.charge(2_000, "a call", **tool)
    regretted = caller.charge(100, "another call", **tool)
    caller.refund(regretted, "given back")
    caller.refund(regretted, "given back")
    caller.refund("ch_unknown", "of nothing", ok=404)
    for price in (25, 30):
        creator("PUT", "/creators/tools/search", {"name": "Search", "price_cents": price})
    creator("GET", "/creators/tools")
    caller("GET", "/tools/search")
    call_of_it = {"kind": "tool_call", "tool_id": "search"}
    caller.charge(None, "by its price", **call_of_it)
    caller.hold(None, "by its price", **call_of_it)
    assert caller.charge_at_once(call_of_it) == [201]
    creator("DELETE", "/creators/tools/search")
    assert creator("GET", "/creators/me")["pending_cents"] == 1_968
    caller.refund(caller.charge_the_plan(90_000, "by the plan"), "its tokens back")
    caller.charge_the_plan(90_000, "by the plan, near its limit")
    caller.charge_the_plan(90_000, "over the plan's limit", ok=403)
    creator.wait(9 * 86_400)
    creator.run("PayoutFunction")
    assert creator("GET", "/creators/me")["payable_cents"] == 1_968
    creator.onboard()
    creator.run("PayoutFunction")
    assert creator("GET", "/creators/me")["paid_cents"] == 1_968
    caller.refund(matured, "given back late")
    assert creator("GET", "/creators/me")["owed_cents"] == 1_600
    caller.charge(500, "a call that is disputed", **tool)
    for status, claimed in (("needs_response", 768), ("won", 0)):
        caller.dispute(status)
        caller.hear()
        creator.run("PayoutFunction")
        assert creator("GET", "/creators/me")["claimed_cents"] == claimed
    creator.hear()
    creator.run("AuditFunction")


def walk_through_lost_deliveries(call: Caller) -> None:
    call.run("ReconcileFunction")
    call.webhooks(drop=True)
    call.buy("pro")
    call.deposit(2_500)
    urls = {"return_url": "https://app.aerostack.dev/done", "refresh_url": "https://app.aerostack.dev/again"}
    requests.post(call("POST", "/creators/onboard", urls)["url"], timeout=120, allow_redirects=False)
    call.run("ReconcileFunction")
    assert call("GET", "/billing")["plan_tier"] == "pro"
    assert call("GET", "/balance")["balance_cents"] == 2_500
    assert call("GET", "/creators/me")["onboarding"] == "complete"


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
            with running_stack() as stack:
                # Otherwise it were by chance who writes first, a function or the webhook that tells of what it did.
                Caller(stack, "acct_plans").webhooks(paused=True)
                walk_through_plans(Caller(stack, "acct_plans"))
                walk_through_batches_and_leases(Caller(stack, "acct_batches"), Caller(stack, "acct_leases"))
                walk_through_the_queue(Caller(stack, "acct_sending"))
                walk_through_the_wallet(Caller(stack, "acct_wallet"))
                walk_through_an_allowance(Caller(stack, "acct_allowance"))
                walk_through_charges_at_once(Caller(stack, "acct_charging"))
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


def table_or_index(resource: dict[str, Any] | str) -> str | None:
    """`LedgerTable`, `LedgerTable/by_seq` or `EventBus`; None for what is none of these."""
    if isinstance(resource, str):
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
