"""Whether each account's owner can go on by the public routes, whatever staff, banks and time did to it."""

from __future__ import annotations

from collections.abc import Callable

from aerostack_billing.accounts.models import CheckoutRequest
from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.values.errors import BillingError
from aerostack_billing.wallet.requests import DepositRequest
from tests.rooms.worlds.plans import LINKS
from tests.simulation.world import World

Try = tuple[str, Callable[[Runtime], object], frozenset[str]]


def ways_on(world: World, accounts: list[str], key: Callable[[], str]) -> list[str]:
    """What is wrong: a route that fails, or refuses in a way that leaves its caller nothing to do.

    Pages are opened and left unpaid, as a person who looks and goes away does.
    """
    wrong = []
    for account in accounts:
        for name, act, refusals in _tries(account, key):
            try:
                world.request(act)
            except BillingError as error:
                if error.code not in refusals:
                    wrong.append(f"{account}: {name} answers {error.code}")
    return wrong


def _tries(account: str, key: Callable[[], str]) -> list[Try]:
    deposit = DepositRequest(amount_cents=1_000, idempotency_key=key(), **LINKS)
    checkout = CheckoutRequest(tier="pro", billing_interval="monthly", idempotency_key=key(), **LINKS)
    return [
        ("deposit", lambda parts: parts.wallet.deposits.open(account, deposit), frozenset()),
        (
            "checkout",
            lambda parts: parts.accounts.checkout.open(account, checkout),
            # Each says what to do: nothing; pay the invoice; ask sales; cancel.
            frozenset({"ALREADY_ON_PLAN", "INVOICE_OPEN", "PLAN_AGREED", "CANCEL_INSTEAD"}),
        ),
        (
            "portal",
            lambda parts: parts.accounts.subscriptions.portal(account, LINKS["success_url"]),
            frozenset({"NO_STRIPE_CUSTOMER"}),
        ),
    ]
