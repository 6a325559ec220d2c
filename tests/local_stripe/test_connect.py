from __future__ import annotations

import pytest
import stripe

from local.stripe.objects import Json
from local.stripe.rules.connect import LINK_LIVES_SECONDS
from tests.local_stripe.harness import Stack


def created(stack: Stack) -> stripe.Account:
    return stack.v1.accounts.create(
        {
            "type": "express",
            "country": "US",
            "email": "ada@example.com",
            "capabilities": {"transfers": {"requested": True}},
            "metadata": {"creator_id": "acct_1"},
            "business_profile": {"product_description": "Tools"},
        }
    )


def link(stack: Stack, account: str) -> stripe.AccountLink:
    return stack.v1.account_links.create(
        {
            "account": account,
            "type": "account_onboarding",
            "refresh_url": "https://shop.test/again",
            "return_url": "https://shop.test/done",
        }
    )


def onboarded(stack: Stack) -> str:
    account = created(stack)
    assert stack.post(link(stack, account.id).url).status_code == 303
    return account.id


def transfer(account: str, **more: object) -> Json:
    return {
        "amount": 1500,
        "currency": "usd",
        "destination": account,
        "transfer_group": "payout-1",
        "metadata": {"payout_id": "po_1"},
        **more,
    }


def test_onboarding_opens_the_account_to_transfers(stack: Stack) -> None:
    account = created(stack)
    assert (account.details_submitted, account.payouts_enabled) == (False, False)
    assert account.capabilities is not None
    assert account.capabilities.transfers == "inactive"
    page = link(stack, account.id)
    assert "Hand in my details" in stack.get(page.url).text
    done = stack.post(page.url)
    assert (done.status_code, done.headers["Location"]) == (303, "https://shop.test/done")
    after = stack.v1.accounts.retrieve(account.id)
    assert (after.details_submitted, after.payouts_enabled) == (True, True)
    assert after.capabilities is not None
    assert after.capabilities.transfers == "active"
    assert after.requirements is not None
    assert after.requirements.currently_due == []
    event = stack.v1.events.list({"type": "account.updated"}, {"stripe_account": account.id}).data[0]
    assert event.account == account.id
    since = stack.position()
    assert stack.post(page.url).status_code == 303
    assert stack.event_types(since) == []


def test_onboarding_may_leave_the_account_restricted(stack: Stack) -> None:
    account = created(stack)
    assert stack.post(link(stack, account.id).url, action="restrict").status_code == 303
    after = stack.v1.accounts.retrieve(account.id)
    assert (after.details_submitted, after.payouts_enabled) == (True, False)
    assert after.requirements is not None
    assert after.requirements.disabled_reason == "requirements.past_due"
    with pytest.raises(stripe.InvalidRequestError, match="capabilities"):
        stack.v1.transfers.create(transfer(account.id))
    assert stack.door(f"/accounts/{account.id}", {"restricted": False}).status_code == 200
    assert stack.v1.accounts.retrieve(account.id).payouts_enabled is True
    assert stack.door(f"/accounts/{account.id}", {"restricted": True}).json()["payouts_enabled"] is False


def test_a_link_lapses_after_some_minutes(stack: Stack) -> None:
    account = created(stack)
    page = link(stack, account.id)
    assert page.expires_at == stack.clock.now + LINK_LIVES_SECONDS
    stack.clock.now += LINK_LIVES_SECONDS
    for answer in (stack.get(page.url), stack.post(page.url)):
        assert (answer.status_code, answer.headers["Location"]) == (303, "https://shop.test/again")
    assert stack.v1.accounts.retrieve(account.id).details_submitted is False
    assert stack.get(f"{stack.base}/connect/link_none").status_code == 404


def test_a_crooked_link_or_account_is_refused(stack: Stack) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="Express"):
        stack.v1.accounts.create({"type": "custom"})
    asked = {"account": "acct_none", "type": "account_onboarding"}
    with pytest.raises(stripe.PermissionError, match="acct_none"):
        stack.v1.account_links.create(asked)
    with pytest.raises(stripe.InvalidRequestError, match="Not a valid URL"):
        stack.v1.account_links.create({**asked, "account": created(stack).id, "refresh_url": "javascript:1"})


def test_an_account_may_be_made_by_controller_and_changed(stack: Stack) -> None:
    account = stack.v1.accounts.create(
        {
            "controller": {
                "stripe_dashboard": {"type": "express"},
                "fees": {"payer": "application"},
                "losses": {"payments": "application"},
            },
            "capabilities": {"transfers": {"requested": True}},
        }
    )
    changed = stack.v1.accounts.update(account.id, {"email": "new@example.com", "metadata": {"a": "b"}})
    assert (changed.email, changed.type) == ("new@example.com", "express")
    assert [known.id for known in stack.v1.accounts.list().data] == [account.id]


def test_a_transfer_is_made_once_and_found(stack: Stack) -> None:
    account = onboarded(stack)
    key = {"idempotency_key": "payout-1"}
    first = stack.v1.transfers.create(transfer(account), key)
    assert stack.v1.transfers.create(transfer(account), key).id == first.id
    assert (first.amount, first.destination, first.reversed) == (1500, account, False)
    assert [t.id for t in stack.v1.transfers.list({"transfer_group": "payout-1"}).data] == [first.id]
    assert [t.id for t in stack.v1.transfers.list({"destination": account}).data] == [first.id]
    assert stack.v1.transfers.list({"transfer_group": "payout-2"}).data == []
    found = stack.v1.transfers.retrieve(first.id, {"expand": ["balance_transaction", "destination"]})
    assert isinstance(found.balance_transaction, stripe.BalanceTransaction)
    assert found.balance_transaction.net == -1500
    assert stack.v1.transfers.update(first.id, {"description": "March"}).description == "March"
    assert stack.event_types().count("transfer.created") == 1


def test_a_transfer_is_taken_back_in_parts_and_never_beyond(stack: Stack) -> None:
    made = stack.v1.transfers.create(transfer(onboarded(stack)))
    part = stack.v1.transfers.reversals.create(made.id, {"amount": 500, "metadata": {"why": "refund"}})
    assert (part.amount, part.transfer) == (500, made.id)
    assert stack.v1.transfers.retrieve(made.id).amount_reversed == 500
    with pytest.raises(stripe.InvalidRequestError, match="greater than unreversed"):
        stack.v1.transfers.reversals.create(made.id, {"amount": 1001})
    stack.v1.transfers.reversals.create(made.id)
    after = stack.v1.transfers.retrieve(made.id)
    assert (after.reversed, after.amount_reversed) == (True, 1500)
    assert [r.amount for r in after.reversals.data] == [1000, 500]
    assert len(stack.v1.transfers.reversals.list(made.id).data) == 2
    assert stack.event_types().count("transfer.reversed") == 2
    with pytest.raises(stripe.InvalidRequestError, match="already been reversed"):
        stack.v1.transfers.reversals.create(made.id)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"amount": 0}, "greater than or equal to 1"),
        ({"destination": "acct_none"}, "No such destination"),
        ({"currency": "eur"}, "usd only"),
        ({"source_transaction": "ch_none"}, "No such charge"),
    ],
)
def test_a_crooked_transfer_is_refused(stack: Stack, change: Json, words: str) -> None:
    account = onboarded(stack)
    with pytest.raises(stripe.InvalidRequestError, match=words):
        stack.v1.transfers.create({**transfer(account), **change})


def test_a_transfer_may_need_money_on_the_balance(stack: Stack) -> None:
    account = onboarded(stack)
    assert stack.door("/settings", {"transfers_need_balance": True}).status_code == 200
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stack.v1.transfers.create(transfer(account))
    assert refused.value.code == "balance_insufficient"
    stack.post(stack.deposit(stack.customer().id).url)
    assert stack.v1.transfers.create(transfer(account)).amount == 1500


def test_a_payout_fails_or_arrives(stack: Stack) -> None:
    account = onboarded(stack)
    failed = stack.door("/payouts", {"account": account, "amount": 700})
    assert (failed.status_code, failed.json()["status"]) == (200, "failed")
    event = stack.v1.events.list({"type": "payout.failed"}, {"stripe_account": account}).data[0]
    assert (event.account, event.data.object["failure_code"]) == (account, "account_closed")
    assert stack.door("/payouts", {"account": account, "status": "paid"}).json()["status"] == "paid"
    assert stack.door("/payouts", {"account": account, "status": "lost"}).status_code == 400
    assert stack.door("/payouts", {"account": "acct_none"}).status_code == 403


def test_settings_are_told_apart(stack: Stack) -> None:
    assert stack.door("/settings", {"weather": "fine"}).status_code == 400
    assert stack.door("/settings", {"dunning_ends_in": "tears"}).status_code == 400
    assert stack.door("/settings", {"dunning_ends_in": []}).status_code == 400


def test_what_happens_in_a_connected_account_is_listed_for_that_account_alone(stack: Stack) -> None:
    account, other = onboarded(stack), created(stack).id
    assert "account.updated" not in [event.type for event in stack.v1.events.list({"limit": 100}).data]
    (listed,) = stack.v1.events.list({"types": ["account.updated"]}, {"stripe_account": account}).data
    assert stack.v1.events.list({}, {"stripe_account": other}).data == []
    assert stack.v1.events.retrieve(listed.id, options={"stripe_account": account}).type == "account.updated"
    with pytest.raises(stripe.InvalidRequestError):
        stack.v1.events.retrieve(listed.id)
    with pytest.raises(stripe.PermissionError):
        stack.v1.events.list({}, {"stripe_account": "acct_none"})


def test_what_is_served_for_the_platform_alone_is_refused_for_a_connected_account(stack: Stack) -> None:
    with pytest.raises(stripe.APIError, match="for a connected account"):
        stack.v1.customers.list({}, {"stripe_account": onboarded(stack)})
