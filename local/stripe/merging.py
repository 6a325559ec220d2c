"""How parameters reach an object: metadata by key, an empty string to unset."""

from __future__ import annotations

from local.stripe.objects import Json


def merged_metadata(present: Json, given: object) -> Json:
    """Stripe's rule: keys given replace, an empty value removes, an empty string removes all."""
    if not isinstance(given, dict):
        return {}
    together = {**present, **given}
    return {key: value for key, value in together.items() if value != ""}


def assign(stored: Json, params: Json, fields: str) -> None:
    """Set the plain fields that were given; an empty string unsets."""
    for field in fields.split():
        if field in params:
            stored[field] = None if params[field] == "" else params[field]
    if "metadata" in params:
        stored["metadata"] = merged_metadata(stored["metadata"] or {}, params["metadata"])
