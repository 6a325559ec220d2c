"""Which route of an HTTP API takes a request."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule

from local.template import Route

_VARIABLE = re.compile(r"\{([^{}+]+)(\+?)\}")


@dataclass(frozen=True)
class Match:
    """The route that takes a request, with the decoded variables of its path."""

    route: Route
    path_parameters: Mapping[str, str]


class Router:
    """API Gateway's order: a literal segment before a variable, a variable before a greedy one, `$default` last.

    Within one path a route for the method goes before one for ANY.
    """

    def __init__(self, routes: Iterable[Route]) -> None:
        # werkzeug weighs paths; of two rules for one path it tries the one first that was added first.
        ordered = sorted(routes, key=lambda route: route.method == "ANY")
        self._default = next((route for route in ordered if route.path == "$default"), None)
        self._names = {
            route: [found[1] for found in _VARIABLE.finditer(route.path)]
            for route in ordered
            if route is not self._default
        }
        rules = [_rule(route) for route in self._names]
        self._map = Map(rules, merge_slashes=False).bind("localhost")

    def match(self, method: str, path: str) -> Match | None:
        """The route for a request, or None. `path` is percent-encoded: an encoded slash is no separator."""
        try:
            route, values = self._map.match(path, method=method)
        except HTTPException:
            return None if self._default is None else Match(self._default, {})
        names = self._names[route]
        return Match(route, {name: unquote(values[f"v{index}"]) for index, name in enumerate(names)})


def _rule(route: Route) -> Rule:
    indexes = iter(range(route.path.count("{")))
    pattern = _VARIABLE.sub(lambda found: f"<{'path:' if found[2] else ''}v{next(indexes)}>", route.path)
    rule = Rule(pattern, endpoint=route, methods=None if route.method == "ANY" else [route.method])
    if rule.methods is not None and route.method == "GET":
        # werkzeug lets GET serve HEAD as well; API Gateway does not.
        rule.methods.discard("HEAD")
    return rule
