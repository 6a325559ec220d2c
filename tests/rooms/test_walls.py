"""The walls between the rooms: upper rooms import lower ones, never the other way, and each capability has one door."""

from __future__ import annotations

import ast
from pathlib import Path

import grimp
import pytest

from tests.rooms.conftest import ROOT

PACKAGE = "aerostack_billing"
FLOORS: tuple[frozenset[str], ...] = tuple(
    frozenset(floor.split())
    for floor in (
        "entry",
        "assembly",
        "audit timeline",
        "reconcile",
        "webhooks",
        "notifications",
        "reload creators",
        "wallet usage",
        "accounts",
        "ledger payments operators",
        "idempotency outbox",
        "plans prices",
        "platform",
        "values",
    )
)
"""From the top down. A room imports from floors below its own; rooms of one floor do not import one another."""

STRIPE = frozenset({"payments", "assembly"})
BOTO = frozenset({"platform", "assembly", "payments", "outbox", "notifications"})
"""Where AWS's SDK may be named: DynamoDB and queues in platform; secret, bus and notices have their own."""

STORES = {
    "accounts/store",
    "creators/claim_store",
    "creators/store",
    "creators/tool_store",
    "idempotency/request_limit",
    "idempotency/store",
    "ledger/ledger",
    "notifications/outlook_store",
    "notifications/store",
    "operators/callers",
    "operators/log",
    "reconcile/store",
    "usage/bursts",
    "usage/ceilings",
    "usage/large",
    "usage/lease_store",
    "usage/periods",
    "usage/places",
    "usage/resets",
    "usage/store",
    "usage/thresholds",
    "wallet/hour_store",
    "wallet/spending_store",
    "wallet/store",
    "webhooks/store",
}
"""The modules that make conditional writes. A new one is a decision: it goes here."""


def imports(package: str) -> dict[tuple[str, str], set[str]]:
    """Which room imports which, and the modules that do, those for types and those inside functions included."""
    graph = grimp.build_graph(package, cache_dir=None)
    found: dict[tuple[str, str], set[str]] = {}
    for module in graph.modules:
        for imported in graph.find_modules_directly_imported_by(module):
            pair = _room(module), _room(imported)
            if all(pair) and pair[0] != pair[1]:
                found.setdefault(pair, set()).add(f"{module} -> {imported}")
    return found


def violations(found: dict[tuple[str, str], set[str]]) -> list[str]:
    """The imports that do not lead down."""
    floor_of = {room: number for number, floor in enumerate(FLOORS) for room in floor}
    wrong: list[str] = []
    for (importer, imported), modules in found.items():
        if floor_of.get(importer, -1) >= floor_of.get(imported, len(FLOORS)) or importer not in floor_of:
            wrong += sorted(modules)
    return wrong


def _room(module: str) -> str:
    return [*module.split("."), ""][1]


def test_every_import_between_rooms_leads_down() -> None:
    assert violations(imports(PACKAGE)) == []


def test_every_room_has_a_floor() -> None:
    rooms = {path.parent.name for path in (ROOT / "layers/common" / PACKAGE).glob("*/__init__.py")}
    assert rooms - set().union(*FLOORS) == set()


def test_no_module_lies_outside_the_rooms() -> None:
    assert [path.name for path in (ROOT / "layers/common" / PACKAGE).glob("*.py")] == ["__init__.py"]


@pytest.mark.parametrize(
    ("importer", "imported"),
    [("values.money", "wallet.store"), ("ledger.ledger", "creators.store"), ("odd.room", "plans")],
)
def test_an_import_that_leads_up_or_has_no_room_is_found(importer: str, imported: str) -> None:
    pair = importer.split(".", maxsplit=1)[0], imported.split(".", maxsplit=1)[0]
    assert violations({pair: {f"{importer} -> {imported}"}}) == [f"{importer} -> {imported}"]


def _named(path: Path) -> set[str]:
    """The outside packages that a module imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


def _modules() -> list[Path]:
    return sorted((ROOT / "layers/common" / PACKAGE).glob("*/**/*.py"))


def _room_of(path: Path) -> str:
    return path.relative_to(ROOT / "layers/common" / PACKAGE).parts[0]


def test_stripe_is_imported_behind_payments_alone() -> None:
    assert {_room_of(path) for path in _modules() if "stripe" in _named(path)} <= STRIPE


def test_aws_is_called_from_the_rooms_that_own_a_client_alone() -> None:
    sdk = {"boto3", "botocore"}
    assert {_room_of(path) for path in _modules() if _named(path) & sdk} <= BOTO


def conditional(source: str) -> bool:
    """Whether the source makes a conditional write: it hands a condition to a store's call."""
    calls = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    return any(keyword.arg == "condition" for call in calls for keyword in call.keywords)


def test_conditional_writes_are_made_in_stores_alone() -> None:
    handlers = sorted((ROOT / "functions").glob("*/app.py"))
    package = ROOT / "layers/common" / PACKAGE
    made = {path for path in [*handlers, *_modules()] if conditional(path.read_text())}
    assert {str(path.relative_to(package).with_suffix("")) for path in made} == STORES


def test_a_conditional_write_outside_a_store_is_found() -> None:
    assert conditional("def handler(e, c): return Write('T', {}, put={}, condition='attribute_exists(a)')")
    assert not conditional("condition = 1")
