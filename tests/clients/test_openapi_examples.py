"""The document's examples are the stack's own answers, recorded; what it answers today has their shape.

`RECORD_EXAMPLES=1 pytest tests/clients/test_openapi_examples.py` records them again, and `make openapi` publishes them.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from local.openapi.document import EXAMPLES, build, load_examples
from tests.clients.conftest import HASTY
from tests.clients.faults import FaultServer
from tests.clients.people import Clients, clients_of
from tests.clients.test_routes import DOCUMENT, route_of, walk
from tests.flows.client import Account as Person

AGAIN = "run `RECORD_EXAMPLES=1 pytest tests/clients/test_openapi_examples.py`, then `make openapi`"
OPERATIONS = {
    (method.upper(), path): operation
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}
Examples = dict[str, dict[str, Any]]


def recorded(door: FaultServer, clients: Clients, maker: Clients) -> Examples:
    """For each operation the first request that succeeds, and the first JSON answer with each status of success."""
    found: Examples = {}
    for seen, reply in door.answered:
        operation_id = OPERATIONS[route_of(seen.method, seen.path.partition("?")[0])]["operationId"]
        if reply.status >= 300 or isinstance(reply.body, bytes):
            continue
        parts = found.setdefault(operation_id, {})
        if seen.body is not None:
            parts.setdefault("request", published(seen.body, clients, maker))
        parts.setdefault(str(reply.status), published(shortened(operation_id, reply.body), clients, maker))
    return dict(sorted(found.items()))


def published(body: Any, clients: Clients, maker: Clients) -> Any:  # noqa: ANN401 - any JSON
    """The body with names that mean something to a reader."""
    text = json.dumps(body).replace(clients.id, "acct_7f3a").replace(maker.id, "acct_maker")
    text = text.replace("http://127.0.0.1:9999/", "https://hooks.example.com/")
    return json.loads(re.sub(r"http://127\.0\.0\.1:\d+/_local/stripe/", "https://checkout.stripe.com/", text))


def shortened(operation_id: str, answer: Any) -> Any:  # noqa: ANN401 - any answer
    """The answer; of the document itself only what says what it is."""
    if operation_id != "getOpenapi":
        return answer
    return {"openapi": answer["openapi"], "info": {"title": answer["info"]["title"]}, "paths": {}}


def test_the_examples_are_what_the_stack_answers(
    clients: Clients, door: FaultServer, new_account: Callable[[], Person]
) -> None:
    with clients_of(new_account(), door.base_url, HASTY) as maker:
        walk(clients, maker)
        live = recorded(door, clients, maker)
    if os.environ.get("RECORD_EXAMPLES"):
        EXAMPLES.write_text(json.dumps(live, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    kept = load_examples()
    assert {name: set(parts) for name, parts in kept.items()} == {name: set(parts) for name, parts in live.items()}, (
        AGAIN
    )
    for operation_id, parts in live.items():
        assert list(differences(kept[operation_id], parts, operation_id)) == [], AGAIN


def differences(kept: Any, live: Any, where: str) -> Iterator[str]:  # noqa: ANN401 - any JSON
    """Where the shapes differ; null stands for anything, and an empty list for any list."""
    if kept is None or live is None:
        return
    if isinstance(kept, dict) and isinstance(live, dict):
        if set(kept) != set(live):
            yield f"{where}: {set(kept) ^ set(live)}"
        for name in set(kept) & set(live):
            yield from differences(kept[name], live[name], f"{where}.{name}")
    elif isinstance(kept, list) and isinstance(live, list):
        if kept and live:
            yield from differences(kept[0], live[0], f"{where}[]")
    elif kind(kept) is not kind(live):
        yield f"{where}: {kept!r} and {live!r}"


def kind(value: object) -> type:
    """Its type; all numbers are of one."""
    return float if isinstance(value, int) and not isinstance(value, bool) else type(value)


@pytest.mark.parametrize("route", sorted(OPERATIONS), ids=" ".join)
def test_every_operation_shows_its_request_and_its_answer(route: tuple[str, str]) -> None:
    operation = build()["paths"][route[1]][route[0].lower()]  # type: ignore[index]
    if "requestBody" in operation:
        assert "example" in operation["requestBody"]["content"]["application/json"], AGAIN
    for status, answer in operation["responses"].items():
        if status[0] == "2" and "application/json" in answer["content"]:
            assert "example" in answer["content"]["application/json"], AGAIN


def test_an_example_that_is_no_longer_true_is_noticed() -> None:
    kept = {"used": 1, "items": [{"id": "a"}], "note": None}
    assert list(differences(kept, {"used": 2.5, "items": [], "note": "n"}, "here")) == []
    assert list(differences(kept, {"used": "2", "items": [{"name": "a"}], "note": 1}, "here"))
    assert list(differences(kept, {"used": 2, "items": []}, "here"))
