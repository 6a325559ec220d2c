"""What a plan would cost, asked of Stripe before anything is bought: `POST /v1/invoices/create_preview`.

All methods raise PaymentsUnavailable and PaymentsFailed; PaymentsRefused where Stripe would not sell it so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from aerostack_billing.payments.client import translated
from aerostack_billing.payments.gateway import NO_TERMS, PageTerms
from aerostack_billing.payments.models import PlanSubscription
from aerostack_billing.payments.prices import Prices
from aerostack_billing.payments.wire import ListOf, Wire, read
from aerostack_billing.plans.models import Interval, Tier

if TYPE_CHECKING:
    import stripe
    from stripe.params import InvoiceCreatePreviewParams as PreviewParams


@dataclass(frozen=True)
class PreviewLine:
    """One line in signed whole cents. `period_end` (unix seconds) is there for the plan's own price, not for a part."""

    description: str
    amount_cents: int
    period_end: int | None = None


@dataclass(frozen=True)
class InvoicePreview:
    """An invoice as it would be: its lines sum to what is due, or to a credit that stays with the customer."""

    lines: tuple[PreviewLine, ...]
    credit_cents: int
    due_cents: int
    renewal_cents: int
    renews_at: int | None


class _Details(Wire):
    proration: bool = False


class _LineParent(Wire):
    subscription_item_details: _Details | None = None
    invoice_item_details: _Details | None = None


class _Period(Wire):
    end: int


class _Tax(Wire):
    amount: int
    tax_behavior: str = "exclusive"


class _Line(Wire):
    amount: int
    description: str | None = None
    parent: _LineParent | None = None
    period: _Period
    taxes: list[_Tax] | None = None

    @property
    def renews(self) -> bool:
        """Whether it is the price of a period, which the next period costs again."""
        details = self.parent.subscription_item_details if self.parent else None
        return details is not None and not details.proration


class _Taken(Wire):
    amount: int


class _Preview(Wire):
    total: int
    amount_due: int
    lines: ListOf[_Line]
    total_discount_amounts: list[_Taken] | None = None
    total_taxes: list[_Tax] | None = None

    def read(self) -> InvoicePreview:
        """The preview in our words."""
        lines = [
            PreviewLine(line.description or "", line.amount, line.period.end if line.renews else None)
            for line in self.lines.data
        ]
        unused = -sum(line.amount_cents for line in lines if line.amount_cents < 0)
        discount = sum(taken.amount for taken in self.total_discount_amounts or [])
        carried = self.amount_due - max(self.total, 0)
        beside = {"Discount": -discount, "Tax": _added(self.total_taxes), "Balance from earlier invoices": carried}
        lines += [PreviewLine(name, amount) for name, amount in beside.items() if amount]
        renewing = [line for line in self.lines.data if line.renews]
        return InvoicePreview(
            tuple(lines),
            credit_cents=unused + max(0, -carried),
            due_cents=self.amount_due,
            renewal_cents=sum(line.amount + _added(line.taxes) for line in renewing),
            renews_at=max((line.period.end for line in renewing), default=None),
        )


class _Price(Wire):
    unit_amount: int
    nickname: str | None = None


class Previews:
    """Asks Stripe what a purchase would cost. Nothing is created."""

    def __init__(self, connect: Callable[[], stripe.StripeClient], terms: PageTerms = NO_TERMS) -> None:
        self._terms = terms
        self._connect = connect
        self._prices = Prices(connect)

    def of_new(self, customer_id: str, plan: tuple[Tier, Interval]) -> InvoicePreview:
        """The first invoice of a subscription to the plan, with its tax once Stripe knows where the customer is."""
        taxed: PreviewParams = {"automatic_tax": {"enabled": True}} if self._terms.automatic_tax else {}
        return self._asked(
            plan,
            lambda price: {
                **taxed,
                "customer": customer_id,
                "subscription_details": {"items": [{"price": price, "quantity": 1}]},
            },
        )

    def of_change(self, subscription: PlanSubscription, plan: tuple[Tier, Interval]) -> InvoicePreview:
        """The invoice of a change that is made now, as the portal makes it: a new period, less the unused part."""

        def params(price: str) -> PreviewParams:
            details: dict[str, object] = {
                "items": [{"id": subscription.item_id, "price": price, "quantity": 1}],
                "proration_behavior": "always_invoice",
                "billing_cycle_anchor": "now",
            }
            if subscription.status == "trialing":
                # As the portal does: a change ends the trial.
                details["trial_end"] = "now"
            # The SDK's types know no `now` here, which Stripe's document and the portal's configuration have.
            return cast(
                "PreviewParams", {"subscription": subscription.subscription_id, "subscription_details": details}
            )

        return self._asked(plan, params)

    def price_cents(self, plan: tuple[Tier, Interval]) -> int:
        """What the plan's price at Stripe says a period costs, for who is no customer yet."""

        def looked_up(price: str) -> int:
            with translated():
                found = self._connect().v1.prices.retrieve(price)
            return read(_Price, found.to_dict()).unit_amount

        return self._prices.using(plan, looked_up)

    def _asked(self, plan: tuple[Tier, Interval], params: Callable[[str], PreviewParams]) -> InvoicePreview:
        def asked(price: str) -> InvoicePreview:
            with translated():
                found = self._connect().v1.invoices.create_preview(params(price))
            return read(_Preview, found.to_dict()).read()

        return self._prices.using(plan, asked)


def _added(taxes: list[_Tax] | None) -> int:
    """The tax that is added to the amounts; what they include is in them already."""
    return sum(tax.amount for tax in taxes or [] if tax.tax_behavior == "exclusive")
