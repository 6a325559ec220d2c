"""What comes before an operation: calls through the functions' own handlers, and wallets in any number."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from aerostack_billing.ledger.ledger import Change
from aerostack_billing.values.money import micros
from aerostack_billing.wallet.models import Reload, Wallet
from tests.benchmarks.budgets import Act
from tests.benchmarks.place import Place
from tests.rooms.worlds.plans import LINKS


def consume(place: Place, quantity: int = 1, expect: int = 200, **more: object) -> dict[str, Any]:
    return place.service("consume", {"metric": "api_requests", "quantity": quantity, **more}, expect=expect)


def events(place: Place) -> list[dict[str, object]]:
    return [{"account_id": place.account, "metric": "api_requests", "quantity": 1} for _ in range(100)]


def batch(place: Place, events: list[dict[str, object]], passing: int) -> None:
    results = place.ask("consume_batch", {"events": events})["results"]
    assert sum(result["status"] == 200 for result in results) == passing


def take(place: Place) -> dict[str, Any]:
    return place.service("take_lease", {"metric": "api_requests", "quantity": 1_000, "ttl_seconds": 60}, expect=201)


def settle(place: Place, lease: dict[str, Any]) -> None:
    answer = place.service("settle_lease", {"used": 900}, path={"lease_id": str(lease["lease_id"])})
    assert answer == {"returned": 100}


def claim(place: Place, name: str = "proj_1") -> dict[str, Any]:
    return place.service("claim_resource", {}, path={"kind": "projects", "id": name})


def charge(place: Place, key: str, amount: object = 2, expect: int = 201, **more: object) -> dict[str, Any]:
    asked = {"kind": "bot_conversation", "amount_cents": amount, "billing_mode": "wallet", "idempotency_key": key}
    return place.service("charge", {**asked, "reference": "conversation-0123456789", **more}, expect=expect)


def charge_hundred(place: Place) -> None:
    asked = {"account_id": place.account, "kind": "bot_conversation", "amount_cents": 2, "billing_mode": "wallet"}
    charges = [{**asked, "reference": "conversation-0123456789", "idempotency_key": f"h{n}"} for n in range(100)]
    results = place.ask("charge_batch", {"charges": charges})["results"]
    assert [result["status"] for result in results] == [201] * 100


def tool_call(place: Place, creator: Place, key: str, amount: object = 2) -> dict[str, Any]:
    return charge(place, key, amount, kind="tool_call", creator_id=creator.account)


def hold(place: Place, key: str = "h") -> str:
    asked = {"kind": "agent_execution", "amount_cents": 50, "ttl_seconds": 900, "idempotency_key": key}
    return str(place.service("take_hold", asked, expect=201)["hold_id"])


def checkout(place: Place) -> str:
    asked = {"tier": "pro", "billing_interval": "monthly", **LINKS}
    return str(place.ask("checkout", asked)["url"])


def verify(place: Place, session_id: str) -> dict[str, Any]:
    return place.ask("verify_session", query={"session_id": session_id})


def subscribed(place: Place) -> None:
    verify(place, place.stripe.pay(checkout(place)))


def open_deposit(place: Place) -> str:
    return str(place.ask("deposit", {"amount_cents": 2_500, **LINKS})["url"])


def deposited(place: Place) -> None:
    verify(place, place.stripe.pay(open_deposit(place)))


def reload_below_500(place: Place) -> dict[str, Any]:
    return place.ask("set_auto_reload", {"enabled": True, "threshold_cents": 500, "amount_cents": 2_000})


def onboard(place: Place) -> str:
    back = "https://app.aerostack.dev/creators"
    return str(place.ask("onboard_creator", {"return_url": back, "refresh_url": back})["url"])


def due_of(place: Place, due: int, wallets: int) -> Act:
    """The act of finding what a sweep is to look after, among so many wallets."""

    def settled(wallet: Wallet) -> Change[Wallet]:
        return Change(replace(wallet, balance=micros(100), spend_cap=micros(1_000)))

    def waiting(wallet: Wallet) -> Change[Wallet]:
        reload = Reload(enabled=True, threshold=1, amount=1, state="due", next_attempt_at=int(place.time.at))
        return Change(replace(wallet, reload=reload))

    for number in range(due):
        place.parts.wallet.store.apply(f"acct_due_{number}", waiting)
    place.parts.wallet.store.apply(place.account, settled)
    place.multiply(place.parts.settings.wallets_table, {"account_id": place.account, "item": "wallet"}, wallets - due)

    def find() -> None:
        assert len(list(place.parts.wallet.store.due("reload"))) == due

    return find
