"""Flows that hear of something from Stripe, once more with the queue of Stripe's events between the two."""

from __future__ import annotations

from dataclasses import replace

from tests.simulation import flows_creators, flows_money, flows_plans  # noqa: F401 - they note their flows
from tests.simulation.flows import FLOWS

_HEARING = (
    "deposit",
    "reload by the sweep",
    "reload declined",
    "refund of a deposit",
    "dispute opened and won",
    "dispute, and won while it is heard of",
    "checkout and webhook",
    "dearer plan by portal and webhook",
    "cancelled, and resumed while it is heard of",
    "two subscriptions paid",
    "onboarding",
    "payout reversed",
)
"""One of each kind of what webhooks bring about, those among them that one event may spoil for another."""

for _name in _HEARING:
    FLOWS[f"{_name}, by the queue"] = replace(FLOWS[_name], name=f"{_name}, by the queue", queued=True)
