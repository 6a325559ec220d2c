"""Walks through the routes, in which each call that a function can make is made."""

from __future__ import annotations

import requests

from tests.template.caller import Caller
from tests.template.contract import METER, OPERATE

BOUNCES = "bounce@simulator.amazonses.com"


def walk_through_plans(call: Caller) -> None:
    call.resource("DELETE", "never-claimed")
    call("GET", "/billing/resources")
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
    call("POST", "/billing/preview", {"tier": "pro", "billing_interval": "monthly"})
    call("GET", "/billing/invoices")
    call("GET", "/billing/usage/forecast")
    call("GET", "/billing/payment-method")
    call("PUT", "/billing/notifications", {"emails": [], "events": ["usage.forecast", "card.expiring"]})
    call.let_cards_end()
    call.run("LookAheadFunction")
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
    hook = {"webhook_url": "http://127.0.0.1:9999/hook", "balance_low_cents": 500}
    call("PUT", "/billing/notifications", {"emails": ["a@example.com", BOUNCES], "events": ["balance.low"], **hook})
    call("POST", "/billing/notifications/webhook/secret", {}, ok=201)
    call("GET", "/billing/notifications")
    call("POST", "/billing/notifications/test", {"channel": "webhook"}, ok=201)
    call.run("DispatchNoticesFunction")
    call.poll()
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
    call.audit_by_segments()
    call.break_off_untold(45_000)
    call.run("AuditFunction", {"account_id": call.account})
    call.refund(call.charge(100, "counted by a budget"), "its room back")
    call.charge(1_900, "until little is left")
    call.run("FoldSpendingFunction")
    call.run("PublishEventsFunction")
    call.poll()
    delivery = call("GET", "/billing/notifications/deliveries")["deliveries"][-1]
    for _ in range(8):
        call.wait(86_400)
        call.run("DispatchNoticesFunction")
        call.poll()
    call("POST", f"/billing/notifications/deliveries/{delivery['id']}/resend", {})
    call.hear()
    call("GET", f"/operators/accounts/{call.account}/timeline", scope=OPERATE)


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
    call.deposit(20_000)
    call.hear()
    assert call.charge_at_once(*({"amount_cents": 9_000, "reference": each} for each in ("much", "more"))) == [201, 201]
    call.run("FoldSpendingFunction")


def walk_through_the_charge_queue(call: Caller) -> None:
    call.deposit(1_000)
    call.hear()
    call("PUT", "/balance/budgets/agent/a", {"limit_cents": 100_000, "window": "total"})
    call.lapsed_hold(900, "forgotten")
    tool: dict[str, object] = {"amount_cents": 100, "kind": "tool_call", "creator_id": "acct_creator_by_queue"}
    call.send_charges("first", {"amount_cents": 600}, tool, {"amount_cents": 900})
    by_plan: dict[str, object] = {"usage": {"model": "gpt-4o", "input_tokens": 90_000, "output_tokens": 0}}
    by_plan |= {"billing_mode": "plan_quota"}
    call.send_charges("by the plan", by_plan, {**by_plan, "reference": "over the limit"})
    maker = call.of("acct_maker_by_queue")
    maker("PUT", "/creators/tools/by-queue", {"name": "By queue", "price_cents": 5})
    call.send_charges("by a tool", {"kind": "tool_call", "tool_id": "by-queue"})
    assert call("GET", "/balance")["balance_cents"] == 1_000 - 600 - 100 - 5


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
    caller.draw(caller.hold(None, "by its price", **call_of_it), "by its price", "search", final=True)
    assert caller.charge_at_once(call_of_it) == [201]
    creator("DELETE", "/creators/tools/search")
    assert creator("GET", "/creators/me")["pending_cents"] == 1_992
    caller.refund(caller.charge_the_plan(90_000, "by the plan"), "its tokens back")
    caller.charge_the_plan(90_000, "by the plan, near its limit")
    caller.charge_the_plan(90_000, "over the plan's limit", ok=403)
    creator.wait(9 * 86_400)
    creator.run("PayoutFunction")
    assert creator("GET", "/creators/me")["payable_cents"] == 1_992
    creator.onboard()
    creator.run("PayoutFunction")
    assert creator("GET", "/creators/me")["paid_cents"] == 1_992
    caller.refund(matured, "given back late")
    assert creator("GET", "/creators/me")["owed_cents"] == 1_600
    caller.charge(500, "a call that is disputed", **tool)
    for status, claimed in (("needs_response", 792), ("won", 0)):
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
    # A connected account is looked at an hour after it changed.
    call.wait(3_600)
    call.run("ReconcileFunction")
    assert call("GET", "/creators/me")["onboarding"] == "complete"
