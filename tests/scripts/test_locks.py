"""The locks fit one another: what `make run` installs first is what `make setup` adds to."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def pins(lock: str) -> dict[str, str]:
    """Each package of a lock with its version and its hashes, without the systems that it is for."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    entries = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)
    found = {}
    for entry in entries:
        if match := re.match(r"([a-z0-9._-]+)==", entry):
            lines = (line for line in entry.splitlines() if not line.lstrip().startswith("#"))
            found[match[1]] = re.sub(r"(?: ;.*)? \\$", "", "\n".join(lines), count=1, flags=re.MULTILINE)
    return found


def test_adding_the_tools_changes_no_package_that_running_needs() -> None:
    run, everything = pins("requirements-run.txt"), pins("requirements-dev.txt")
    assert len(run) > 50
    assert {name: everything.get(name) for name in run} == run
    assert len(everything) > len(run)


def test_every_lock_is_hashed_and_names_no_index() -> None:
    for lock in (*(path.name for path in ROOT.glob("requirements-*.txt")), "layers/common/requirements.txt"):
        assert pins(lock), lock
        assert all("--hash=sha256:" in entry for entry in pins(lock).values()), lock
        assert "index-url" not in (ROOT / lock).read_text(encoding="utf-8"), lock
