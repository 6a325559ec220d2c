"""A stack on AWS, found by its name: CloudFormation says which function it has, Lambda what that function is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from aerostack_billing.platform.config import Settings
from billingctl.errors import NoTarget
from billingctl.targets import KNOWS_ALL, Target, os_user

_WEBHOOK_OUTPUT = "WebhookUrl"


@contextmanager
def answer(about: str) -> Iterator[None]:
    """Turn what AWS refuses into one sentence: NoTarget, with AWS's code and words and nothing of the request."""
    try:
        yield
    except ClientError as error:
        raise NoTarget(sentence(about, error)) from error
    except BotoCoreError as error:
        raise NoTarget(f"{about}: {error}") from error


def sentence(about: str, error: ClientError) -> str:
    """What AWS refused, in its own words."""
    said = error.response["Error"]
    return f"{about}: {said.get('Code', 'error')}: {said.get('Message', 'no reason given')}"


def session(profile: str | None, region: str | None) -> boto3.Session:
    """The AWS session; NoTarget for a profile that is not there, or where nothing names a region."""
    with answer("AWS cannot be used"):
        made = boto3.Session(profile_name=profile, region_name=region)
    if made.region_name is None:
        raise NoTarget("No AWS region is known: give --region, or set it in the profile.")
    return made


def stack_target(aws: boto3.Session, stack: str) -> Target:
    """The stack of that name. NoTarget, with AWS's reason, where it or its function cannot be read."""
    with answer(f"The stack {stack} cannot be read"):
        found = aws.client("cloudformation").describe_stack_resource(StackName=stack, LogicalResourceId=KNOWS_ALL)
        described = aws.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
        function = found["StackResourceDetail"].get("PhysicalResourceId", "")
        configured = aws.client("lambda").get_function_configuration(FunctionName=function)
    outputs = {output.get("OutputKey"): output.get("OutputValue") for output in described.get("Outputs", [])}
    return Target(
        name=f"the stack {stack} in {aws.region_name}",
        who=caller(aws),
        settings=Settings(configured.get("Environment", {}).get("Variables", {})),
        session=aws,
        webhook_url=outputs.get(_WEBHOOK_OUTPUT),
        stack=stack,
    )


def bare_target(aws: boto3.Session, secret_arn: str) -> Target:
    """An account at Stripe that no stack uses yet: its secret alone. Nothing can be recorded, for there is no table."""
    return Target(
        name="the Stripe account of the secret",
        who=caller(aws),
        settings=Settings({"STRIPE_SECRET_ARN": secret_arn}),
        session=aws,
        recorded=False,
    )


def caller(aws: boto3.Session) -> str:
    """Who AWS says is asking, and who sits at the terminal."""
    with answer("AWS does not say who is asking"):
        arn = aws.client("sts").get_caller_identity()["Arn"]
    return f"{arn} ({os_user()})"
