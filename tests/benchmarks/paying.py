"""Operations of money, of Stripe and on a schedule: what comes before each, and the one act that is counted."""

from __future__ import annotations

import json
import uuid

from tests.benchmarks.acts import (
    charge,
    charge_hundred,
    checkout,
    consume,
    deposited,
    hold,
    onboard,
    open_deposit,
    reload_below_500,
    subscribed,
    tool_call,
    verify,
)
from tests.benchmarks.budgets import Act, Budget, promised
from tests.benchmarks.place import Place
from tests.benchmarks.registering import operation

# Charges and holds


@operation("charge", "charge", promised(2, 6, 1))
def _charging(place: Place) -> Act:
    deposited(place)
    charge(place, "before")
    return lambda: charge(place, "k")


@operation("replayed charge", "charge", promised(2, 6, 1))
def _charge_replayed(place: Place) -> Act:
    deposited(place)
    charge(place, "k")
    return lambda: charge(place, "k")


@operation("charge that the wallet cannot pay", "charge", Budget(5, 0, 4))
def _charge_short(place: Place) -> Act:
    deposited(place)
    return lambda: charge(place, "k", 2_501, expect=402)


@operation("charge of a tool call, with its creator's share", "charge", Budget(2, 8, 1))
def _tool_calling(place: Place) -> Act:
    deposited(place)
    creator = place.of("acct_creator")
    tool_call(place, creator, "before")
    return lambda: tool_call(place, creator, "k")


@operation("100 charges of one account in one batch", "charge_batch", promised(4, 210, 2))
def _charging_hundred(place: Place) -> Act:
    deposited(place)
    return lambda: charge_hundred(place)


@operation("100 charges of one account in one message of the queue", "charge_queue", Budget(4, 210, 2))
def _charging_queued(place: Place) -> Act:
    deposited(place)
    usual = {"account_id": place.account, "kind": "bot_conversation", "billing_mode": "wallet", "amount_cents": 2}
    charges = [{**usual, "idempotency_key": f"k{number}"} for number in range(100)]
    attributes = {"MessageGroupId": place.account, "ApproximateFirstReceiveTimestamp": "1772357400012"}
    record = {"messageId": "m1", "body": json.dumps({"charges": charges}), "eventSource": "aws:sqs"}

    def deliver() -> None:
        asked: dict[str, object] = {"Records": [{**record, "attributes": attributes}]}
        assert place.run("charge_queue", asked) == {"batchItemFailures": []}

    return deliver


@operation("100 charges in one batch, replayed", "charge_batch", Budget(2, 0, 200))
def _charging_hundred_again(place: Place) -> Act:
    deposited(place)
    charge_hundred(place)
    return lambda: charge_hundred(place)


@operation("refund of a charge", "refund_charge", Budget(3, 6, 2))
def _refunding(place: Place) -> Act:
    deposited(place)
    path = {"charge_id": str(charge(place, "k")["charge_id"])}
    return lambda: place.service("refund_charge", {"idempotency_key": "r"}, path=path)


@operation("hold", "take_hold", Budget(2, 10, 1))
def _holding(place: Place) -> Act:
    deposited(place)
    return lambda: hold(place)


@operation("capture of a hold", "capture_hold", Budget(3, 10, 2))
def _capturing(place: Place) -> Act:
    deposited(place)
    path = {"hold_id": hold(place)}
    asked = {"amount_cents": 40, "idempotency_key": "c"}
    return lambda: place.service("capture_hold", asked, path=path)


@operation("90 charges captured from an allowance", "capture_hold", Budget(3, 190, 2))
def _drawing(place: Place) -> Act:
    deposited(place)
    path = {"hold_id": hold(place)}
    items = [{"amount_cents": "0.5", "reference": f"run-{number}"} for number in range(90)]
    asked = {"items": items, "final": False, "idempotency_key": "d"}
    return lambda: place.service("capture_hold", asked, path=path)


@operation("extension of a hold", "extend_hold", Budget(3, 12, 2))
def _extending(place: Place) -> Act:
    deposited(place)
    path = {"hold_id": hold(place)}
    asked = {"ttl_seconds": 900, "add_cents": 50, "idempotency_key": "e"}
    return lambda: place.service("extend_hold", asked, path=path)


@operation("release of a hold", "release_hold", Budget(3, 10, 2))
def _releasing(place: Place) -> Act:
    deposited(place)
    path = {"hold_id": hold(place)}
    return lambda: place.service("release_hold", {"idempotency_key": "r"}, path=path)


@operation("PUT /api/balance/spend-cap", "set_spend_cap", Budget(2, 2, 1))
def _capping(place: Place) -> Act:
    deposited(place)
    return lambda: place.ask("set_spend_cap", {"monthly_cap_cents": 1_000})


# With Stripe


@operation("POST /api/billing/checkout", "checkout", Budget(5, 4, 2))
def _checking_out(place: Place) -> Act:
    return lambda: checkout(place)


@operation("verify-session of a plan", "verify_session", Budget(5, 7, 1))
def _verifying(place: Place) -> Act:
    session_id = place.stripe.pay(checkout(place))
    return lambda: verify(place, session_id)


@operation("POST /api/billing/cancel", "cancel", Budget(4, 5, 2))
def _cancelling(place: Place) -> Act:
    subscribed(place)
    return lambda: place.ask("cancel")


@operation("POST /api/billing/resume", "resume", Budget(5, 5, 3))
def _resuming(place: Place) -> Act:
    subscribed(place)
    place.ask("cancel")
    return lambda: place.ask("resume")


@operation("GET /api/billing/portal", "portal", Budget(2, 1, 1))
def _portal(place: Place) -> Act:
    subscribed(place)
    return lambda: place.ask("portal")


@operation("POST /api/billing/preview", "preview", Budget(3, 1, 3))
def _previewing(place: Place) -> Act:
    subscribed(place)
    return lambda: place.ask("preview", {"tier": "business", "billing_interval": "yearly"})


@operation("GET /api/billing/invoices", "get_invoices", Budget(2, 1, 1))
def _listing_invoices(place: Place) -> Act:
    subscribed(place)
    return lambda: place.ask("get_invoices")


@operation("GET /api/billing/payment-method", "get_payment_method", Budget(2, 1, 1))
def _showing_the_card(place: Place) -> Act:
    subscribed(place)
    return lambda: place.ask("get_payment_method")


@operation("POST /api/balance/deposit", "deposit", Budget(4, 4, 1))
def _depositing(place: Place) -> Act:
    return lambda: open_deposit(place)


@operation("verify-session of a deposit", "verify_session", Budget(6, 7, 4))
def _crediting(place: Place) -> Act:
    session_id = place.stripe.pay(open_deposit(place))
    return lambda: verify(place, session_id)


@operation("PUT /api/balance/auto-reload", "set_auto_reload", Budget(5, 3, 3))
def _configuring(place: Place) -> Act:
    deposited(place)
    return lambda: reload_below_500(place)


@operation("webhook: a subscription changed", "stripe_webhook", Budget(4, 6, 3))
def _webhook(place: Place) -> Act:
    subscribed(place)
    wanted = "customer.subscription.created"
    event = next(event for event in reversed(place.stripe.events()) if event["type"] == wanted)
    return lambda: place.deliver(event)


@operation("the same from the queue", "stripe_events", Budget(4, 6, 3))
def _webhook_from_the_queue(place: Place) -> Act:
    subscribed(place)
    wanted = "customer.subscription.created"
    event = next(event for event in reversed(place.stripe.events()) if event["type"] == wanted)
    record = {"messageId": str(uuid.uuid4()), "body": json.dumps({"event": event}), "eventSource": "aws:sqs"}

    def deliver() -> None:
        assert place.run("stripe_events", {"Records": [record]}) == {"batchItemFailures": []}

    return deliver


@operation("POST /api/creators/onboard", "onboard_creator", Budget(7, 11, 3))
def _onboarding(place: Place) -> Act:
    return lambda: onboard(place)


# On a schedule: what one due item costs, and what a run costs that finds none


@operation("auto-reload sweep, nothing due", "auto_reload", Budget(2, 0, 1))
def _sweeping_nothing(place: Place) -> Act:
    return lambda: place.run("auto_reload")


@operation("auto-reload sweep, one wallet due", "auto_reload", Budget(10, 18, 7))
def _sweeping(place: Place) -> Act:
    deposited(place)
    reload_below_500(place)
    charge(place, "k", 2_100)
    return lambda: place.run("auto_reload")


@operation("sweep of lapsed holds, one lapsed", "expire_holds", Budget(19, 10, 10))
def _expiring(place: Place) -> Act:
    deposited(place)
    hold(place)
    place.time.forward(1_000)
    return lambda: place.run("expire_holds")


@operation("spending added up, 100 lines of 25 agents", "fold_spending", Budget(13, 11, 11.5))
def _adding_up(place: Place) -> Act:
    deposited(place)
    for number in range(99):
        charge(place, f"k{number}", labels={"agent": f"agt_{number % 25}", "key": f"k_{number % 5}"})
    return lambda: place.run("fold_spending")


@operation("payout sweep, one creator paid", "payout", Budget(14, 28, 8.5))
def _paying_out(place: Place) -> Act:
    deposited(place)
    # A creator of its own: the local Stripe, which all places share, knows the one of an earlier round.
    creator = place.of(f"acct_{uuid.uuid4().hex[:7]}")
    assert place.stripe.submit(onboard(creator))[0] == 303
    for event in place.stripe.events():
        if event["type"] == "account.updated":
            place.deliver(event)
    tool_call(place, creator, "k", 2_000)
    place.time.forward(9 * 86_400)
    return lambda: place.run("payout")


@operation("publishing, nothing waits", "publish_events", Budget(8, 0, 8))
def _publishing_nothing(place: Place) -> Act:
    return lambda: _publish(place, 0)


@operation("publishing, 10 events wait", "publish_events", Budget(18, 10, 8))
def _publishing(place: Place) -> Act:
    for number in range(10):
        consume(place.of(f"acct_near_{number}"), 40_000)
    return lambda: _publish(place, 10)


def _publish(place: Place, sent: int) -> None:
    assert place.run("publish_events") == {"sent": sent, "refused": 0}


@operation("reconciliation, nothing happened since the last", "reconcile", Budget(4, 1, 1))
def _reconciling(place: Place) -> Act:
    for _ in range(2):
        place.time.forward(2 * 86_400)
        place.run("reconcile")
    return lambda: place.run("reconcile")


@operation("audit of an account with 10 transfers", "audit", Budget(12, 0, 7))
def _auditing(place: Place) -> Act:
    deposited(place)
    for number in range(9):
        charge(place, f"k{number}")
    return lambda: place.run("audit", {"account_id": place.account})
