"""A Stripe for one's own machine: stateful, checked against Stripe's OpenAPI document, moved by the stack's clock."""

from local.stripe.server import LocalStripe

__all__ = ["LocalStripe"]
