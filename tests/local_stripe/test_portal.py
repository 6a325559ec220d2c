from __future__ import annotations

import pytest
import stripe

from tests.local_stripe.harness import DAY, Stack


def prices(subscription: stripe.Subscription) -> list[str | None]:
    return [item.price.lookup_key for item in subscription["items"].data]


def test_the_page_shows_plan_card_and_invoices(stack: Stack) -> None:
    customer, _ = stack.subscribed()
    page = stack.get(stack.portal(customer.id).url)
    assert page.status_code == 200
    for words in ("Pro monthly", "$49.00 a month", "Visa ending in 4242", "Renews on 15 February 2026", "Cancel at"):
        assert words in page.text


def test_cancel_ends_the_subscription_with_its_period(stack: Stack) -> None:
    customer, subscription = stack.subscribed()
    left = stack.post(stack.portal(customer.id).url, action="cancel")
    assert (left.status_code, left.headers["Location"]) == (303, "https://shop.test/billing")
    after = stack.subscription(customer.id)
    assert (after.status, after.cancel_at_period_end) == ("active", True)
    assert after.cancel_at == subscription["items"].data[0].current_period_end
    answer = stack.v1.events.list({"type": "customer.subscription.updated"}).data[0]
    assert answer.data.previous_attributes is not None
    assert answer.data.previous_attributes["cancel_at_period_end"] is False
    since = stack.position()
    stack.advance(days=32)
    assert stack.event_types(since) == ["customer.subscription.deleted"]
    ended = stack.subscription(customer.id)
    assert (ended.status, ended.ended_at) == ("canceled", subscription["items"].data[0].current_period_end)


def test_resume_takes_a_cancellation_back(stack: Stack) -> None:
    customer, _ = stack.subscribed()
    url = stack.portal(customer.id).url
    stack.post(url, action="cancel")
    assert "Keep my plan" in stack.get(url).text
    assert stack.post(url, action="resume").status_code == 303
    after = stack.subscription(customer.id)
    assert (after.cancel_at_period_end, after.cancel_at, after.canceled_at) == (False, None, None)
    stack.advance(days=32)
    assert stack.subscription(customer.id).status == "active"


@pytest.mark.parametrize("action", ["cancel", "resume"])
def test_there_may_be_nothing_to_manage(stack: Stack, action: str) -> None:
    refused = stack.post(stack.portal(stack.customer().id).url, action=action)
    assert refused.status_code == 400
    assert "no subscription" in refused.text


def test_an_action_that_does_not_exist_is_refused(stack: Stack) -> None:
    assert stack.post(stack.portal(stack.customer().id).url, action="explode").status_code == 400


def test_update_card_becomes_the_default_everywhere(stack: Stack) -> None:
    customer, _ = stack.subscribed()
    changed = stack.post(stack.portal(customer.id).url, action="update_card", card="5555555555554444")
    assert changed.status_code == 303
    kept = stack.v1.customers.retrieve(customer.id, {"expand": ["invoice_settings.default_payment_method"]})
    assert kept.invoice_settings is not None
    method = kept.invoice_settings.default_payment_method
    assert isinstance(method, stripe.PaymentMethod)
    assert method.card is not None
    assert (method.card.brand, method.card.last4) == ("mastercard", "4444")
    assert stack.subscription(customer.id).default_payment_method == method.id


def test_the_same_card_has_the_same_fingerprint(stack: Stack) -> None:
    customer, _ = stack.subscribed()
    url = stack.portal(customer.id).url
    stack.post(url, action="update_card", card="4242424242424242")
    stack.post(url, action="update_card", card="5555555555554444")
    methods = stack.v1.payment_methods.list({"customer": customer.id}).data
    fingerprints = [method.card.fingerprint for method in methods if method.card is not None]
    assert len(fingerprints) == 3
    assert len(set(fingerprints)) == 2


@pytest.mark.parametrize("card", ["4000000000000341", "4000002760003184"])
def test_some_cards_are_kept_and_refuse_only_when_charged(stack: Stack, card: str) -> None:
    customer, _ = stack.subscribed()
    assert stack.post(stack.portal(customer.id).url, action="update_card", card=card).status_code == 303
    assert stack.v1.payment_methods.list({"customer": customer.id}).data[0].card.last4 == card[-4:]


def test_a_card_that_declines_is_not_kept(stack: Stack) -> None:
    customer, subscription = stack.subscribed()
    refused = stack.post(stack.portal(customer.id).url, action="update_card", card="4000000000000002")
    assert refused.status_code == 402
    assert "Your card was declined." in refused.text
    assert stack.subscription(customer.id).default_payment_method == subscription.default_payment_method


def test_a_card_may_ask_for_three_d_secure_when_it_is_kept(stack: Stack) -> None:
    customer, subscription = stack.subscribed()
    url = stack.portal(customer.id).url
    page = stack.post(url, action="update_card", card="4000002500003155")
    assert page.status_code == 200
    assert "3-D Secure" in page.text
    assert stack.post(url, action="update_card", authenticate="fail").status_code == 402
    assert stack.subscription(customer.id).default_payment_method == subscription.default_payment_method
    stack.post(url, action="update_card", card="4000002500003155")
    assert stack.post(url, action="update_card", authenticate="complete").status_code == 303
    stack.advance(days=32)
    assert stack.subscription(customer.id).status == "active"


def test_a_dearer_plan_begins_a_new_period_at_once_less_what_is_left_of_the_old_one(stack: Stack) -> None:
    customer, subscription = stack.subscribed("starter_monthly")
    half = 31 * DAY / 2
    stack.advance(seconds=half)
    session = stack.change(subscription, "pro_monthly")
    assert "$39.50" in stack.get(session.url).text
    since = stack.position()
    confirmed = stack.post(session.url, action="confirm")
    assert (confirmed.status_code, confirmed.headers["Location"]) == (303, "https://shop.test/changed")
    after = stack.subscription(customer.id)
    assert prices(after) == ["pro_monthly"]
    item = after["items"].data[0]
    assert item.id == subscription["items"].data[0].id
    assert item.current_period_start == subscription["items"].data[0].current_period_start + half
    invoice = stack.v1.invoices.list({"customer": customer.id}).data[0]
    assert (invoice.billing_reason, invoice.status, invoice.amount_paid) == ("subscription_update", "paid", 3950)
    assert [line.amount for line in invoice.lines.data] == [-950, 4900]
    assert "customer.subscription.updated" in stack.event_types(since)
    assert "invoice.paid" in stack.event_types(since)


def test_a_change_of_a_subscription_that_is_over_by_now_is_refused_and_charges_nothing(stack: Stack) -> None:
    customer, subscription = stack.subscribed("starter_monthly")
    url = stack.change(subscription, "pro_monthly").url
    stack.v1.subscriptions.cancel(subscription.id)
    assert stack.get(url).status_code == 200
    assert stack.post(url, action="confirm").status_code == 400
    assert len(stack.v1.charges.list({"customer": customer.id}).data) == 1


def test_confirming_twice_changes_and_charges_once(stack: Stack) -> None:
    customer, subscription = stack.subscribed("starter_monthly")
    url = stack.change(subscription, "pro_monthly").url
    assert [stack.post(url, action="confirm").status_code for _ in range(2)] == [303, 303]
    assert len(stack.v1.charges.list({"customer": customer.id}).data) == 2


def test_a_longer_interval_begins_a_new_period_at_once(stack: Stack) -> None:
    customer, subscription = stack.subscribed("pro_monthly")
    stack.advance(seconds=31 * DAY / 2)
    stack.post(stack.change(subscription, "pro_yearly").url, action="confirm")
    after = stack.subscription(customer.id)
    item = after["items"].data[0]
    assert prices(after) == ["pro_yearly"]
    assert item.current_period_start == int(stack.clock.now)
    assert item.current_period_end == int(stack.clock.now) + 365 * DAY
    assert stack.v1.invoices.list({"customer": customer.id}).data[0].amount_paid == 44100 - 2450


@pytest.mark.parametrize(
    ("before", "after"),
    [("pro_monthly", "starter_monthly"), ("pro_yearly", "pro_monthly"), ("business_yearly", "starter_yearly")],
)
def test_a_cheaper_or_shorter_plan_waits_for_the_periods_end(stack: Stack, before: str, after: str) -> None:
    customer, subscription = stack.subscribed(before)
    session = stack.change(subscription, after)
    assert "takes place on" in stack.get(session.url).text
    assert stack.post(session.url, action="confirm").status_code == 303
    waiting = stack.v1.subscriptions.retrieve(subscription.id, {"expand": ["schedule"]})
    assert prices(waiting) == [before]
    schedule = waiting.schedule
    assert isinstance(schedule, stripe.SubscriptionSchedule)
    end = subscription["items"].data[0].current_period_end
    assert [phase["items"][0].price for phase in schedule.phases] == [stack.price(before), stack.price(after)]
    assert (schedule.status, schedule.phases[0].end_date, schedule.phases[1].start_date) == ("active", end, end)
    assert len(stack.v1.charges.list({"customer": customer.id}).data) == 1
    stack.advance(seconds=end - stack.clock.now - 1)
    assert prices(stack.subscription(customer.id)) == [before]
    since = stack.position()
    stack.advance(seconds=1)
    changed = stack.subscription(customer.id)
    assert prices(changed) == [after]
    item = changed["items"].data[0]
    assert item.current_period_start == end
    assert "subscription_schedule.updated" in stack.event_types(since)
    invoice = stack.v1.invoices.list({"customer": customer.id}).data[0]
    assert (invoice.billing_reason, invoice.amount_paid) == ("subscription_cycle", item.price.unit_amount)
    stack.advance(seconds=item.current_period_end - end)
    released = stack.v1.subscription_schedules.retrieve(schedule.id)
    assert (released.status, released.released_subscription) == ("released", subscription.id)
    assert stack.subscription(customer.id).schedule is None


def test_resume_takes_a_waiting_change_back(stack: Stack) -> None:
    customer, subscription = stack.subscribed("pro_monthly")
    stack.post(stack.change(subscription, "starter_monthly").url, action="confirm")
    stack.post(stack.portal(customer.id).url, action="resume")
    assert stack.subscription(customer.id).schedule is None
    assert stack.v1.subscription_schedules.list({"customer": customer.id}).data[0].status == "released"
    stack.advance(days=32)
    assert prices(stack.subscription(customer.id)) == ["pro_monthly"]


def test_cancelling_takes_a_waiting_change_back(stack: Stack) -> None:
    customer, subscription = stack.subscribed("pro_monthly")
    stack.post(stack.change(subscription, "starter_monthly").url, action="confirm")
    stack.post(stack.portal(customer.id).url, action="cancel")
    stack.advance(days=32)
    assert stack.subscription(customer.id).status == "canceled"


def test_a_second_cheaper_plan_replaces_the_first(stack: Stack) -> None:
    customer, subscription = stack.subscribed("business_monthly")
    stack.post(stack.change(subscription, "starter_monthly").url, action="confirm")
    stack.post(stack.change(subscription, "pro_monthly").url, action="confirm")
    stack.advance(days=32)
    assert prices(stack.subscription(customer.id)) == ["pro_monthly"]


def test_a_dearer_plan_takes_a_waiting_cheaper_one_back(stack: Stack) -> None:
    customer, subscription = stack.subscribed("pro_monthly")
    stack.post(stack.change(subscription, "starter_monthly").url, action="confirm")
    stack.post(stack.change(subscription, "business_monthly").url, action="confirm")
    stack.advance(days=32)
    after = stack.subscription(customer.id)
    assert (prices(after), after.schedule) == (["business_monthly"], None)


def test_a_declined_change_leaves_the_subscription_as_it_was(stack: Stack) -> None:
    customer, subscription = stack.subscribed("starter_monthly")
    stack.post(stack.portal(customer.id).url, action="update_card", card="4000000000000341")
    since = stack.position()
    refused = stack.post(stack.change(subscription, "pro_monthly").url, action="confirm")
    assert refused.status_code == 402
    assert "Your card was declined." in refused.text
    after = stack.subscription(customer.id)
    assert (prices(after), after.status) == (["starter_monthly"], "active")
    assert "customer.subscription.updated" not in stack.event_types(since)


def test_a_change_may_ask_for_three_d_secure(stack: Stack) -> None:
    customer, subscription = stack.subscribed("starter_monthly")
    stack.post(stack.portal(customer.id).url, action="update_card", card="4000002760003184")
    url = stack.change(subscription, "pro_monthly").url
    page = stack.post(url, action="confirm")
    assert page.status_code == 200
    assert "3-D Secure" in page.text
    assert prices(stack.subscription(customer.id)) == ["starter_monthly"]
    assert stack.post(url, action="confirm", authenticate="fail").status_code == 402
    assert stack.post(url, action="confirm", authenticate="complete").status_code == 303
    assert prices(stack.subscription(customer.id)) == ["pro_monthly"]


def test_a_dearer_plan_takes_a_pending_cancellation_back(stack: Stack) -> None:
    customer, subscription = stack.subscribed("starter_monthly")
    stack.post(stack.portal(customer.id).url, action="cancel")
    stack.post(stack.change(subscription, "pro_monthly").url, action="confirm")
    assert stack.subscription(customer.id).cancel_at_period_end is False


def test_what_a_change_credits_too_much_is_kept_for_the_next_invoice(stack: Stack) -> None:
    customer, subscription = stack.subscribed("business_yearly")
    configuration = stack.v1.billing_portal.configurations.create(
        {
            "features": {
                "subscription_update": {
                    "enabled": True,
                    "default_allowed_updates": ["price"],
                    "proration_behavior": "always_invoice",
                    "products": [{"product": "prod_starter", "prices": ["price_starter_yearly"]}],
                }
            }
        }
    )
    session = stack.change(subscription, "starter_yearly", configuration=configuration.id)
    assert stack.post(session.url, action="confirm").status_code == 303
    assert stack.v1.customers.retrieve(customer.id).balance == 17100 - 134100
    invoice = stack.v1.invoices.list({"customer": customer.id}).data[0]
    assert (invoice.total, invoice.amount_due, invoice.status) == (17100 - 134100, 0, "paid")
    stack.advance(days=366)
    assert stack.v1.customers.retrieve(customer.id).balance == 17100 - 134100 + 17100
    assert len(stack.v1.charges.list({"customer": customer.id}).data) == 1


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"items": [{"id": "si_none", "price": "price_pro_yearly"}]}, "No such subscription item"),
        ({"items": [{"id": "si_one"}, {"id": "si_two"}]}, "one item"),
        ({"subscription": "sub_none"}, "No such subscription"),
    ],
)
def test_a_crooked_confirmation_is_refused(stack: Stack, wrong: dict[str, object], words: str) -> None:
    customer, subscription = stack.subscribed()
    confirm = {
        "subscription": subscription.id,
        "items": [{"id": subscription["items"].data[0].id, "price": "price_pro_yearly"}],
        **wrong,
    }
    with pytest.raises(stripe.InvalidRequestError, match=words):
        stack.portal(
            customer.id, flow_data={"type": "subscription_update_confirm", "subscription_update_confirm": confirm}
        )


def test_a_change_must_be_offered_by_the_configuration(stack: Stack) -> None:
    _, subscription = stack.subscribed("starter_monthly")
    off = stack.v1.billing_portal.configurations.create({"features": {"invoice_history": {"enabled": True}}})
    with pytest.raises(stripe.InvalidRequestError, match="disabled"):
        stack.change(subscription, "pro_monthly", configuration=off.id)
    with pytest.raises(stripe.InvalidRequestError, match="change nothing"):
        stack.change(subscription, "starter_monthly")


def test_the_default_configuration_is_there_and_can_be_changed(stack: Stack) -> None:
    listed = stack.v1.billing_portal.configurations.list({"is_default": True}).data
    assert len(listed) == 1
    update = listed[0].features.subscription_update
    assert update.enabled
    assert {condition.type for condition in update.schedule_at_period_end.conditions} == {
        "decreasing_item_amount",
        "shortening_interval",
    }
    changed = stack.v1.billing_portal.configurations.update(
        listed[0].id, {"features": {"subscription_update": {"proration_behavior": "none"}}}
    )
    assert changed.features.subscription_update.proration_behavior == "none"
    assert stack.v1.billing_portal.configurations.retrieve(listed[0].id).features.subscription_update.enabled


def test_a_portal_that_moves_the_anchor_begins_a_dearer_plan_at_full_price_less_the_unused_part(stack: Stack) -> None:
    customer, subscription = stack.subscribed("starter_monthly")
    item = subscription["items"].data[0]
    stack.advance(seconds=(item.current_period_end - item.current_period_start) / 2)
    default = stack.v1.billing_portal.configurations.list({"is_default": True}).data[0].id
    stack.v1.billing_portal.configurations.update(
        default, {"features": {"subscription_update": {"billing_cycle_anchor": "now"}}}
    )
    page = stack.change(subscription, "pro_monthly").url
    assert "$39.50" in stack.get(page).text
    assert stack.post(page, action="confirm").status_code == 303
    assert stack.v1.invoices.list({"customer": customer.id}).data[0].amount_paid == 4900 - 950
    changed = stack.subscription(customer.id)
    assert changed.billing_cycle_anchor == changed["items"].data[0].current_period_start == stack.clock.now


def test_a_dearer_plan_within_a_trial_ends_it_and_is_paid_as_its_preview_said(stack: Stack) -> None:
    customer = stack.customer().id
    stack.post(stack.session(customer, "starter_monthly", subscription_data={"trial_period_days": 14}).url)
    subscription = stack.subscription(customer)
    item = {"id": subscription["items"].data[0].id, "price": stack.price("pro_monthly")}
    stack.advance(days=3)
    shown = stack.v1.invoices.create_preview(
        {
            "subscription": subscription.id,
            "subscription_details": {"items": [item], "trial_end": "now", "proration_behavior": "always_invoice"},
        }
    )
    assert [line.amount for line in shown.lines.data] == [4900]
    assert stack.post(stack.change(subscription, "pro_monthly").url, action="confirm").status_code == 303
    changed = stack.subscription(customer)
    assert (changed.status, changed.trial_end, prices(changed)) == ("active", stack.clock.now, ["pro_monthly"])
    assert changed["items"].data[0].current_period_start == stack.clock.now
    assert stack.v1.invoices.list({"customer": customer}).data[0].amount_paid == 4900


def test_a_portal_may_let_a_trial_go_on(stack: Stack) -> None:
    default = stack.v1.billing_portal.configurations.list({"is_default": True}).data[0].id
    stack.v1.billing_portal.configurations.update(
        default, {"features": {"subscription_update": {"trial_update_behavior": "continue_trial"}}}
    )
    customer = stack.customer().id
    stack.post(stack.session(customer, "starter_monthly", subscription_data={"trial_period_days": 14}).url)
    subscription = stack.subscription(customer)
    assert stack.post(stack.change(subscription, "pro_monthly").url, action="confirm").status_code == 303
    changed = stack.subscription(customer)
    assert (changed.status, changed.trial_end, prices(changed)) == ("trialing", subscription.trial_end, ["pro_monthly"])


def test_a_card_that_declines_later_begins_a_trial_and_is_declined_at_its_end(stack: Stack) -> None:
    customer = stack.customer().id
    page = stack.session(customer, subscription_data={"trial_period_days": 14}).url
    assert stack.post(page, card="4000000000000002").status_code == 402
    assert stack.post(page, card="4000000000000341").status_code == 303
    assert stack.subscription(customer).status == "trialing"
    stack.advance(days=14)
    assert stack.subscription(customer).status == "past_due"
