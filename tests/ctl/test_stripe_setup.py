"""An account at Stripe is made ready, however empty, however often, and wherever it broke off."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.payments.client import API_VERSION, connect
from aerostack_billing.payments.gateway import PageLinks, Payments
from aerostack_billing.payments.models import PlanSubscription
from aerostack_billing.payments.setup.service import Report
from aerostack_billing.payments.wire import WirePrice
from aerostack_billing.platform.config import Settings
from aerostack_billing.values.errors import PaymentsUnavailable
from aerostack_billing.webhooks.handlers import ACCOUNT_TYPES, CONNECT_TYPES, Handlers
from tests.local_stripe.conftest import board  # noqa: F401 - one HTTP server for the session
from tests.local_stripe.harness import Stack, Switchboard

HOOK = "https://billing.example.com/hook"


class Place:
    """An empty account, held to Stripe's document, and what is kept of its secrets."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.parts = Runtime(Settings({}))
        self.secrets: list[str] = []
        client = connect("sk_test_local", stack.base, network_retries=0)
        self.parts.payments.client = lambda: client  # type: ignore[method-assign]

    def keep(self, _endpoint_id: str, secret: str) -> None:
        self.secrets.append(secret)

    def bootstrap(self) -> Report:
        return self.parts.payments.setup(self.keep).run(HOOK, write=True)

    def check(self) -> list[tuple[str, str, str]]:
        found = self.parts.payments.setup(self.keep).run(HOOK, write=False).findings
        return [(finding.kind, finding.name, finding.action) for finding in found]

    def counts(self) -> Counter[str]:
        kinds = ("product", "price", "billing_portal.configuration", "webhook_endpoint")
        return Counter({kind: len(self.stack.world.all(kind)) for kind in kinds})

    def price(self, key: str) -> dict[str, Any]:
        (price,) = [price for price in self.stack.world.all("price").values() if price["lookup_key"] == key]
        return price

    def endpoint(self, scope: str) -> dict[str, Any]:
        all_of_them = self.stack.world.all("webhook_endpoint").values()
        (endpoint,) = [each for each in all_of_them if each["metadata"].get("scope") == scope]
        return endpoint

    def configuration(self) -> dict[str, Any]:
        plans, _ = self.stack.world.all("billing_portal.configuration").values()
        return plans


@pytest.fixture
def place(board: Switchboard) -> Iterator[Place]:  # noqa: F811
    stack = Stack(board, empty=True)
    yield Place(stack)
    stack.require_conformance()


def test_an_empty_account_lacks_everything_and_looking_makes_nothing(place: Place) -> None:
    lacking = Counter(kind for kind, _, action in place.check() if action == "create")
    assert lacking == {"product": 3, "price": 6, "portal configuration": 2, "webhook endpoint": 2}
    assert place.counts() == Counter()
    assert place.secrets == []


def test_bootstrap_run_twice_makes_no_second_object(place: Place) -> None:
    first = place.bootstrap()
    made = place.counts()
    assert made == {"product": 3, "price": 6, "billing_portal.configuration": 2, "webhook_endpoint": 2}
    assert place.check() == []
    second = place.bootstrap()
    assert (second.findings, place.counts()) == ((), made)
    assert second.portal_configuration == first.portal_configuration == place.configuration()["id"]
    assert len(place.secrets) == 2


def test_the_prices_are_the_catalogs_and_found_by_their_lookup_keys(place: Place) -> None:
    place.bootstrap()
    answer = {
        p["lookup_key"]: (p["unit_amount"], p["recurring"]["interval"]) for p in place.stack.world.all("price").values()
    }
    assert answer == {
        "starter_monthly": (1_900, "month"),
        "starter_yearly": (17_100, "year"),
        "pro_monthly": (4_900, "month"),
        "pro_yearly": (44_100, "year"),
        "business_monthly": (14_900, "month"),
        "business_yearly": (134_100, "year"),
    }


def test_the_endpoints_have_the_pinned_version_and_exactly_the_events_that_are_handled(place: Place) -> None:
    place.bootstrap()
    for scope, events in (("account", ACCOUNT_TYPES), ("connect", CONNECT_TYPES)):
        endpoint = place.endpoint(scope)
        assert (endpoint["url"], endpoint["api_version"], endpoint["status"]) == (HOOK, API_VERSION, "enabled")
        assert sorted(endpoint["enabled_events"]) == sorted(events)
        assert endpoint["_connect"] is (scope == "connect")
        assert endpoint["_secret"] in place.secrets


def test_what_is_handled_is_what_is_asked_for() -> None:
    asked = [*ACCOUNT_TYPES, *CONNECT_TYPES]
    no_rooms: Any = None
    assert len(asked) == len(set(asked))
    assert set(Handlers(no_rooms).by_type()) == set(asked)


def test_on_what_was_made_a_plan_is_bought_and_a_cheaper_one_waits_for_the_periods_end(place: Place) -> None:
    configuration = place.bootstrap().portal_configuration
    payments = Payments(place.parts.payments.client, configuration)
    links = PageLinks("https://a.b/done", "https://a.b/back")
    customer = payments.create_customer("acct_1", "k1")
    page = payments.subscription_checkout("acct_1", customer, ("pro", "yearly"), links, "k2")
    assert requests.post(page, data={"card": "4242424242424242"}, timeout=60, allow_redirects=False).status_code == 303
    (subscription,) = payments.subscriptions(customer).known
    assert isinstance(subscription, PlanSubscription)
    assert (subscription.tier, subscription.interval) == ("pro", "yearly")
    page = payments.confirm_change(subscription, ("starter", "monthly"), links, "k3")
    assert requests.post(page, data={"action": "confirm"}, timeout=60, allow_redirects=False).status_code == 303
    (subscription,) = payments.subscriptions(customer).known
    assert isinstance(subscription, PlanSubscription)
    assert (subscription.tier, subscription.schedule_id is None) == ("pro", False)


def test_a_price_that_differs_is_followed_by_one_that_takes_its_key(place: Place) -> None:
    place.bootstrap()
    old = place.price("pro_monthly")
    customer, _ = place.stack.subscribed("pro_monthly")
    old.update(unit_amount=4_500, unit_amount_decimal="4500", metadata={})
    assert ("price", "pro_monthly", "replace") in place.check()
    assert ("portal configuration", place.configuration()["id"], "update") in place.check()
    assert old["lookup_key"] == "pro_monthly"
    place.bootstrap()
    new = place.price("pro_monthly")
    assert (new["id"] != old["id"], new["unit_amount"], new["active"]) == (True, 4_900, True)
    assert (old["active"], old["lookup_key"]) == (False, None)
    offered = [
        p for each in place.configuration()["features"]["subscription_update"]["products"] for p in each["prices"]
    ]
    assert new["id"] in offered
    assert old["id"] not in offered
    assert place.check() == []
    # Whoever pays the old price is on the plan still.
    paid = WirePrice.model_validate(place.stack.v1.prices.retrieve(old["id"]).to_dict())
    assert paid.plan() == ("pro", "monthly")
    payments = Payments(place.parts.payments.client, None)
    assert [each.tier for each in payments.subscriptions(customer.id).known if isinstance(each, PlanSubscription)] == [
        "pro"
    ]


@pytest.mark.parametrize("call", ["prices.create", "prices.update", "billing_portal.configurations.update"])
@pytest.mark.parametrize("kind", ["timeout_before", "timeout_after"])
def test_a_change_of_price_that_broke_off_is_brought_to_its_end(place: Place, call: str, kind: str) -> None:
    place.bootstrap()
    old = place.price("starter_yearly")
    old.update(unit_amount=1, unit_amount_decimal="1")
    place.stack.door("/faults", {"on": call, "kind": kind})
    with pytest.raises(PaymentsUnavailable):
        place.bootstrap()
    place.bootstrap()
    assert place.check() == []
    assert place.counts()["price"] == 7
    assert (place.price("starter_yearly")["unit_amount"], old["active"]) == (17_100, False)


@pytest.mark.parametrize(
    "call",
    ["products.create", "prices.create", "billing_portal.configurations.create", "webhook_endpoints.create"],
)
def test_a_bootstrap_that_broke_off_is_brought_to_its_end(place: Place, call: str) -> None:
    place.stack.door("/faults", {"on": call, "kind": "timeout_before"})
    with pytest.raises(PaymentsUnavailable):
        place.bootstrap()
    place.bootstrap()
    assert place.check() == []
    assert place.counts() == {"product": 3, "price": 6, "billing_portal.configuration": 2, "webhook_endpoint": 2}


def test_an_endpoint_whose_secret_was_lost_is_made_anew(place: Place) -> None:
    place.stack.door("/faults", {"on": "webhook_endpoints.create", "kind": "timeout_after"})
    with pytest.raises(PaymentsUnavailable):
        place.bootstrap()
    assert (place.counts()["webhook_endpoint"], place.secrets) == (1, [])
    place.bootstrap()
    assert place.counts()["webhook_endpoint"] == 2
    assert {place.endpoint(scope)["_secret"] for scope in ("account", "connect")} == set(place.secrets)
    assert place.check() == []


def test_an_endpoint_of_another_version_gives_way_to_a_new_one(place: Place) -> None:
    place.bootstrap()
    old = place.endpoint("account")
    old["api_version"] = "2024-06-20"
    place.bootstrap()
    assert place.endpoint("account")["id"] != old["id"]
    assert place.endpoint("account")["_secret"] == place.secrets[-1]
    assert (place.counts()["webhook_endpoint"], place.check()) == (2, [])


def test_an_endpoint_made_by_hand_is_kept_and_asked_for_what_is_handled(place: Place) -> None:
    made = place.stack.v1.webhook_endpoints.create(
        {"url": HOOK, "api_version": API_VERSION, "enabled_events": ["invoice.paid", "customer.created"]}
    )
    place.stack.v1.webhook_endpoints.update(made.id, {"disabled": True})
    place.bootstrap()
    kept = place.stack.world.all("webhook_endpoint")[made.id]
    assert (sorted(kept["enabled_events"]), kept["status"]) == (sorted(ACCOUNT_TYPES), "enabled")
    assert place.counts()["webhook_endpoint"] == 2
    assert place.check() == []


def test_endpoints_of_others_and_products_of_others_are_left_alone(place: Place) -> None:
    other = place.stack.v1.webhook_endpoints.create({"url": "https://else.where/hook", "enabled_events": ["*"]})
    mug = place.stack.v1.products.create({"name": "Mug"})
    before = [dict(place.stack.world.all("webhook_endpoint")[other.id]), dict(place.stack.world.all("product")[mug.id])]
    place.bootstrap()
    after = [place.stack.world.all("webhook_endpoint")[other.id], place.stack.world.all("product")[mug.id]]
    assert after == before


@pytest.mark.parametrize(
    ("kind", "spoil"),
    [
        ("product", {"active": False}),
        ("product", {"metadata": {}}),
        ("price", {"active": False}),
        ("price", {"metadata": {}}),
        ("billing_portal.configuration", {"active": False}),
        ("webhook_endpoint", {"status": "disabled"}),
        ("webhook_endpoint", {"enabled_events": ["*"]}),
    ],
)
def test_what_was_changed_by_hand_is_found_and_mended(place: Place, kind: str, spoil: dict[str, object]) -> None:
    place.bootstrap()
    made = place.counts()
    next(iter(place.stack.world.all(kind).values())).update(spoil)
    assert [action for _, _, action in place.check()] == ["update"]
    place.bootstrap()
    assert (place.check(), place.counts()) == ([], made)


@pytest.mark.parametrize(
    ("feature", "name", "value"),
    [
        ("subscription_update", "schedule_at_period_end", {"conditions": []}),
        ("subscription_update", "products", []),
        ("subscription_update", "proration_behavior", "none"),
        ("subscription_update", "billing_cycle_anchor", "unchanged"),
        ("subscription_update", "enabled", False),
        ("subscription_cancel", "mode", "immediately"),
        ("subscription_cancel", "enabled", False),
    ],
)
def test_a_portal_that_would_let_customers_do_otherwise_is_found_and_mended(
    place: Place, feature: str, name: str, value: object
) -> None:
    place.bootstrap()
    place.configuration()["features"][feature][name] = value
    (finding,) = place.parts.payments.setup(place.keep).run(HOOK, write=False).findings
    assert f"{feature}.{name}" in finding.because
    place.bootstrap()
    assert place.check() == []


def test_the_portal_that_customers_open_themselves_lists_no_plans(place: Place) -> None:
    report = place.bootstrap()
    home = place.stack.v1.billing_portal.configurations.retrieve(str(report.portal_home_configuration))
    assert home.id != report.portal_configuration
    assert home.features.subscription_update.enabled is False
    assert home.features.subscription_cancel.enabled is True
    payments = Payments(place.parts.payments.client, report.portal_configuration, report.portal_home_configuration)
    payments.portal(payments.create_customer("acct_1", "k1"), "https://a.b/back")
    (opened,) = place.stack.world.all("billing_portal.session").values()
    assert opened["configuration"] == home.id


def test_a_portal_that_the_stack_names_is_the_one_that_is_looked_after(place: Place) -> None:
    mine = place.stack.v1.billing_portal.configurations.create({"features": {"invoice_history": {"enabled": True}}})
    place.parts.settings = Settings({"STRIPE_PORTAL_CONFIGURATION": mine.id})
    assert place.bootstrap().portal_configuration == mine.id
    assert place.counts()["billing_portal.configuration"] == 2
    assert place.check() == []


def test_without_an_address_no_endpoint_is_made(place: Place) -> None:
    report = place.parts.payments.setup(place.keep).run(None, write=True)
    assert (place.counts()["webhook_endpoint"], report.webhook_url) == (0, None)
    assert place.counts()["price"] == 6


def test_a_full_account_of_the_local_stack_differs_in_nothing(board: Switchboard) -> None:  # noqa: F811
    stack = Stack(board)
    place = Place(stack)
    report = place.parts.payments.setup(place.keep).run(f"{stack.base}/hook", write=False)
    assert report.findings == ()
