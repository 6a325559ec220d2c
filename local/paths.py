"""Where things lie in the project's folder."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = ROOT / "template.yaml"
EVENTS = ROOT / "events"
DASHBOARD = ROOT / "dashboard"
CONSOLE = ROOT / "local" / "console"
REFERENCE = ROOT / "local" / "reference"

STATE = ROOT / ".local"
"""Ignored by git: the signing key, DynamoDB Local, and the data it keeps."""

KEY_FILE = "jwt-key.pem"
