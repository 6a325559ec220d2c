"""Which function answers which call, by its name (`checkout.sessions.create`) and its path in Stripe's document."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

from werkzeug.routing import Map, Rule

from local.stripe.objects import Json
from local.stripe.world import World


@dataclass(frozen=True)
class Call:
    """What the caller sent: the parameters, checked and typed, and the id in the path (empty where there is none)."""

    params: Json
    id: str
    account: str | None = None
    """The connected account that the call is made for, by the header `Stripe-Account`."""


Handler = Callable[[World, Call], Json]


@dataclass(frozen=True)
class Route:
    """One call that the local Stripe serves. `accepts` names the parameters it acts on, `expand` apart."""

    name: str
    method: str
    path: str
    accepts: frozenset[str]
    handler: Handler
    for_accounts: bool = False
    """Whether it may be called for a connected account."""


_ROUTES: dict[str, Route] = {}
PAGING = "limit starting_after ending_before created "


def route(
    name: str, method: str, path: str, accepts: str = "", *, for_accounts: bool = False
) -> Callable[[Handler], Handler]:
    """Serve a call with the decorated function. `accepts` lists its parameters, parted by spaces."""

    def register(handler: Handler) -> Handler:
        _ROUTES[name] = Route(name, method, path, frozenset(accepts.split()), handler, for_accounts)
        return handler

    return register


def routes() -> dict[str, Route]:
    """Every call served, by name."""
    return dict(_ROUTES)


@functools.cache
def url_map() -> Map:
    """The routes as werkzeug matches them, compiled once a process; the endpoint of a rule is the call's name."""
    return Map(
        [
            Rule(known.path.replace("{", "<").replace("}", ">"), endpoint=known.name, methods=[known.method])
            for known in _ROUTES.values()
        ],
        strict_slashes=False,
    )
