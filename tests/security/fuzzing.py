"""Schemathesis over the OpenAPI document, against a running stack.

The document is made stricter first, so that an answer with a field that is not described fails, and it is told of
values that lead further than random ones: an account with money, an address that a person may be sent to.
"""

from __future__ import annotations

import copy
import json
import subprocess
import sys
import tempfile
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from local.openapi.document import PUBLISHED
from local.stack import Stack
from tests.flows.client import BACK, Account, Api, Json

FUZZED = "acct_fuzzed"
CREATOR = "acct_creator"
SCOPES = "billing:meter billing:charge billing:operate"
CHARGES = "/api/balance/charges"
HOLDS = "/api/balance/holds"
HOOK = "http://127.0.0.1:59999/hook"

REFUSED_BEYOND_THE_SCHEMA = {
    "checkout": "free and enterprise are not sold; the key in the body and the one in the header differ",
    "takeLease": "a whole number written 1000.0",
    "settleLease": "more used than the lease granted; a whole number written 1.0",
    "consume": "a quantity of 0 or below; a whole number written 1.0; the two keys",
    "deposit": "a whole number written 500.0; the two keys",
    "setAutoReload": "on without figures; a cap below the amount; a whole number written 500.0",
    "setSpendCap": "a whole number written 500.0",
    "charge": "a creator if and only if it is a tool call; a price above the kind's highest; a model not in the book",
    "captureHold": "likewise; other labels than the hold's; items beside a price",
    "extendHold": "a whole number written 900.0",
    "takeHold": "likewise; a whole number written 900.0",
    "putBudget": "a limit of 0; alerts that do not rise",
    "listBudgets": "what is no label; a cursor that no answer gave",
    "getTransactions": "a cursor that no answer gave",
    "getStatement": "likewise; a first day after the last",
    "getSpend": "likewise; more days than a year has; a label that is not told apart",
    "getInvoices": "a cursor that no answer gave",
    "listDeliveries": "likewise",
    "getTimeline": "likewise; a text that is no date, or a date too long ago",
    "preview": "free and enterprise are not sold",
    "putNotifications": "an address of a webhook that leads nowhere",
    "putTool": "a price above 10,000 cents",
    "getUsage": "a month to come",
}
"""Operations that refuse (422) some of what their schema allows, and what."""

TAKEN: dict[str, Json] = {
    "charge": {
        "account_id": FUZZED,
        "kind": "agent_execution",
        "amount_cents": 1,
        "billing_mode": "wallet",
        "idempotency_key": "taken",
    },
    "takeHold": {"account_id": FUZZED, "kind": "agent_execution", "amount_cents": 1, "idempotency_key": "taken"},
    "captureHold": {"account_id": FUZZED, "amount_cents": 1, "idempotency_key": "taken"},
    "extendHold": {"account_id": FUZZED, "ttl_seconds": 900, "idempotency_key": "taken"},
    "releaseHold": {"account_id": FUZZED, "idempotency_key": "taken"},
    "putBudget": {"limit_cents": 900_000, "window": "day"},
    "putTool": {"name": "Search", "price_cents": 1},
    "putNotifications": {"emails": [], "events": ["balance.low"], "webhook_url": HOOK},
}
"""A body that is taken, of operations whose fields bear on one another: random ones hardly ever are."""

DONE_BEFORE = {
    "POST /api/balance/holds/{hold_id}/release",
    "POST /api/balance/holds/{hold_id}/extend",
    "POST /api/billing/notifications/deliveries/{delivery_id}/resend",
}
"""What `furnish` or another test has done: random captures end the holds that a release would need, and no delivery is
over while requests are made."""

IDS_FOR_EACH = 40
"""How many charges, holds, leases and budgets there are to refund, capture, release, settle and delete."""


@dataclass(frozen=True)
class Found:
    """What a run sent and found: the statuses of each operation's answers, and what Schemathesis said."""

    passed: bool
    output: str
    statuses: dict[str, Counter[int]] = field(default_factory=dict)

    @property
    def cases(self) -> int:
        """How many requests were answered."""
        return sum(counted.total() for counted in self.statuses.values())

    @property
    def never_done(self) -> set[str]:
        """Operations that refused everything."""
        return {name for name, counted in self.statuses.items() if not any(200 <= status < 300 for status in counted)}


def fuzz(stack: Stack, document: Json, *, cases: int, seed: int) -> Found:
    """Send the cases that the schemas' bounds make, and up to `cases` random ones to each operation."""
    with tempfile.TemporaryDirectory() as folder:
        document_file, settings, report = (Path(folder) / name for name in ("api.json", "settings.toml", "report"))
        document_file.write_text(json.dumps(document))
        settings.write_text(_settings(stack))
        run = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "--config-file", settings, "run", document_file),
                *("--url", stack.base_url, "--phases", "examples,coverage,fuzzing", "--max-examples", str(cases)),
                *("--seed", str(seed), "--report-ndjson-path", report),
            ],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        return Found(run.returncode == 0, run.stdout + run.stderr, _statuses(report) if report.exists() else {})


def strict_document(helpful: Json) -> Json:
    """The published document without room for fields that it does not describe.

    `helpful` holds, by the name of a field or parameter, values that are taken where most of its schema's are not.
    """
    document: Json = copy.deepcopy(json.loads(PUBLISHED.read_text()))
    for model, schema in document["components"]["schemas"].items():
        schema.setdefault("additionalProperties", False)
        if {"amount_cents", "usage"} <= schema["properties"].keys() and model.endswith("Request"):
            # Said in words alone in the published document.
            prices = [name for name in ("amount_cents", "usage", "tool_id") if name in schema["properties"]]
            schema["oneOf"] = [{"required": [name]} for name in prices]
        for name in helpful.keys() & schema["properties"].keys() if model.endswith("Request") else ():
            schema["properties"][name] = _helped(name, schema["properties"][name], helpful)
    for found in _objects(document["components"]["schemas"]):
        if "patternProperties" in found:
            found.setdefault("additionalProperties", False)
    for found in _objects(document["paths"]):
        # The published examples name accounts that are not here.
        found.pop("example", None)
        if found.get("in") in {"query", "path"} and found["name"] in helpful:
            found["schema"] = _helped(found["name"], found["schema"], helpful)
    for operation in _objects(document["paths"]):
        if operation.get("operationId") in TAKEN:
            operation["requestBody"]["content"]["application/json"]["example"] = TAKEN[operation["operationId"]]
    return document


def furnish(stack: Stack) -> Json:
    """Give the account that is fuzzed a plan, money and a card, so that what is asked of it can be done.

    What is helpful to know of it.
    """
    account = Account(Api(stack), FUZZED)
    sessions = [account.pay(account.page("business"))]
    for _ in range(2):
        page = account.send("POST", "/api/balance/deposit", {"amount_cents": 50_000, **BACK}).json()["url"]
        sessions.append(account.pay(page))
    assert all(account.verify(session).status_code == 200 for session in sessions)
    values = [f"agent-{i}" for i in range(IDS_FOR_EACH)]
    for value in values:
        set_to = account.send("PUT", f"/api/balance/budgets/agent/{value}", {"limit_cents": 900_000, "window": "day"})
        assert set_to.status_code == 200, set_to.text
    tools = [f"tool-{i}" for i in range(IDS_FOR_EACH)]
    for tool in tools:
        made = account.send("PUT", f"/api/creators/tools/{tool}", {"name": "Search", "price_cents": 1})
        assert made.status_code == 200, made.text
    released = {"account_id": account.id, "idempotency_key": "released"}
    path = f"{HOLDS}/{_made(account, HOLDS)['hold_id']}/release"
    answer = account.api.send("POST", path, token=stack.token("svc", SCOPES), body=released)
    assert answer.status_code == 200, answer.text
    return {
        "account_id": [FUZZED],
        "label": ["agent"],
        "value": values,
        "tool_id": tools,
        "labels": [{"agent": value} for value in values],
        "alert_percent": [[50, 80, 100]],
        "limit_cents": [900_000],
        "per_charge_max_cents": [900_000],
        "creator_id": [CREATOR],
        "session_id": sessions,
        "lease_id": [account.lease(10, 3_600).json()["lease_id"] for _ in range(IDS_FOR_EACH)],
        "charge_id": [_made(account, CHARGES, billing_mode="wallet")["charge_id"] for _ in range(IDS_FOR_EACH)],
        "hold_id": [_made(account, HOLDS)["hold_id"] for _ in range(4 * IDS_FOR_EACH)],
        "webhook_url": [HOOK],
        **{name: list(BACK.values()) for name in ("success_url", "cancel_url", "return_url", "refresh_url")},
    }


def _made(account: Account, path: str, **more: str) -> Json:
    body = {"account_id": account.id, "kind": "agent_execution", "amount_cents": 1, "idempotency_key": uuid.uuid4().hex}
    made = account.api.send("POST", path, token=account.api.stack.token("svc", SCOPES), body={**body, **more})
    assert made.status_code == 201, made.text
    return made.json()


def _helped(name: str, schema: Json, helpful: Json) -> Json:
    # Of addresses and ids of what must exist, none but these.
    known = {"enum": helpful[name]}
    return {"anyOf": [known, schema]} if name in _ANY else known


_ANY = {
    *("account_id", "creator_id", "label", "labels"),
    *("alert_percent", "limit_cents", "per_charge_max_cents"),
}
"""Of what more is taken than what is helpful."""


def _objects(value: object) -> Iterator[Json]:
    if isinstance(value, dict):
        yield value
        for inner in list(value.values()):
            yield from _objects(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _objects(inner)


def _settings(stack: Stack) -> str:
    return f"""
continue-on-failure = true

[auth.openapi.user]
bearer = "{stack.token(FUZZED)}"

[auth.openapi.service]
bearer = "{stack.token("svc_fuzz", SCOPES)}"

[generation]
database = "none"

[checks]
# An HTTP API answers 404 to a method that a path does not have, and names no others.
unsupported_method = {{ enabled = false }}
allow_header_conformance = {{ enabled = false }}
positive_data_acceptance = {{ expected-statuses = ["2xx", "402", "403", "404", "409"] }}
negative_data_rejection = {{ expected-statuses = ["400", "401", "404", "413", "422"] }}

[[operations]]
include-operation-id = {json.dumps(list(REFUSED_BEYOND_THE_SCHEMA))}
checks = {{ positive_data_acceptance = {{ expected-statuses = ["2xx", "402", "403", "404", "409", "422"] }} }}

[[operations]]
# Any text is the value of a label, and nearly any a tool's id; a price or an address that is null is none.
include-operation-id = [
  "getBudget", "putBudget", "deleteBudget", "getTool", "putTool", "deleteTool", "charge", "takeHold", "captureHold",
  "openPortal", "putNotifications",
]
checks.negative_data_rejection.expected-statuses = ["200", "201", "400", "401", "402", "404", "409", "413", "422"]

[[operations]]
# Twenty a day.
include-operation-id = ["testNotifications"]
checks = {{ positive_data_acceptance = {{ expected-statuses = ["2xx", "404", "409", "429"] }} }}

[[operations]]
# An event, or a charge, that is wrong is answered in its place among the results.
include-operation-id = ["consumeBatch", "chargeBatch"]
checks = {{ negative_data_rejection = {{ expected-statuses = ["200", "400", "401", "404", "413", "422"] }} }}
"""


def _statuses(report: Path) -> dict[str, Counter[int]]:
    counted: dict[str, Counter[int]] = {}
    for line in report.read_text().splitlines():
        recorder = json.loads(line).get("ScenarioFinished", {}).get("recorder") or {}
        for sent in recorder.get("interactions", {}).values():
            if sent["response"] is not None:
                counted.setdefault(recorder["label"], Counter())[sent["response"]["status_code"]] += 1
    return counted
