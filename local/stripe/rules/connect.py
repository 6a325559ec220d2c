"""Stripe Connect: accounts of those who are paid, transfers to them, and their payouts."""

from __future__ import annotations

from local.stripe.errors import StripeError, invalid, missing
from local.stripe.objects import Json, blank, list_of, new_id, public
from local.stripe.rules import balance
from local.stripe.rules.calendar import DAY
from local.stripe.world import World

LINK_LIVES_SECONDS = 300
_ASKED_AT_FIRST = ["business_profile.url", "external_account", "individual.verification", "tos_acceptance.date"]
_ASKED_LATER = ["individual.verification.document"]


def new_account(world: World, values: Json) -> Json:
    """A connected account that has yet to be onboarded: it can receive nothing."""
    account = world.make("account", charges_enabled=False, payouts_enabled=False, details_submitted=False)
    account["external_accounts"] = list_of([], f"/v1/accounts/{account['id']}/external_accounts")
    account.update(values)
    _ask(account, _ASKED_AT_FIRST, "requirements.past_due")
    return account


def account_of(world: World, account_id: str) -> Json:
    """The account. One that was deleted, that left the platform or that never was is refused with 403, all alike."""
    found = world.all("account").get(account_id)
    if found is None:
        raise StripeError(
            403,
            "invalid_request_error",
            f"The provided key 'sk_test_****' does not have access to account '{account_id}' (or that account does "
            "not exist). Application access may have been revoked.",
            "account_invalid",
        )
    return found


def destination_of(world: World, account_id: str) -> Json:
    """The account that a transfer goes to."""
    found = world.all("account").get(account_id)
    if found is None:
        raise missing("destination", account_id, "destination")
    return found


def leave(world: World, account: Json) -> None:
    """The platform has no access to the account any more: it was deleted, or its holder took the access back."""
    del world.all("account")[account["id"]]
    application: Json = {"id": "ca_local", "object": "application", "name": "The local stack"}
    world.tell("account.application.deauthorized", application, account=account["id"])


def reject(world: World, account: Json, reason: str) -> None:
    """Close the account to payments and payouts for good, because of fraud, say."""
    account["_rejected"] = f"rejected.{reason}"
    with world.updating("account.updated", account, account=account["id"]):
        account.update(payouts_enabled=False, charges_enabled=False)
        account["capabilities"] = dict.fromkeys(account["capabilities"], "inactive")
        _ask(account, [], account["_rejected"])


def _ask(account: Json, due: list[str], disabled_reason: str | None) -> None:
    asked = account["requirements"]
    asked.update(currently_due=list(due), eventually_due=list(due), past_due=[], disabled_reason=disabled_reason)


def review(world: World, account: Json, *, content: bool) -> None:
    """The account's holder handed in the details: Stripe is content, or asks for more and pays nothing out.

    Nothing makes Stripe content with an account that was rejected.
    """
    if "_rejected" in account:
        return
    with world.updating("account.updated", account, account=account["id"]):
        account.update(details_submitted=True, payouts_enabled=content)
        account["capabilities"] = dict.fromkeys(account["capabilities"], "active" if content else "inactive")
        account["charges_enabled"] = content and "card_payments" in account["capabilities"]
        _ask(account, [] if content else _ASKED_LATER, None if content else "requirements.past_due")


def new_link(world: World, account: Json, refresh_url: str, return_url: str) -> Json:
    """A link to the onboarding page, good for some minutes."""
    token = new_id("account_link")
    link = blank("account_link", created=world.now(), expires_at=world.now() + LINK_LIVES_SECONDS)
    link.update(url=f"{world.base_url}/connect/{token}", _token=token, _account=account["id"])
    link.update(_refresh_url=refresh_url, _return_url=return_url)
    world.all("account_link")[token] = link
    return link


def transfer(world: World, account: Json, amount: int, values: Json) -> Json:
    """Move so many cents of the platform's balance to the account."""
    if amount < 1:
        raise invalid("This value must be greater than or equal to 1.", "parameter_invalid_integer", "amount")
    if account["capabilities"].get("transfers") != "active":
        raise invalid(
            "Your destination account needs to have at least one of the following capabilities enabled: transfers, "
            "crypto_transfers, legacy_payments",
            "insufficient_capabilities_for_transfer",
        )
    if world.store.state.settings["transfers_need_balance"] and amount > balance.total(world):
        raise invalid(
            "You have insufficient available funds in your Stripe account. Try adding funds directly to your available "
            "balance by creating Charges using the 4000000000000077 test card.",
            "balance_insufficient",
        )
    made = world.make(
        "transfer",
        amount=amount,
        destination=account["id"],
        destination_payment=new_id("destination_payment"),
        **values,
    )
    made["reversals"] = list_of([], f"/v1/transfers/{made['id']}/reversals")
    made["balance_transaction"] = balance.record(world, "transfer", made["id"], -amount)["id"]
    world.tell("transfer.created", made)
    return made


def reverse(world: World, made: Json, amount: int | None, metadata: Json) -> Json:
    """Take a transfer back, or so many cents of it."""
    left = made["amount"] - made["amount_reversed"]
    taken = left if amount is None else amount
    if left == 0:
        raise invalid(f"Transfer {made['id']} has already been reversed in full.", "transfer_already_reversed")
    if not 1 <= taken <= left:
        raise invalid(
            f"Transfer reversal amount (${taken / 100:.2f}) is greater than unreversed amount on transfer "
            f"(${left / 100:.2f})",
            None,
            "amount",
        )
    reversal = world.make("transfer_reversal", amount=taken, transfer=made["id"], metadata=metadata)
    reversal["balance_transaction"] = balance.record(world, "transfer_refund", reversal["id"], taken)["id"]
    with world.updating("transfer.reversed", made):
        made["amount_reversed"] += taken
        made["reversed"] = made["amount_reversed"] == made["amount"]
        made["reversals"]["data"] = [
            public(reversal),
            *made["reversals"]["data"],
        ]
    return reversal


def pay_out(world: World, account: Json, amount: int, *, fails: bool) -> Json:
    """Send so many cents from the account to its bank; a bank that refuses makes it fail."""
    payout = world.make(
        "payout",
        amount=amount,
        arrival_date=world.now() + 2 * DAY,
        balance_transaction=None,
        destination=None,
        status="pending",
        reconciliation_status="not_applicable",
    )
    world.tell("payout.created", payout, account=account["id"])
    if fails:
        payout.update(
            status="failed",
            failure_code="account_closed",
            failure_message="The bank account has been closed.",
        )
        world.tell("payout.failed", payout, account=account["id"])
    else:
        payout["status"] = "paid"
        world.tell("payout.paid", payout, account=account["id"])
    return payout
