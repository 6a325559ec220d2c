"""`make stripe-key`: write docs/stripe-key.md, the permissions of a restricted key, from the calls that the code makes.

The calls are read from the code, not watched: a call that no test makes is in the table too.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAYMENTS = ROOT / "layers" / "common" / "aerostack_billing" / "payments"
SETUP = PAYMENTS / "setup"
DOCUMENT = ROOT / "docs" / "stripe-key.md"

READS = frozenset({"list", "retrieve", "search"})
WRITES = frozenset({"cancel", "confirm", "create", "create_preview", "delete", "release", "update", "void_invoice"})

PERMISSIONS = {
    "account_links": "Connect: Account Links",
    "accounts": "Connect: Accounts",
    "billing_portal.configurations": "Billing: Customer portal",
    "billing_portal.sessions": "Billing: Customer portal",
    "charges": "Core: Charges and Refunds",
    "checkout.sessions": "Checkout: Checkout Sessions",
    "customers": "Core: Customers",
    "customers.balance_transactions": "Core: Customers",
    "disputes": "Core: Disputes",
    "events": "Core: Events",
    "invoice_payments": "Billing: Invoices",
    "invoices": "Billing: Invoices",
    "payment_intents": "Core: PaymentIntents",
    "payment_methods": "Core: PaymentMethods",
    "prices": "Billing: Prices",
    "products": "Core: Products",
    "promotion_codes": "Billing: Promotion Codes",
    "refunds": "Core: Charges and Refunds",
    "setup_intents": "Core: SetupIntents",
    "subscription_schedules": "Billing: Subscriptions",
    "subscriptions": "Billing: Subscriptions",
    "transfers": "Connect: Transfers",
    "webhook_endpoints": "Webhook: Webhook Endpoints",
}
"""What the page of a restricted key calls each resource."""

EXPANDED = {
    "latest_charge": "charges",
    "latest_invoice": "invoices",
    "default_payment_method": "payment_methods",
    "price": "prices",
    "payments": "invoices",
    "customer": "customers",
    "charge": "charges",
    "invoice": "invoices",
    "payment_intent": "payment_intents",
    "payment_method": "payment_methods",
    "product": "products",
    "products": "products",
    "subscription": "subscriptions",
    "subscriptions": "subscriptions",
}
"""What an object that is asked for in another needs the right to read."""


PARTS = frozenset({"data", "features", "invoice_settings", "items", "phases", "subscription_update"})
"""Parts of a path that lead through the object itself."""


class Unknown(Exception):
    """The code does something at Stripe that this script does not know."""


@dataclass(frozen=True, order=True)
class Call:
    """One call: the resource, and what is done with it."""

    resource: str
    act: str

    @property
    def writes(self) -> bool:
        return self.act in WRITES


def calls(folder: Path, *, below: bool) -> list[Call]:
    """Every call at Stripe in a folder's modules, and in those below it. Unknown for what the tables here lack."""
    files = folder.rglob("*.py") if below else folder.glob("*.py")
    found = {call for file in files for call in _calls(ast.parse(file.read_text(encoding="utf-8")))}
    for call in found:
        if call.resource not in PERMISSIONS or call.act not in READS | WRITES:
            raise Unknown(f"{call.resource}.{call.act}: add it to the tables of scripts/stripe_permissions.py")
    return sorted(found)


def _calls(tree: ast.Module) -> Iterator[Call]:
    constants = {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            names = _chain(node.func)
            if "v1" in names:
                *resource, act = names[names.index("v1") + 1 :]
                yield Call(".".join(resource), act)
                yield from (Call(name, "retrieve") for name in _expanded(node, constants))


def _chain(node: ast.expr) -> list[str]:
    """`client().v1.prices.list` as its names."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.insert(0, node.attr)
        node = node.value
    return names


def _expanded(call: ast.Call, constants: dict[str, object]) -> Iterator[str]:
    for node in ast.walk(call):
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == "expand" and isinstance(value, ast.List):
                    yield from (name for item in value.elts for name in _resources(_text(item, constants)))


def _text(node: ast.expr, constants: dict[str, object]) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.Name(id=name) if isinstance(constants.get(name), str):
            return str(constants[name])
        case ast.FormattedValue(value=value):
            return _text(value, constants)
        case ast.JoinedStr(values=values):
            return "".join(_text(value, constants) for value in values)
    raise Unknown(f"line {node.lineno}: what is expanded must be written out, so that it can be read here")


def _resources(path: str) -> Iterator[str]:
    for part in path.split("."):
        if part not in PARTS:
            if part not in EXPANDED:
                raise Unknown(f"expand {path}: add {part} to the tables of scripts/stripe_permissions.py")
            yield EXPANDED[part]


def table(found: list[Call]) -> str:
    """Permissions, what is needed of each, and what for."""
    rows: dict[str, list[Call]] = {}
    for call in found:
        rows.setdefault(PERMISSIONS[call.resource], []).append(call)
    lines = ["| permission | level | for |", "|---|---|---|"]
    for name, needed in sorted(rows.items()):
        level = "Write" if any(call.writes for call in needed) else "Read"
        lines.append(f"| {name} | {level} | {', '.join(f'`{c.resource}.{c.act}`' for c in needed)} |")
    return "\n".join(lines)


def document() -> str:
    """The whole page."""
    return f"""# The restricted key

Written by `make stripe-key` from the calls that the code makes; a test compares. Two keys are better than one: the
functions' key, which stands in the secret as `api_key`, and a second one for `billingctl stripe bootstrap`, which an
operator makes, uses and revokes. *Write* includes *Read*; everything that is not named stays at *None*.

At Stripe: Developers, API keys, *Create restricted key*. Where the page names a permission otherwise, go by the calls:
a key that lacks one is refused with the name of the permission, as 502 `PAYMENT_PROVIDER_REFUSED`, and nothing is lost
by it. Try the key in a sandbox first: `billingctl stripe check`, then `make smoke BASE=…`.

## At run time

{table(calls(PAYMENTS, below=False))}

Where creators are paid, the page has a second column, for what is asked of connected accounts on their behalf
(`Stripe-Account`): *Core: Events* at *Read* there too. Stripe lists what happened in a connected account to no other
request.

## For `stripe bootstrap` and `stripe check`

{table(calls(SETUP, below=True))}
"""


def main() -> int:
    """Write the page."""
    try:
        DOCUMENT.write_text(document(), encoding="utf-8")
    except Unknown as unknown:
        print(unknown, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
