"""The most that one charge of a kind may take: read from the catalog alone, since a charge needs nothing else of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources
from typing import cast


def max_charge_cents() -> Mapping[str, int]:
    """By kind, in cents. `CatalogData` checks the same figures wherever the whole catalog is loaded."""
    text = resources.files(__package__).joinpath("catalog.json").read_bytes()
    return cast("Mapping[str, int]", json.loads(text)["wallet"]["max_charge_cents"])
