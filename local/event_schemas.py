"""`make schemas`: write docs/events/, a JSON schema of each domain event, from the code that produces the event."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import TypeAdapter

from aerostack_billing.accounts import domain_events as plans
from aerostack_billing.creators import domain_events as payouts
from aerostack_billing.outbox.bus import SOURCE
from aerostack_billing.outbox.models import SCHEMA_VERSION
from aerostack_billing.usage import domain_events as usage
from aerostack_billing.wallet import domain_events as wallets
from local.paths import ROOT

FOLDER = ROOT / "docs" / "events"
TYPES = {**plans.TYPES, **usage.TYPES, **wallets.TYPES, **payouts.TYPES}
"""The model of `data`, by the type of the event."""


def files() -> dict[Path, str]:
    """The text of each schema's file."""
    return {
        FOLDER / f"{name}.v{SCHEMA_VERSION}.json": json.dumps(schema(name), indent=2) + "\n" for name in sorted(TYPES)
    }


def schema(name: str) -> dict[str, object]:
    """The JSON schema of an event's detail."""
    data = TypeAdapter(TYPES[name]).json_schema(ref_template="#/$defs/{model}")
    parts = data.pop("$defs", {})
    meaning = data.pop("description")
    moment = {"type": "string", "format": "date-time"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": name,
        "description": f"The detail of an event from `{SOURCE}` whose detail-type is `{name}`. {meaning}",
        "type": "object",
        "required": ["schema_version", "id", "type", "occurred_at", "account_id", "correlation_id", "data"],
        "properties": {
            "schema_version": {"const": SCHEMA_VERSION},
            "id": {
                "type": "string",
                "pattern": "^evt_[0-9a-f]{32}$",
                "description": "The same however often the event is sent. Deduplicate by it.",
            },
            "type": {"const": name},
            "occurred_at": {**moment, "description": "When the event was stored, in UTC."},
            "account_id": {"type": "string", "description": "The account; for a payout, the creator."},
            "correlation_id": {
                "type": ["string", "null"],
                "description": "The id of the request or scheduled run, as in logs and ledger.",
            },
            "data": data,
        },
        **({"$defs": parts} if parts else {}),
    }


def main() -> None:
    """Write what changed, and remove the schemas of events that no longer exist."""
    FOLDER.mkdir(exist_ok=True)
    wanted = files()
    for path in set(FOLDER.glob("*.json")) - set(wanted):
        path.unlink()
        print(f"removed {path}")
    for path, text in wanted.items():
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            print(f"wrote {path}")


if __name__ == "__main__":
    main()
