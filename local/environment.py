"""The environment of the functions locally: what the template says, and where this stack is."""

from __future__ import annotations

from collections.abc import Mapping

from local.template import Function
from local.values import REGION, STACK_NAME

# Whatever the shell knows of real AWS accounts must not reach a function.
FOREIGN_VARIABLES = frozenset({"AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_ROLE_ARN"})


def local_variables(*, base_url: str, dynamodb_url: str | None) -> dict[str, str]:
    """Variables that exist locally only. `dynamodb_url` None leaves DynamoDB to the stack's own door."""
    aws = f"{base_url}/_local/aws"
    return {
        "STRIPE_API_BASE": f"{base_url}/_local/stripe",
        "ALLOW_LOOPBACK_REDIRECTS": "true",
        "ALLOW_LOOPBACK_WEBHOOKS": "true",
        "DASHBOARD_URL": f"{base_url}/",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        # Every service, so that a call to one that is not served here is refused here and never leaves the machine.
        "AWS_ENDPOINT_URL": aws,
        "AWS_ENDPOINT_URL_DYNAMODB": dynamodb_url or aws,
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": aws,
    }


def outside_environment(function: Function, variables: Mapping[str, str]) -> dict[str, str]:
    """All that a function is given when it runs alone in a process of its own, as Lambda sets it."""
    return {
        **function.environment,
        **variables,
        "AWS_LAMBDA_FUNCTION_NAME": f"{STACK_NAME}-{function.logical_id}",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "LAMBDA_TASK_ROOT": str(function.code_dir),
        "_HANDLER": function.handler,
    }
