"""`make deploy`: write into the built template what this release is, by the stage's parameters.

SAM publishes a new version of a function when the function's properties change as they are written. A parameter's value
is not written there: without the stamp, the services' aliases would go on with the old value of whatever was changed in
samconfig.toml, a restored table's name among it.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILT = ROOT / ".aws-sam" / "build" / "template.yaml"
PLACE = "RELEASE: unstamped\n"


class Unstamped(Exception):
    """The template cannot be stamped; the message says what to do."""


def stamp(parameters: Mapping[str, str]) -> str:
    """Another text for other parameters, the same for the same."""
    return hashlib.sha256(json.dumps(dict(parameters), sort_keys=True).encode()).hexdigest()[:16]


def write_stamp(built: Path, parameters: Mapping[str, str]) -> None:
    """Stamp a template that was built. Unstamped where it has no place for the stamp."""
    text = built.read_text(encoding="utf-8") if built.exists() else ""
    if text.count(PLACE) != 1:
        raise Unstamped(f"{built} has no single line {PLACE.strip()!r}: run make build first")
    built.write_text(text.replace(PLACE, f"RELEASE: {stamp(parameters)}\n"), encoding="utf-8")


def main(stage: str) -> int:
    """Stamp what was built, for a stage of samconfig.toml."""
    config = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))
    try:
        overrides = config[stage]["deploy"]["parameters"]["parameter_overrides"]
        write_stamp(BUILT, dict(pair.split("=", 1) for pair in overrides))
    except KeyError:
        print(f"samconfig.toml has no stage {stage} with parameters", file=sys.stderr)
        return 1
    except Unstamped as unstamped:
        print(unstamped, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
