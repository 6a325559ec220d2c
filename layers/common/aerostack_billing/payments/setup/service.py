"""All that must be there at Stripe, looked through in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from aerostack_billing.payments.setup.endpoints import Endpoints, SigningSecrets
from aerostack_billing.payments.setup.findings import Finding, Walk
from aerostack_billing.payments.setup.portal import Portal
from aerostack_billing.payments.setup.shop import Shop

BY_HAND: Final = {
    "https://dashboard.stripe.com/connect": "enable Connect and complete the platform profile, for Express accounts",
    "https://dashboard.stripe.com/settings/billing/automatic": "end a subscription after the last retry of a renewal",
    "https://dashboard.stripe.com/settings/branding": "the name and look of Stripe's pages and receipts",
}
"""What the API can neither do nor tell, by the page on which it is done."""


@dataclass(frozen=True)
class Report:
    """What differed, or was mended, and the portal's configurations, which are parameters of the stack."""

    findings: tuple[Finding, ...]
    portal_configuration: str | None
    portal_home_configuration: str | None
    webhook_url: str | None

    def view(self) -> dict[str, object]:
        """As the tool prints it."""
        return {
            "findings": [finding.view() for finding in self.findings],
            "portal_configuration": self.portal_configuration,
            "portal_home_configuration": self.portal_home_configuration,
            "webhook_url": self.webhook_url,
            "by_hand": dict(BY_HAND),
        }


class StripeSetup:
    """Looks through an account at Stripe, and makes it ready."""

    def __init__(self, shop: Shop, portal: Portal, endpoints: Endpoints) -> None:
        self._shop = shop
        self._portal = portal
        self._endpoints = endpoints

    def run(self, webhook_url: str | None, *, write: bool, prune: SigningSecrets | None = None) -> Report:
        """Find what differs and, where `write` says so, mend it. Safe to repeat, also after it broke off anywhere.

        Without a `webhook_url` the endpoints are left alone: there is nothing yet that they could call. With `prune`,
        signing secrets of endpoints that were gone before are dropped from there.
        """
        walk = Walk(write)
        offers = self._shop.look(walk)
        configuration = self._portal.look(walk, offers)
        home = self._portal.look_home(walk)
        self._shop.tidy(walk, offers)
        if webhook_url is not None:
            self._endpoints.look(walk, webhook_url, prune)
        return Report(tuple(walk.findings), configuration, home, webhook_url)
