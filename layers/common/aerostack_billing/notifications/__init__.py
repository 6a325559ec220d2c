"""Whom to tell of what."""
