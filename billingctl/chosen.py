"""What stands before the verb on the command line. It imports nothing that takes long: `--help` waits for it."""

from __future__ import annotations

from dataclasses import dataclass, field

from billingctl.console import Console


@dataclass
class Chosen:
    """Which stack is meant, and where to print."""

    stack: str | None = None
    profile: str | None = None
    region: str | None = None
    port: int = 3000
    verbose: bool = False
    console: Console = field(default_factory=Console)
