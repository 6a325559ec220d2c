"""What others hear on the bus, over HTTP: of plans, usage and wallets, by the schedule and with the request's id."""

from __future__ import annotations

from tests.flows.client import BACK, Account, Api, Json
from tests.flows.test_wallet_charges import charge


def answer(api: Api, account: str, kind: str) -> list[Json]:
    """The details of an account's events of one type, newest first."""
    found = api.door("events")["data"]
    return [e["detail"] for e in found if e["detail-type"] == kind and e["detail"]["account_id"] == account]


def test_a_plan_that_is_bought_is_on_the_bus_a_minute_later(api: Api, account: Account) -> None:
    account.buy("pro")
    api.advance(minutes=1)
    (changed,) = answer(api, account.id, "plan.changed")
    assert (changed["data"]["before"]["plan_tier"], changed["data"]["after"]["plan_tier"]) == ("free", "pro")
    (event,) = (e for e in api.door("events")["data"] if e["detail"]["id"] == changed["id"])
    assert (event["source"], event["detail-type"]) == ("aerostack.billing", "plan.changed")


def test_a_metric_that_is_used_up_is_told_level_by_level(api: Api, account: Account) -> None:
    assert account.consume(quantity=55_000).status_code == 200
    assert account.consume().status_code == 403
    api.advance(minutes=1)
    kinds = ("usage.limit_near", "usage.grace_entered", "usage.blocked")
    assert [len(answer(api, account.id, kind)) for kind in kinds] == [1, 1, 1]


def test_a_wallet_that_runs_low_is_told_with_the_id_of_the_charge_s_request(api: Api, account: Account) -> None:
    page = account.send("POST", "/api/balance/deposit", {"amount_cents": 1_000, **BACK}).json()["url"]
    account.verify(account.pay(page))
    charged = charge(account, 600)
    assert charged.status_code == 201
    api.advance(minutes=1)
    (low,) = answer(api, account.id, "balance.low")
    assert low["correlation_id"] == charged.headers["apigw-requestid"]
    assert low["data"]["transfer_id"] == charged.json()["charge_id"]
