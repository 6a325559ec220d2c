"""The two configurations of the customers' portal.

With `plans`, our checkout opens the page that confirms one change of plan; cheaper plans wait for the period's end
there. With `home`, customers see cards, invoices and the cancellation, and no list of plans: what Stripe would do at
once when a lower tier is chosen at a longer interval is nothing that its conditions can tell.

The API makes and changes configurations, but cannot make one the account's default. Ours are found again by their
metadata, and the parameters StripePortalConfiguration and StripePortalHomeConfiguration give the stack their ids.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, cast

import stripe

from aerostack_billing.payments.client import translated
from aerostack_billing.payments.setup.findings import Walk
from aerostack_billing.payments.setup.shop import Offer
from aerostack_billing.payments.wire import Wire
from aerostack_billing.values.errors import ObjectMissing

_OURS: Final = {"made_by": "aerostack-billing"}
_FOR: Final = "for"
_PRODUCTS = "features.subscription_update.products"
_CONDITIONS = ("decreasing_item_amount", "shortening_interval")
_PLANS: Final = "plans"
_HOME: Final = "home"
_Features = dict[str, dict[str, object]]


class _Configuration(Wire):
    id: str
    active: bool
    is_default: bool
    metadata: dict[str, str] | None = None
    features: _Features

    def is_ours_for(self, use: str) -> bool:
        """Whether it was made here for that use; of those from before there were two, all have plans."""
        metadata = self.metadata or {}
        return metadata.items() >= _OURS.items() and metadata.get(_FOR, _PLANS) == use


class Portal:
    """Looks after the configurations."""

    def __init__(
        self, connect: Callable[[], stripe.StripeClient], configured: str | None, home: str | None = None
    ) -> None:
        self._connect = connect
        self._configured = {_PLANS: configured, _HOME: home}

    def look(self, walk: Walk, offers: list[Offer]) -> str | None:
        """The id of the configuration with the plans, made or mended where `walk` says so; None: still to be made.

        It is the one that the stack names; else ours; else the account's default one, if that is as it must be.
        """
        return self._look(walk, _PLANS, _features(offers), "there is none that lets customers change plans")

    def look_home(self, walk: Walk) -> str | None:
        """Likewise the one without."""
        return self._look(walk, _HOME, _home_features(), "there is none that shows no list of plans")

    def _look(self, walk: Walk, use: str, wanted: _Features, because: str) -> str | None:
        found = self._find(use, wanted)
        if found is None:
            return walk.mend("portal configuration", use, "create", because, lambda: self._create(use, wanted))
        wrong = _differences(found, wanted)
        if wrong:
            because = f"these differ: {', '.join(wrong)}"
            mend = lambda: self._update(found.id, wanted)  # noqa: E731
            walk.mend("portal configuration", found.id, "update", because, mend, found.id)
        return found.id

    def _find(self, use: str, wanted: _Features) -> _Configuration | None:
        configured = self._configured[use]
        if configured is not None:
            return self._retrieve(configured)
        with translated():
            listed = self._connect().v1.billing_portal.configurations.list(
                {"limit": 100, "expand": [f"data.{_PRODUCTS}"]}
            )
            known = [_Configuration.model_validate(each.to_dict()) for each in listed.auto_paging_iter()]
        ours = next((one for one in known if one.is_ours_for(use)), None)
        fits = (one for one in known if one.is_default and not _differences(one, wanted))
        return ours or next(fits, None)

    def _retrieve(self, configuration_id: str) -> _Configuration | None:
        try:
            with translated():
                found = self._connect().v1.billing_portal.configurations.retrieve(
                    configuration_id, {"expand": [_PRODUCTS]}
                )
        except ObjectMissing:
            return None
        return _Configuration.model_validate(found.to_dict())

    def _create(self, use: str, wanted: _Features) -> str:
        params = {"name": use.capitalize(), "metadata": {**_OURS, _FOR: use}, "features": wanted}
        with translated():
            made = self._connect().v1.billing_portal.configurations.create(params)  # type: ignore[arg-type]
        return made.id

    def _update(self, configuration_id: str, wanted: _Features) -> str:
        with translated():
            self._connect().v1.billing_portal.configurations.update(
                configuration_id,
                {"active": True, "features": wanted},  # type: ignore[arg-type]
            )
        return configuration_id


def _features(offers: list[Offer]) -> _Features:
    products = [{"product": offer.product_id, "prices": list(offer.price_ids)} for offer in offers]
    return {
        "customer_update": {"enabled": True, "allowed_updates": ["address", "email"]},
        "invoice_history": {"enabled": True},
        "payment_method_update": {"enabled": True},
        "subscription_cancel": {"enabled": True, "mode": "at_period_end", "proration_behavior": "none"},
        "subscription_update": {
            "enabled": True,
            "default_allowed_updates": ["price"],
            "products": products,
            "proration_behavior": "always_invoice",
            # A dearer plan begins a new period, at full price less the unused part of the old one: its quota is whole.
            "billing_cycle_anchor": "now",
            # Within a trial too: it ends, and the dearer plan is paid. Quotas are Free's before anything is paid.
            "trial_update_behavior": "end_trial",
            "schedule_at_period_end": {"conditions": [{"type": condition} for condition in _CONDITIONS]},
        },
    }


def _home_features() -> _Features:
    return {**_features([]), "subscription_update": {"enabled": False}}


def _differences(found: _Configuration, wanted: _Features) -> list[str]:
    """The features, by name, that are not as wanted; a setting that we have no wish for may be as it likes."""
    wrong = [] if found.active else ["active"]
    for feature, settings in wanted.items():
        stands = found.features.get(feature, {})
        wrong += [f"{feature}.{name}" for name, value in settings.items() if _plain(stands.get(name)) != _plain(value)]
    return wrong


def _plain(value: object) -> object:
    """Without the order of lists, and of an offered product no more than which prices it has."""
    if isinstance(value, list):
        return sorted((_plain(each) for each in value), key=repr)
    if isinstance(value, dict):
        inner = cast("dict[str, object]", value)
        kept = ("product", "prices") if "prices" in inner else tuple(inner)
        return {name: _plain(inner[name]) for name in kept}
    return value
