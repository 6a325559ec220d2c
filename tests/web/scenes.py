"""Accounts in the states that the billing page shows, made by the same requests that make them in life."""

from __future__ import annotations

import random

from tests.flows.client import DECLINES_LATER, WORKS, Account, Api, Json

LINKS = {"success_url": "https://app.aerostack.dev/done", "cancel_url": "https://app.aerostack.dev/back"}
KINDS = ("bot_conversation", "agent_execution", "tool_call")
AGENTS = {"bot_conversation": "support", "agent_execution": "research", "tool_call": "crawler"}
RELOAD = {"enabled": True, "threshold_cents": 500, "amount_cents": 2_000, "monthly_cap_cents": 20_000}


def deposit(account: Account, amount_cents: int = 2_500, card: str = WORKS) -> None:
    """Pay a deposit and come back."""
    page = account.send("POST", "/api/balance/deposit", {"amount_cents": amount_cents, **LINKS})
    assert page.status_code == 200, page.text
    assert account.verify(account.pay(page.json()["url"], card)).status_code == 200


def service(account: Account, path: str, body: Json, status: int) -> Json:
    """A request of the service that charges the account."""
    token = account.api.stack.token("svc_bots", "billing:charge")
    answer = account.api.send("POST", f"/api/balance/{path}", token=token, body={"account_id": account.id, **body})
    assert answer.status_code == status, answer.text
    return answer.json()


def spend(
    account: Account,
    amount_cents: object,
    key: str,
    kind: str = "bot_conversation",
    reference: str | None = None,
    labels: dict[str, str] | None = None,
) -> str:
    """Charge the account; the charge's id."""
    body: Json = {"kind": kind, "amount_cents": amount_cents, "billing_mode": "wallet", "idempotency_key": key}
    if kind == "tool_call":
        body["creator_id"] = "acct_maker"
    return service(account, "charges", {**body, "reference": reference, "labels": labels or {}}, 201)["charge_id"]


def hold(account: Account, amount_cents: int, key: str = "hold") -> str:
    """Set money aside for work that is under way; the hold's id."""
    body = {"kind": "agent_execution", "amount_cents": amount_cents, "ttl_seconds": 86_400, "idempotency_key": key}
    return service(account, "holds", body, 201)["hold_id"]


def set_reload(account: Account, **settings: object) -> Json:
    """Save the settings of auto-reload."""
    answer = account.send("PUT", "/api/balance/auto-reload", {**RELOAD, **settings})
    assert answer.status_code == 200, answer.text
    return answer.json()


def put_card_on_file(account: Account, card: str, **form: str) -> None:
    """Change the card in Stripe's portal."""
    assert account.in_portal(action="update_card", card=card, **form).status_code == 303
    account.api.deliver()


def reload_with(account: Account, card: str, **form: str) -> None:
    """An account whose reload was tried with this card."""
    deposit(account, 2_500)
    set_reload(account)
    put_card_on_file(account, card, **form)
    spend(account, 2_100, "spend")
    account.api.advance(minutes=2)


def suspend_reload(account: Account) -> None:
    """An account whose card was found to be lost, which no retry can mend."""
    deposit(account, 2_500)
    set_reload(account)
    (customer,) = account.customers()
    method = customer["invoice_settings"]["default_payment_method"]
    account.api.door(f"stripe/payment_methods/{method}/renew", {"card": "4000000000009987"})
    account.api.deliver()
    spend(account, 2_100, "spend")
    account.api.advance(minutes=2)


def past_due(account: Account) -> None:
    """A plan whose renewal the card declined."""
    account.buy("pro")
    put_card_on_file(account, DECLINES_LATER)
    account.api.advance(days=31)


def grace(account: Account) -> None:
    """Free, with API requests in the grace zone."""
    assert account.consume(quantity=51_500).status_code == 200


def blocked(account: Account) -> None:
    """Free, with every API request used that passes, grace included."""
    assert account.consume(quantity=55_000).status_code == 200
    assert account.consume().status_code == 403


def claim(account: Account, kind: str, *names: str) -> None:
    """Let resources of a kind exist."""
    for name in names:
        assert account.claim(kind, name).status_code == 200


def full_life(account: Account, days: int = 24) -> None:
    """A Pro account a few weeks into its life: usage, resources, a wallet with a history, a hold."""
    api, dice = account.api, random.Random(7)  # the same figures each time
    account.buy("pro")
    deposit(account, 10_000)
    set_reload(account, threshold_cents=1_500, amount_cents=5_000)
    account.send("PUT", "/api/balance/spend-cap", {"monthly_cap_cents": 20_000})
    for agent, cents in (("support", 4_000), ("research", 2_500), ("*", 5_000)):
        budget = {"limit_cents": cents, "window": "month"}
        assert account.send("PUT", f"/api/balance/budgets/agent/{agent}", budget).status_code == 200
    claim(account, "projects", "storefront", "support-desk", "field-notes", "intranet")
    claim(account, "mcp_workspaces", "billing-tools", "research", "warehouse", "on-call")
    claim(account, "team_members", "ada@example.com", "grace@example.com", "linus@example.com")
    claim(account, "gateway_apis", "orders", "catalog", "search", "payments-eu", "ticketing")
    for day in range(days):
        busy = 0.35 if day % 7 in (5, 6) else 1.0
        for kind, most in zip(KINDS, (260, 180, 90), strict=True):
            price = round(dice.uniform(0.25, 1) * most * busy)
            reference = f"conv_{dice.randrange(16**8):08x}"
            spend(account, price, f"{kind}-{day}", kind, reference, {"agent": AGENTS[kind]})
        api.advance(days=1)
    use(account)
    hold(account, 240)


def use(account: Account) -> None:
    """A month's usage that is neither little nor much."""
    for metric, used in {
        "api_requests": 1_284_310,
        "ai_tokens": 8_620_000,
        "gateway_requests": 96_400,
        "mcp_proxy_calls": 214_800,
        "email_sends": 31_240,
        "realtime_messages": 1_905_000,
        "monthly_active_users": 48_200,
        "storage_bytes": 18_730_000_000,
    }.items():
        assert account.consume(metric, used).status_code == 200


def downgraded(account: Account) -> None:
    """Free again, with more resources than Free allows."""
    account.buy("starter")
    claim(account, "mcp_workspaces", "billing-tools", "research", "warehouse", "on-call", "night-shift")
    account.cancel()
    account.api.advance(days=31)


def earn(caller: Account, creator: Account, *amounts_cents: int) -> None:
    """Let paid tool calls credit a creator."""
    for index, amount in enumerate(amounts_cents):
        body = {
            "kind": "tool_call",
            "amount_cents": amount,
            "billing_mode": "wallet",
            "idempotency_key": f"{creator.id}-{amount}-{index}",
            "creator_id": creator.id,
        }
        service(caller, "charges", body, 201)


def onboard(api: Api, creator: Account) -> None:
    """Complete the creator's connected account."""
    pages = {"return_url": LINKS["success_url"], "refresh_url": LINKS["cancel_url"]}
    answer = creator.send("POST", "/api/creators/onboard", pages)
    assert answer.status_code == 200, answer.text
    assert api.press(answer.json()["url"]).status_code == 303
    api.deliver()
