"""The shapes of Stripe's objects: blank ones to fill in, made from Stripe's own examples, and their ids."""

from __future__ import annotations

import functools
import json
import pathlib
import secrets
import string

from local.stripe.spec import Json, document, resolve

__all__ = ["Json", "blank", "difference", "list_of", "new_id", "public"]

PREFIXES = {
    "account": "acct_",
    "account_link": "link_",
    "balance_transaction": "txn_",
    "billing_portal.configuration": "bpc_",
    "billing_portal.session": "bps_",
    "charge": "ch_",
    "checkout.session": "cs_test_",
    "coupon": "",
    "customer": "cus_",
    "customer_balance_transaction": "cbtxn_",
    "destination_payment": "py_",
    "discount": "di_",
    "dispute": "du_",
    "event": "evt_",
    "invoice": "in_",
    "invoice_payment": "inpay_",
    "invoiceitem": "ii_",
    "item": "li_",
    "line_item": "il_",
    "payment_intent": "pi_",
    "payment_method": "pm_",
    "payout": "po_",
    "price": "price_",
    "product": "prod_",
    "promotion_code": "promo_",
    "radar.early_fraud_warning": "issfr_",
    "refund": "re_",
    "setup_intent": "seti_",
    "subscription": "sub_",
    "subscription_item": "si_",
    "subscription_schedule": "sub_sched_",
    "transfer": "tr_",
    "transfer_reversal": "trr_",
    "webhook_endpoint": "we_",
}
_ALPHABET = string.ascii_letters + string.digits
_FIXTURES = pathlib.Path(__file__).parent / "fixtures" / "resources.json"


def new_id(kind: str) -> str:
    """A fresh id with the prefix Stripe gives to this kind of object."""
    return PREFIXES[kind] + "".join(secrets.choice(_ALPHABET) for _ in range(24))


def blank(kind: str, **values: object) -> Json:
    """An object of the kind with an id of its own and every field of its schema, then the values given.

    Whatever may be null is null, so that nothing of an example (a discount, a trial) is left in by chance.
    """
    made: Json = json.loads(_blank_text(kind))
    if "id" in made:
        made["id"] = new_id(kind)
    if "livemode" in made:
        made["livemode"] = False
    if "metadata" in made:
        made["metadata"] = {}
    made.update(values)
    return made


@functools.cache
def _blank_text(kind: str) -> str:
    example = json.loads(_FIXTURES.read_text())[kind]
    return json.dumps(_emptied(example, document()["components"]["schemas"][kind]))


def _emptied(example: object, schema: Json) -> object:
    schema = _resolved(schema)
    if schema.get("nullable"):
        return [] if example == [] else None
    if isinstance(example, list):
        return []
    properties = schema.get("properties")
    if not isinstance(example, dict) or not properties:
        return example
    answer = [key for key in example if key in properties and key not in _ONLY_WHEN_ASKED]
    emptied = {key: _emptied(example[key], properties[key]) for key in answer}
    for key, inner in properties.items():
        if key not in emptied and inner.get("nullable") and key not in _ONLY_WHEN_ASKED:
            emptied[key] = None
    return emptied


# Returned by Stripe only where the caller expands them.
_ONLY_WHEN_ASKED = frozenset(
    {"currency_options", "line_items", "payments", "refunds", "subscriptions", "tax", "tax_ids", "tiers"}
)


def _resolved(schema: Json) -> Json:
    schema = resolve(schema)
    options = schema.get("anyOf", [])
    if len(options) == 1:
        return {**_resolved(options[0]), **({"nullable": True} if schema.get("nullable") else {})}
    return schema


def list_of(data: list[Json], url: str, *, has_more: bool = False) -> Json:
    """Stripe's list object around the data."""
    return {"object": "list", "data": data, "has_more": has_more, "url": url}


def public(stored: Json) -> Json:
    """A copy as the world sees it: keys that begin with an underscore are this program's own notes."""
    return {key: _copied(inner) for key, inner in stored.items() if not key.startswith("_")}


def _copied(value: object) -> object:
    if isinstance(value, dict):
        return public(value)
    if isinstance(value, list):
        return [_copied(inner) for inner in value]
    return value


def difference(before: Json, after: Json) -> Json:
    """What an update event tells as `previous_attributes`: the old values of the fields that changed."""
    changed: Json = {}
    for key in before.keys() | after.keys():
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        if isinstance(old, dict) and isinstance(new, dict) and "object" not in old:
            changed[key] = difference(old, new)
        else:
            changed[key] = old
    return changed
