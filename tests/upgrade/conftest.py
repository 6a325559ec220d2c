"""The fixtures of the rooms, on tables of an older release."""

from __future__ import annotations

from tests.rooms.conftest import account, client, endpoint, time_stands

__all__ = ["account", "client", "endpoint", "time_stands"]
