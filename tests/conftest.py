"""What holds for every test."""

from __future__ import annotations

from hypothesis import settings

# A slow machine fails no property: none of them is about time. In CI, Hypothesis draws the same examples each time.
settings.register_profile("untimed", parent=settings.get_profile(settings.get_current_profile_name()), deadline=None)
settings.load_profile("untimed")
