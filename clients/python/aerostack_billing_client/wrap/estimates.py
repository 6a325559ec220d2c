"""What a call of a model may cost before it is made, and what a stream cost that was cut."""

from __future__ import annotations

import json
from collections.abc import Mapping

from aerostack_billing_client.usage import TokenUsage

_CHARACTERS = 3
"""To the token, at the least: text has about four."""
_LIMITS = ("max_completion_tokens", "max_output_tokens", "max_tokens")
_NO_INPUT = frozenset({"model", "modelId", "stream", "stream_options", "extra_headers", "timeout", *_LIMITS})


def estimated(asked: Mapping[str, object], output_tokens: int) -> TokenUsage:
    """The tokens that a request may use: its text's, and as many of output as it allows, or else `output_tokens`."""
    named = asked.get("model", asked.get("modelId"))
    given = {name: value for name, value in asked.items() if name not in _NO_INPUT}
    return TokenUsage(str(named), len(json.dumps(given, default=str)) // _CHARACTERS + 1, _most(asked) or output_tokens)


def _most(asked: Mapping[str, object]) -> int | None:
    settings = asked.get("inferenceConfig")
    bounds = [asked.get(name) for name in _LIMITS]
    bounds.append(settings.get("maxTokens") if isinstance(settings, Mapping) else None)
    return next((bound for bound in bounds if isinstance(bound, int)), None)
