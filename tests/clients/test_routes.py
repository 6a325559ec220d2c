"""The client is whole: it calls every route, sends every field, reads every answer, and knows every error."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import json
import pickle
import re
import types
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest

import aerostack_billing_client as package
from aerostack_billing_client import (
    Account,
    ApiError,
    Balance,
    CaptureItem,
    ChargeRequest,
    TokenUsage,
    UsageEvent,
    UserClient,
    charge_batches,
    errors,
    notification_answers,
    operator_answers,
    paper_answers,
    plan_answers,
    refusals,
    service_calls,
    user_calls,
    wallet_answers,
)
from aerostack_billing_client.asking import ask_any
from aerostack_billing_client.calling import Call
from local.openapi.document import PUBLISHED
from tests.clients.conftest import HASTY
from tests.clients.faults import FaultServer
from tests.clients.people import Clients, clients_of
from tests.flows.client import BACK
from tests.flows.client import Account as Person

DOCUMENT: dict[str, Any] = json.loads(PUBLISHED.read_text(encoding="utf-8"))
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
ROUTES = {(method.upper(), path) for path, methods in DOCUMENT["paths"].items() for method in methods}
CREATOR = {"return_url": BACK["success_url"], "refresh_url": BACK["cancel_url"]}
NOT_ANSWERS = {
    "Document",
    "Error",
    "ErrorFields",
    "EventErrorFields",
    "RequestErrorFields",
    "GatewayMessage",
    "BatchResults",
    "CountedEvent",
    "RefusedEvent",
    "ChargeErrorFields",
    "ChargeResults",
    "ChargedInBatch",
    "RefusedCharge",
}
"""Schemas that the client shows in another way."""


def walk(clients: Clients, maker: Clients) -> None:
    """Every method once, with every argument."""
    me, service_, user_ = clients.id, clients.service, clients.user
    user_.plans()
    assert user_.prices().kinds["agent_execution"].max_charge_cents == 10_000
    user_.openapi()
    page = user_.checkout("starter", "monthly", **BACK, idempotency_key="plan-2026-11")
    session_id = clients.account.pay(page.url)
    bought = user_.verify_session(session_id)
    assert isinstance(bought, Account)
    assert bought == user_.account()
    assert bought.plan_tier == "starter"
    user_.portal(BACK["cancel_url"])
    by_get(user_, "/api/billing/verify-session", session_id=session_id)
    by_get(user_, "/api/billing/portal", return_url=BACK["cancel_url"])
    assert user_.preview("pro", "yearly").effective == "now"
    assert [paper.kind for paper in user_.invoices_page(limit=5).invoices] == ["invoice"]
    assert user_.payment_method().last4 == "4242"
    assert user_.cancel().success
    assert not user_.resume().cancel_at_period_end

    month = service_.consume(me, "api_requests", 2, idempotency_key="req_7f3a").period
    service_.consume(me, "api_requests", dry_run=True)
    (counted,) = service_.consume_batch([UsageEvent(me, "api_requests", 3)])
    assert counted.consumed
    lease = service_.lease(me, "api_requests", 100, ttl_seconds=60, allow_partial=True, idempotency_key="block-7")
    assert service_.settle(me, lease.lease_id, 40).returned == 60
    assert user_.forecast().usage["api_requests"].used == 45
    assert user_.usage(month, months=2).usage["api_requests"].used == counted.consumed.used + 40 == 45
    assert service_.claim_resource(me, "projects", "p@1").used == 1
    assert [item.id for item in user_.resources().resources["projects"].items] == ["p@1"]
    assert service_.free_resource(me, "projects", "p@1").freed

    page = user_.deposit(5_000, **BACK, idempotency_key="deposit-1")
    wallet = user_.verify_session(clients.account.pay(page.url))
    assert isinstance(wallet, Balance)
    assert wallet.balance_micros == 50_000_000
    reload = user_.set_auto_reload(enabled=True, threshold_cents=500, amount_cents=2_000, monthly_cap_cents=9_000)
    assert (reload.state, reload.monthly_cap_cents) == ("armed", 9_000)
    assert user_.set_spend_cap(100_000).monthly_spend_cap_cents == 100_000
    price = Decimal("12.3456")
    paid = {"reference": "msg_81c2", "creator_id": maker.id, "billing_mode": "wallet", "idempotency_key": "msg_81c2"}
    charged = service_.charge(me, "tool_call", price, **paid)
    assert charged.amount_cents == price
    tokens = TokenUsage("gpt-4o-mini", 1_000_000, 0)
    labels = {"agent": "a"}
    quote = service_.quote(me, "agent_execution", usage=tokens, labels=labels)
    assert (quote.amount_cents, quote.refusal) == (15, None)
    by_plan = service_.charge(
        me, "agent_execution", usage=tokens, billing_mode="plan_quota", fallback="wallet", labels=labels
    )
    assert (by_plan.amount_cents, by_plan.estimated_cents, by_plan.usage) == (0, 15, tokens)
    (batched,) = service_.charge_batch([ChargeRequest(me, "agent_execution", 0, labels=labels)])
    assert batched.charged
    refunded = service_.refund_charge(me, charged.charge_id, reason="no answer came", idempotency_key="refund-81c2")
    assert refunded.refunded_cents == price
    held = service_.take_hold(
        me, "tool_call", 100, ttl_seconds=60, creator_id=maker.id, reference="run-55", idempotency_key="run_55"
    )
    captured = service_.capture_hold(me, held.hold_id, 70, allow_partial=True, idempotency_key="run_55")
    assert captured.captured_cents == 70
    held = service_.take_hold(me, "agent_execution", usage=tokens, labels=labels)
    assert service_.capture_hold(me, held.hold_id, usage=TokenUsage("gpt-4o-mini", 0, 0), labels=labels).usage
    held = service_.take_hold(me, "agent_execution", 1, labels=labels)
    extended = service_.extend_hold(
        me, held.hold_id, ttl_seconds=600, add_cents=Decimal("0.5"), idempotency_key="ext_1"
    )
    assert extended.amount_cents == Decimal("1.5")
    pieces = [CaptureItem(0, kind="bot_conversation", reference="piece-1", labels={"run": "r"}), CaptureItem(0)]
    assert service_.capture_items(me, held.hold_id, pieces, final=False, idempotency_key="draw_1").items
    assert service_.capture_items(me, held.hold_id, pieces).remaining_cents == 0
    held = service_.take_hold(me, "bot_conversation", Decimal("0.5"))
    assert service_.release_hold(me, held.hold_id, idempotency_key="run_56").released_cents == Decimal("0.5")
    assert user_.transactions_page("hold", limit=1).next_cursor
    today = datetime.fromtimestamp(clients.account.api.now(), UTC).date()
    statement = user_.statement_page(today - timedelta(days=7), today + timedelta(days=7), cursor="0")
    assert [line["type"] for line in statement.lines][:2] == ["deposit", "charge"]
    assert statement.next_cursor is None
    spent = user_.spend(today - timedelta(days=1), today + timedelta(days=1), bucket="total", by="agent")
    assert spent.total_cents == 70
    assert [group.value for group in spent.buckets[0].groups if group.charges] == [labels["agent"], None]
    limits = {"per_charge_max_cents": 500, "include_byok": True, "alert_percent": [90]}
    assert user_.set_budget("agent", "a b/c", Decimal("99.5"), "month", **limits).limit_cents == Decimal("99.5")
    assert user_.budget("agent", "a b/c").state == "ok"
    assert [each.value for each in user_.budgets_page("agent").budgets] == ["a b/c"]
    assert user_.delete_budget("agent", "a b/c").spent_cents == 0
    assert user_.balance().balance_micros == 50_000_000 - 700_000
    told = user_.set_notifications(
        ["billing@example.com"], ["usage.blocked"], webhook_url="http://127.0.0.1:9999/hook", balance_low_cents=700
    )
    assert (told.emails, told.balance_low_cents) == (("billing@example.com",), 700)
    assert user_.rotate_webhook_secret().webhook_secret != told.webhook_secret
    assert user_.notifications().webhook_secret is None
    (tested,) = user_.test_notifications("webhook").deliveries
    clients.account.api.advance(minutes=2)
    (sent,) = user_.deliveries_page(limit=5).deliveries
    assert (sent.id, sent.state) == (tested.id, "waiting")
    for _ in range(9):
        clients.account.api.advance(hours=11)
    assert user_.resend_delivery(sent.id).state == "waiting"

    maker.user.onboard_creator(**CREATOR)
    tool_id = f"{maker.id}-search"
    assert maker.user.publish_tool(tool_id, "Search", Decimal("2.5")).version == 1
    assert [each.tool_id for each in maker.user.tools().tools] == [tool_id]
    assert user_.tool(tool_id).price_cents == Decimal("2.5")
    used = service_.charge(me, "tool_call", tool_id=tool_id, max_price_cents=Decimal("2.5"))
    assert (used.tool_id, used.amount_cents) == (tool_id, Decimal("2.5"))
    assert service_.refund_charge(me, used.charge_id).refunded_cents == Decimal("2.5")
    held = service_.take_hold(me, "tool_call", tool_id=tool_id, max_price_cents=3)
    assert service_.release_hold(me, held.hold_id).released_cents == Decimal("2.5")
    assert maker.user.delete_tool(tool_id).name == "Search"
    assert maker.user.creator().pending_cents == 56
    newest = service_.timeline_page(me, limit=3, since=str(today))
    assert len(newest.entries) == 3
    assert newest.next_cursor is not None
    assert service_.timeline_page(me, cursor=newest.next_cursor).entries[0] not in newest.entries
    everything = service_.timeline_page(me, limit=100)
    assert {entry.kind for entry in everything.entries} >= {"transfer", "stripe_event", "notice"}
    (charge, *_) = (entry for entry in everything.entries if entry.id == charged.charge_id)
    assert charge.correlation_id is not None
    assert charge in service_.timeline_page(me, correlation_id=charge.correlation_id).entries


def by_get(user: UserClient, path: str, **query: str) -> None:
    """What the client asks by POST is answered by GET too."""
    user.run(ask_any(Call(method="GET", path=path, query=query)))


def test_every_route_is_called_with_every_field_it_takes(
    clients: Clients, door: FaultServer, new_account: Callable[[], Person]
) -> None:
    with clients_of(new_account(), door.base_url, HASTY) as maker:
        walk(clients, maker)
    sent: dict[tuple[str, str], set[str]] = {}
    for seen in door.seen:
        path, _, query = seen.path.partition("?")
        names = set(seen.body or {}) | set(re.findall(r"(?:^|&)(\w+)=", query))
        sent.setdefault(route_of(seen.method, path), set()).update(names)
    missing = ROUTES - set(sent)
    assert not missing, f"the client has no method for {missing}, or this test does not call it"
    for method, path in ROUTES:
        unsent = taken(DOCUMENT["paths"][path][method.lower()]) - sent[method, path] - {"cursor"}
        assert not unsent, f"the client never sends {unsent} to {method} {path}"


def route_of(method: str, path: str) -> tuple[str, str]:
    (template,) = (
        template for verb, template in ROUTES if verb == method and re.fullmatch(pattern_of(template), path) is not None
    )
    return method, template


def pattern_of(template: str) -> str:
    return re.sub(r"\{\w+\}", "[^/]+", template)


def taken(operation: Mapping[str, Any]) -> set[str]:
    """The names of what a request may hold."""
    names = {parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "query"}
    if "requestBody" in operation:
        names |= set(resolved(operation["requestBody"]["content"]["application/json"]["schema"])["properties"])
    return names


def resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    return SCHEMAS[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


# Answers


def answer_schemas() -> set[str]:
    """The schemas that successful answers are made of."""
    found: set[str] = set()

    def look(node: object) -> None:
        if isinstance(node, dict):
            name = str(node.get("$ref", "")).rpartition("/")[2]
            if name and name not in found:
                found.add(name)
                look(SCHEMAS[name])
            for value in node.values():
                look(value)
        elif isinstance(node, list):
            for value in node:
                look(value)

    for methods in DOCUMENT["paths"].values():
        for operation in methods.values():
            look([answer["content"] for status, answer in operation["responses"].items() if status[0] == "2"])
    return found - NOT_ANSWERS


ANSWERS = {
    name: kind
    for module in (notification_answers, operator_answers, paper_answers, plan_answers, wallet_answers)
    for name, kind in vars(module).items()
    if dataclasses.is_dataclass(kind) and name != "StatementPage"
}
PYTHON = {
    "date": "date",
    "date-time": "datetime",
    "string": "str",
    "integer": "int",
    "number": "Decimal",
    "boolean": "bool",
    "null": "NoneType",
}
"""By format, or else by type."""


def types_of(schema: Mapping[str, Any]) -> set[str]:
    """What a schema's values are in Python."""
    if "$ref" in schema:
        return {schema["$ref"].rpartition("/")[2]}
    if "anyOf" in schema:
        return set().union(*(types_of(one) for one in schema["anyOf"]))
    kind = schema.get("type", "const")
    if kind == "array":
        return {f"tuple of {item}" for item in types_of(schema["items"])}
    if kind == "object":
        inner = schema["additionalProperties"]
        return {f"Mapping of {'object' if inner is True else '|'.join(sorted(types_of(inner)))}"}
    return {PYTHON.get(schema.get("format")) or PYTHON.get(kind) or type(schema["const"]).__name__}


def types_in(hint: object) -> set[str]:
    """What a field's type says."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in {Union, types.UnionType}:
        return set().union(*(types_in(one) for one in arguments))
    if origin is tuple:
        return {f"tuple of {item}" for item in types_in(arguments[0])}
    if origin is not None:
        return {f"Mapping of {'|'.join(sorted(types_in(arguments[1])))}"}
    known = {str, int, bool, Decimal, datetime, date, types.NoneType, object}
    assert hint in known or dataclasses.is_dataclass(hint)
    return {getattr(hint, "__name__", "")}


@pytest.mark.parametrize("name", sorted(answer_schemas()))
def test_every_field_of_every_answer_is_read_as_what_it_is(name: str) -> None:
    kind = ANSWERS[name]
    properties = SCHEMAS[name]["properties"]
    hints = {field: hint for field, hint in get_type_hints(kind).items() if field != "replayed"}
    hints = {field.rstrip("_"): hint for field, hint in hints.items()}
    assert set(hints) == set(properties)
    for field, hint in hints.items():
        assert types_in(hint) == types_of(properties[field]), f"{name}.{field}"
        assert "float" not in types_in(hint)


def test_no_answer_is_read_that_is_not_given() -> None:
    assert set(ANSWERS) == answer_schemas()


# What a request may name


def enum(schema: str, field: str) -> set[str]:
    return set(SCHEMAS[schema]["properties"][field]["enum"])


def test_what_a_request_may_name_is_what_the_service_takes() -> None:
    assert set(get_args(user_calls.PaidTier)) == enum("CheckoutRequest", "tier") - {"free", "enterprise"}
    assert set(get_args(user_calls.Interval)) == enum("CheckoutRequest", "billing_interval")
    assert set(get_args(service_calls.BillingMode)) == enum("ChargeRequest", "billing_mode")
    assert set(get_args(user_calls.TransactionType)) == enum("Transaction", "type")
    assert SCHEMAS["BatchRequest"]["properties"]["events"]["maxItems"] == service_calls.MOST_EVENTS
    assert SCHEMAS["ChargesRequest"]["properties"]["charges"]["maxItems"] == charge_batches.MOST_CHARGES


# Errors


def codes_in(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        code = node.get("code")
        if isinstance(code, dict):
            yield from code.get("enum", [])
        for value in node.values():
            yield from codes_in(value)
    elif isinstance(node, list):
        for value in node:
            yield from codes_in(value)


def test_every_code_has_a_type() -> None:
    assert set(codes_in(DOCUMENT["paths"])) <= set(errors.codes())


def test_every_error_can_be_imported_and_is_documented() -> None:
    known = {**vars(errors), **vars(refusals)}.values()
    kinds = {kind for kind in known if inspect.isclass(kind) and issubclass(kind, package.BillingError)}
    assert {kind.__name__ for kind in kinds} <= set(package.__all__)
    assert all(kind.__doc__ for kind in kinds)


@pytest.mark.parametrize("code", sorted(errors.codes()))
def test_every_error_survives_a_queue_between_processes(code: str) -> None:
    error = errors.error_in(418, {"error": {"code": code, "message": "Do this.", "details": {"used": 3}}})
    error.idempotency_key = "mine"
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(again) is type(error) is errors.codes()[code]
        assert isinstance(again, ApiError)
        assert str(again) == str(error) == f"{code}: Do this."
        assert (again.status, again.details, again.idempotency_key) == (418, {"used": 3}, "mine")


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (403, {"message": "Forbidden"}, package.Forbidden),
        (401, {"message": "Unauthorized"}, package.Unauthorized),
        (404, {"message": "Not Found"}, package.NotFound),
        (409, {"error": {"code": "NEW_ONE", "message": "m", "details": {}}}, package.Conflict),
        (503, "<html>", package.Unavailable),
        (418, None, ApiError),
        (599, [], package.ServerError),
        (402, {"error": {"code": 7, "message": 7, "details": 7}}, package.PaymentRequired),
    ],
)
def test_an_error_that_is_not_known_is_told_by_its_status(status: int, body: object, kind: type[ApiError]) -> None:
    error = errors.error_of(status, {}, json.dumps(body).encode())
    assert type(error) is kind
    assert error.status == status
    assert type(errors.error_of(status, {}, b"<html>")) is not ApiError or status == 418
