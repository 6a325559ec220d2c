"""Every route of a user that leads to Stripe counts the account's requests before Stripe is asked."""

from __future__ import annotations

import importlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from aerostack_billing.assembly import runtime
from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.idempotency.request_limit import RequestLimit
from local.paths import ROOT
from local.template import load_app

if TYPE_CHECKING:
    from collections.abc import Mapping

PAGES = {"success_url": "https://app.aerostack.dev/done", "cancel_url": "https://app.aerostack.dev/back"}
ASKED: Mapping[str, dict[str, object] | None] = {
    "cancel": None,
    "checkout": {"tier": "pro", "billing_interval": "monthly", **PAGES},
    "deposit": {"amount_cents": 2_500, **PAGES},
    "onboard_creator": {"return_url": PAGES["success_url"], "refresh_url": PAGES["cancel_url"]},
    "get_invoices": None,
    "get_payment_method": None,
    "portal": {},
    "preview": {"tier": "pro", "billing_interval": "monthly"},
    "resume": None,
    "set_auto_reload": {"enabled": True, "threshold_cents": 500, "amount_cents": 2_000},
    "verify_session": {"session_id": "cs_test_x"},
}


def test_these_are_all_routes_of_users_that_know_where_stripe_s_key_is() -> None:
    app = load_app(ROOT / "template.yaml")
    users = [app.functions[route.function] for route in app.routes if route.authorizer is not None]
    assert {each.code_dir.name for each in users if "STRIPE_SECRET_ARN" in each.environment} == set(ASKED)


@pytest.mark.parametrize("function", ASKED)
def test_over_the_limit_it_is_429_with_retry_after_and_stripe_is_not_asked(
    function: str, parts: Runtime, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whatever asked Stripe would fail otherwise: these rooms know of none.
    parts.stripe_requests = RequestLimit(parts.dynamo, parts.settings.events_table, 1)
    parts.stripe_requests.count(account)
    monkeypatch.setattr(runtime, "current", lambda: parts)
    handler = importlib.import_module(f"functions.{function}.app").handler
    answer: dict[str, Any] = handler(
        {
            "requestContext": {"authorizer": {"jwt": {"claims": {"sub": account}}}, "http": {"method": "POST"}},
            "body": json.dumps(ASKED[function]),
        },
        None,
    )
    assert (answer["statusCode"], json.loads(answer["body"])["error"]["code"]) == (429, "RATE_LIMIT_EXCEEDED")
    assert 1 <= int(answer["headers"]["retry-after"]) <= 60
