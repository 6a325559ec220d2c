"""Local values for what only a deployment knows."""

from __future__ import annotations

from collections.abc import Mapping

REGION = "us-east-1"
ACCOUNT_ID = "123456789012"
STACK_NAME = "aerostack-local"

WEBHOOK_SECRET = "whsec_local"
STRIPE_API_KEY = "sk_test_local"
STRIPE_SECRET: Mapping[str, str | list[str]] = {"api_key": STRIPE_API_KEY, "webhook_secrets": [WEBHOOK_SECRET]}
STRIPE_SECRET_NAME = "aerostack/local/stripe-000000"

CLOCK_OFFSET_VARIABLE = "LOCAL_CLOCK_OFFSET_SECONDS"
"""Tells a function in a process of its own how far the stack's clock is ahead of real time."""

PARAMETERS: Mapping[str, str] = {
    "Stage": "local",
    "Schedules": "ENABLED",
    "JwtIssuer": "https://auth.aerostack.local",
    "JwtAudience": "aerostack-local",
    "MailFrom": "billing@aerostack.example",
    "MailConfigurationSet": "aerostack-local",
    "StripeSecretArn": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT_ID}:secret:{STRIPE_SECRET_NAME}",
}
"""Values of the template's parameters: for those without a `Default`, and in place of some that have one."""

DYNAMIC_REFERENCES: Mapping[str, str] = {}
"""Values of `{{resolve:…}}`, by what follows the first colon: `ssm:/some/name`."""
