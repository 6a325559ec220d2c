"""Products and prices: of each plan that is sold a product, and a price a month and a year.

A price at Stripe cannot change its amount. One that differs from the catalog is followed by a new one, which takes
over its lookup key. Whoever pays the old price keeps it, and what it is for stands in its metadata.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import get_args

import stripe
from pydantic import Field

from aerostack_billing.payments.client import translated
from aerostack_billing.payments.setup.findings import Walk
from aerostack_billing.payments.wire import Wire
from aerostack_billing.plans.catalog import PAID_TIERS, Catalog
from aerostack_billing.plans.models import Interval, Tier
from aerostack_billing.values.checks import required, required_as
from aerostack_billing.values.errors import ObjectMissing

_CENTS = 100
_INTERVALS: Mapping[Interval, str] = {"monthly": "month", "yearly": "year"}
_SUPERSEDED = "superseded"


class _Recurring(Wire):
    interval: str
    interval_count: int = 1


class _Price(Wire):
    id: str
    product: str
    active: bool
    currency: str
    unit_amount: int | None = None
    lookup_key: str | None = None
    recurring: _Recurring | None = None
    metadata: dict[str, str] = Field(default_factory=dict)


class _Product(Wire):
    id: str
    active: bool
    metadata: dict[str, str] = Field(default_factory=dict)


@dataclass(frozen=True)
class _Wanted:
    tier: Tier
    interval: Interval
    amount_cents: int

    @property
    def lookup_key(self) -> str:
        return f"{self.tier}_{self.interval}"

    @property
    def metadata(self) -> dict[str, str]:
        return {"tier": self.tier, "billing_interval": self.interval}

    def differs(self, price: _Price) -> str | None:
        """In what the price cannot be mended."""
        recurring = price.recurring
        if price.currency != "usd" or recurring is None:
            return "it is not in dollars, or not recurring"
        if (recurring.interval, recurring.interval_count) != (_INTERVALS[self.interval], 1):
            return f"it is not billed {self.interval}"
        if price.unit_amount != self.amount_cents:
            return f"it costs {price.unit_amount} cents, and {self.amount_cents} in the catalog"
        return None


@dataclass(frozen=True)
class Offer:
    """What the portal offers: a product with its prices; None for what is still to be made."""

    product_id: str | None
    price_ids: tuple[str | None, ...]


class Shop:
    """Looks after products and prices."""

    def __init__(self, connect: Callable[[], stripe.StripeClient], catalog: Catalog) -> None:
        self._connect = connect
        self._catalog = catalog

    def look(self, walk: Walk) -> list[Offer]:
        """Each plan's product and prices, mended where `walk` says so."""
        wanted = {tier: [self._wanted(tier, interval) for interval in get_args(Interval)] for tier in PAID_TIERS}
        keys = [price.lookup_key for prices in wanted.values() for price in prices]
        with translated():
            found = self._connect().v1.prices.list({"lookup_keys": keys, "limit": 100})
            priced = {
                price.lookup_key: price for price in (_Price.model_validate(each.to_dict()) for each in found.data)
            }
        offers = []
        for tier, prices in wanted.items():
            standing = [priced[price.lookup_key] for price in prices if price.lookup_key in priced]
            product_id = self._product(walk, tier, standing)
            ids = tuple(self._price(walk, price, priced.get(price.lookup_key), product_id) for price in prices)
            offers.append(Offer(product_id, ids))
        return offers

    def tidy(self, walk: Walk, offers: list[Offer]) -> None:
        """Archive what was followed by another price, once nothing offers it any more: nobody can newly buy it."""
        for offer in offers:
            if offer.product_id is None:
                continue
            with translated():
                listed = self._connect().v1.prices.list({"product": offer.product_id, "active": True, "limit": 100})
                prices = [_Price.model_validate(each.to_dict()) for each in listed.auto_paging_iter()]
            for price in prices:
                if price.metadata.get(_SUPERSEDED) == "true" and price.id not in offer.price_ids:
                    because = "another price replaces it; existing subscriptions keep this one"
                    walk.mend("price", price.id, "archive", because, partial(self._archive, price), price.id)

    def _wanted(self, tier: Tier, interval: Interval) -> _Wanted:
        dollars = required_as(int, self._catalog.data.price_usd.of(interval).of(tier), "the price of what is sold")
        return _Wanted(tier, interval, dollars * _CENTS)

    def _product(self, walk: Walk, tier: Tier, prices: list[_Price]) -> str | None:
        product = self._find_product(tier, prices)
        if product is None:
            return walk.mend("product", tier, "create", "there is none", lambda: self._create_product(tier))
        wrong = [] if product.active else ["it is archived"]
        wrong += [] if product.metadata.get("tier") == tier else ["its metadata does not name the tier"]
        if wrong:
            mended = {"active": True, "metadata": {"tier": tier}}
            walk.mend(
                "product",
                tier,
                "update",
                " and ".join(wrong),
                lambda: self._update_product(product.id, mended),
                product.id,
            )
        return product.id

    def _find_product(self, tier: Tier, prices: list[_Price]) -> _Product | None:
        """The product of the plan's prices; where there are none, the one that this code made, by the id it gave."""
        try:
            with translated():
                found = self._connect().v1.products.retrieve(prices[0].product if prices else _product_id(tier))
        except ObjectMissing:
            return None
        return _Product.model_validate(found.to_dict())

    def _create_product(self, tier: Tier) -> str:
        with translated():
            made = self._connect().v1.products.create(
                {"id": _product_id(tier), "name": tier.capitalize(), "metadata": {"tier": tier}}
            )
        return made.id

    def _update_product(self, product_id: str, mended: dict[str, object]) -> str:
        with translated():
            self._connect().v1.products.update(product_id, mended)  # type: ignore[arg-type]
        return product_id

    def _price(self, walk: Walk, wanted: _Wanted, price: _Price | None, product_id: str | None) -> str | None:
        key = wanted.lookup_key
        if price is None:
            return walk.mend("price", key, "create", "there is none", lambda: self._create(wanted, product_id, None))
        outdated = wanted.differs(price)
        if outdated is not None:
            because = f"{outdated}: a new one takes its key, and it is archived"
            return walk.mend("price", key, "replace", because, lambda: self._follow(wanted, price), price.id)
        wrong = [] if price.active else ["it is archived"]
        wrong += [] if price.metadata.items() >= wanted.metadata.items() else ["its metadata does not name the plan"]
        wrong += ["it is marked as superseded"] if _SUPERSEDED in price.metadata else []
        if wrong:
            mended = {"active": True, "metadata": {**wanted.metadata, _SUPERSEDED: ""}}
            walk.mend("price", key, "update", " and ".join(wrong), lambda: self._update(price.id, mended), price.id)
        return price.id

    def _follow(self, wanted: _Wanted, price: _Price) -> str:
        """Make the price that follows; before, tell the old one what it is for, since its lookup key goes."""
        self._update(price.id, {"metadata": {**wanted.metadata, **price.metadata, _SUPERSEDED: "true"}})
        return self._create(wanted, price.product, price.id)

    def _create(self, wanted: _Wanted, product_id: str | None, follows: str | None) -> str:
        product_id = required(product_id, "the product, which is made before its prices,")
        with translated():
            made = self._connect().v1.prices.create(
                {
                    "currency": "usd",
                    "lookup_key": wanted.lookup_key,
                    "transfer_lookup_key": True,
                    "metadata": wanted.metadata,
                    "nickname": f"{wanted.tier.capitalize()} {wanted.interval}",
                    "product": product_id,
                    "recurring": {"interval": "month" if wanted.interval == "monthly" else "year"},
                    "unit_amount": wanted.amount_cents,
                },
                {"idempotency_key": f"setup-{wanted.lookup_key}-{wanted.amount_cents}-{product_id}-{follows}"},
            )
        return made.id

    def _update(self, price_id: str, mended: dict[str, object]) -> str:
        with translated():
            self._connect().v1.prices.update(price_id, mended)  # type: ignore[arg-type]
        return price_id

    def _archive(self, price: _Price) -> str:
        return self._update(price.id, {"active": False})


def _product_id(tier: Tier) -> str:
    """An id of our own giving: two who make it at once make one."""
    return f"aerostack_{tier}"
