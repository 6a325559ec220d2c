"""SECURITY.md: what it says is shown is shown somewhere."""

from __future__ import annotations

import re

from local.paths import ROOT

TEXT = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
NAMED = re.findall(r"`((?:tests|scripts)/[\w/]+\.py)(?:::(\w+))?`", TEXT)
ROWS = [line for line in TEXT.splitlines() if line.startswith("| ") and not line.startswith("| threat")]


def test_every_test_that_is_named_exists() -> None:
    assert NAMED
    for path, name in NAMED:
        code = (ROOT / path).read_text(encoding="utf-8")
        assert not name or f"\ndef {name}(" in code, f"{path} has no {name}"


def test_every_threat_names_what_shows_that_it_is_stopped() -> None:
    assert ROWS
    for row in ROWS:
        threat, stopped, shown = (cell.strip() for cell in row.strip("|").split("|"))
        assert threat
        assert stopped
        assert re.search(r"`(tests|scripts)/", shown), threat


def test_every_file_of_the_attacks_is_named() -> None:
    files = {f"tests/security/{path.name}" for path in (ROOT / "tests" / "security").glob("test_*.py")}
    assert files - {path for path, _ in NAMED} == {"tests/security/test_claims.py", "tests/security/test_openapi.py"}
