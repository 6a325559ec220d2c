"""What a process outside the stack needs to run one of its functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from local.template import Function
from local.template.loader import Value


@dataclass(frozen=True)
class OutsideFunction:
    """A function with the environment that reaches the running stack."""

    function: Function
    environment: Mapping[str, str]

    def to_json(self, unix: float) -> Value:
        """As the door tells it, with the stack's time."""
        return {
            "logical_id": self.function.logical_id,
            "timeout_seconds": self.function.timeout_seconds,
            "layers": [str(layer) for layer in self.function.layers],
            "environment": dict(self.environment),
            "unix": unix,
        }
