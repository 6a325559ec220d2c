"""What was found to differ, and what is done about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeVar

Action = Literal["create", "update", "replace", "archive", "delete"]
Made = TypeVar("Made")


@dataclass(frozen=True)
class Finding:
    """One object that is not as it must be: what is, or would be, done, and why."""

    kind: str
    name: str
    action: Action
    because: str
    object_id: str | None = None

    def view(self) -> dict[str, object]:
        """As the tool prints it."""
        return {
            "kind": self.kind,
            "name": self.name,
            "action": self.action,
            "because": self.because,
            "id": self.object_id,
        }


@dataclass
class Walk:
    """One way through the account: `write` says whether what differs is mended or only found."""

    write: bool
    findings: list[Finding] = field(default_factory=list)

    def mend(
        self, kind: str, name: str, action: Action, because: str, make: Callable[[], str], at: str | None = None
    ) -> str | None:
        """Record what differs, and mend it where that is wanted; the object's id, None for one that is still to come.

        `at` is the id of what stands there now.
        """
        made = make() if self.write else at
        self.findings.append(Finding(kind, name, action, because, made))
        return None if action in {"create", "replace"} and not self.write else made
