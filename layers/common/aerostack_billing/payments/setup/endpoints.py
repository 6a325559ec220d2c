"""The webhook endpoints: where Stripe sends events, in which version, and which.

There are two at one URL. What happens in connected accounts, a creator's onboarding or a payout that their bank
refused, Stripe tells to an endpoint that was made for connected accounts, and to no other. An endpoint's version cannot
change, and Stripe shows its signing secret once, when it is created: where either is wrong, a new one takes its place.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Literal, Protocol, cast

import stripe
from pydantic import Field

from aerostack_billing.payments.client import API_VERSION, translated
from aerostack_billing.payments.setup.findings import Walk
from aerostack_billing.payments.wire import Wire
from aerostack_billing.values.checks import required

Scope = Literal["account", "connect"]
_UNKEPT, _KEPT = "unkept", "kept"


class SigningSecrets(Protocol):
    """Where the signing secrets of endpoints are kept, with the endpoint that each was created for."""

    def noted_endpoints(self) -> Collection[str]:
        """The ids of those endpoints, whether they are at Stripe still or not."""

    def drop_webhook_secret(self, endpoint_id: str) -> None:
        """Believe the secret that was made for the endpoint no longer."""


class _Endpoint(Wire):
    id: str
    url: str
    status: str
    api_version: str | None = None
    enabled_events: list[str]
    metadata: dict[str, str] = Field(default_factory=dict)

    @property
    def is_readable(self) -> bool:
        """Whether it sends the shapes that are read here, signed by a secret that was kept."""
        return self.api_version == API_VERSION and self.metadata.get("signing_secret") != _UNKEPT


class Endpoints:
    """Looks after the endpoints."""

    def __init__(
        self,
        connect: Callable[[], stripe.StripeClient],
        events: Mapping[Scope, tuple[str, ...]],
        keep_secret: Callable[[str, str], None],
    ) -> None:
        self._connect = connect
        self._events = events
        self._keep_secret = keep_secret

    def look(self, walk: Walk, url: str, prune: SigningSecrets | None = None) -> None:
        """Both endpoints at the URL, made or mended where `walk` says so; `keep_secret` is given each new secret.

        What `prune` keeps for endpoints that were gone before this is dropped there: Stripe sends nothing for them any
        more. Of secrets that were put there manually nothing is known, and they stay.
        """
        recorded = prune.noted_endpoints() if prune is not None else ()
        with translated():
            listed = self._connect().v1.webhook_endpoints.list({"limit": 100})
            there = [_Endpoint.model_validate(each.to_dict()) for each in listed.auto_paging_iter()]
        for scope, events in self._events.items():
            self._look(walk, url, scope, events, [e for e in there if e.url == url and self._scope(e) == scope])
        if prune is not None:
            for gone in sorted(set(recorded) - {endpoint.id for endpoint in there}):
                drop = partial(_dropped, prune, gone)
                walk.mend("signing secret", "retired", "delete", "its endpoint is gone", drop, gone)

    def _scope(self, endpoint: _Endpoint) -> Scope:
        """Stripe does not show which kind an endpoint is: it is recorded on ours, and guessed of one made manually."""
        if "scope" in endpoint.metadata:
            return cast("Scope", endpoint.metadata["scope"])
        return "connect" if set(endpoint.enabled_events) <= set(self._events["connect"]) else "account"

    def _look(self, walk: Walk, url: str, scope: Scope, events: tuple[str, ...], there: list[_Endpoint]) -> None:
        for endpoint in there:
            if endpoint.metadata.get("signing_secret") == _UNKEPT:
                because = "its signing secret was not kept, so that nothing it sends is believed"
                walk.mend("webhook endpoint", scope, "delete", because, partial(self._delete, endpoint), endpoint.id)
        standing = next((endpoint for endpoint in there if endpoint.is_readable), None)
        if standing is None:
            because = f"there is none for {scope} events in version {API_VERSION}"
            walk.mend("webhook endpoint", scope, "create", because, lambda: self._create(url, scope, events))
        else:
            self._update(walk, scope, events, standing)
        for endpoint in there:
            if not endpoint.is_readable and endpoint.metadata.get("signing_secret") != _UNKEPT:
                because = f"it sends version {endpoint.api_version}, which is not read here"
                walk.mend("webhook endpoint", scope, "delete", because, partial(self._delete, endpoint), endpoint.id)

    def _update(self, walk: Walk, scope: Scope, events: tuple[str, ...], standing: _Endpoint) -> None:
        asked, handled = set(standing.enabled_events), set(events)
        wrong = [] if standing.status == "enabled" else ["it is switched off"]
        wrong += [f"it does not ask for {', '.join(sorted(handled - asked))}"] if handled - asked else []
        wrong += [f"it asks for {', '.join(sorted(asked - handled))}"] if asked - handled else []
        if wrong:
            mended = {"enabled_events": list(events), "disabled": False}
            walk.mend(
                "webhook endpoint",
                scope,
                "update",
                "; ".join(wrong),
                lambda: self._change(standing.id, mended),
                standing.id,
            )

    def _create(self, url: str, scope: Scope, events: tuple[str, ...]) -> str:
        """Create it, keep its secret, then record that it was kept: interrupted before, it is created again."""
        params = {
            "url": url,
            "api_version": API_VERSION,
            "connect": scope == "connect",
            "description": f"Aerostack billing: {scope} events",
            "enabled_events": list(events),
            "metadata": {"scope": scope, "signing_secret": _UNKEPT},
        }
        with translated():
            made = self._connect().v1.webhook_endpoints.create(params)  # type: ignore[arg-type]
        self._keep_secret(made.id, required(made.secret, "the signing secret of a new endpoint"))
        return self._change(made.id, {"metadata": {"signing_secret": _KEPT}})

    def _change(self, endpoint_id: str, mended: dict[str, object]) -> str:
        with translated():
            self._connect().v1.webhook_endpoints.update(endpoint_id, mended)  # type: ignore[arg-type]
        return endpoint_id

    def _delete(self, endpoint: _Endpoint) -> str:
        with translated():
            self._connect().v1.webhook_endpoints.delete(endpoint.id)
        return endpoint.id


def _dropped(secrets: SigningSecrets, endpoint_id: str) -> str:
    secrets.drop_webhook_secret(endpoint_id)
    return endpoint_id
