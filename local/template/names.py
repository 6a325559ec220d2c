"""The names and ARNs that the template's resources have locally."""

from __future__ import annotations

from collections.abc import Mapping

from local.template.errors import TemplateError
from local.template.loader import Value
from local.template.resolver import Resolver
from local.values import ACCOUNT_ID, REGION, STACK_NAME

PSEUDO_PARAMETERS: Mapping[str, str] = {
    "AWS::AccountId": ACCOUNT_ID,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT_ID}:stack/{STACK_NAME}/local",
    "AWS::StackName": STACK_NAME,
    "AWS::URLSuffix": "amazonaws.com",
}

_NAME_PROPERTIES = {
    "AWS::DynamoDB::Table": "TableName",
    "AWS::Events::EventBus": "Name",
    "AWS::Serverless::Function": "FunctionName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::SecretsManager::Secret": "Name",
    "AWS::Serverless::LayerVersion": "LayerName",
}
_ARNS = {
    "AWS::DynamoDB::Table": "dynamodb:{region}:{account}:table/{name}",
    "AWS::Events::EventBus": "events:{region}:{account}:event-bus/{name}",
    "AWS::Serverless::Function": "lambda:{region}:{account}:function:{name}",
    "AWS::SQS::Queue": "sqs:{region}:{account}:{name}",
    "AWS::SNS::Topic": "sns:{region}:{account}:{name}",
    "AWS::SecretsManager::Secret": "secretsmanager:{region}:{account}:secret:{name}",
    "AWS::Serverless::LayerVersion": "lambda:{region}:{account}:layer:{name}:1",
}
_REFERRED_TO_BY_ARN = {"AWS::SNS::Topic", "AWS::SecretsManager::Secret", "AWS::Serverless::LayerVersion"}


class ResourceNames:
    """Answers `Ref` and `Fn::GetAtt` for resources, as a deployment of this stack would."""

    def __init__(self, resources: Mapping[str, Value]) -> None:
        self._resources = resources
        self._resolver: Resolver | None = None

    def resolve_with(self, resolver: Resolver) -> None:
        """Use this resolver for the name properties (it needs this object itself, so it comes second)."""
        self._resolver = resolver

    def reference(self, logical_id: str) -> str:
        """What `Ref` gives."""
        kind, name = self._kind_and_name(logical_id)
        if kind == "AWS::SQS::Queue":
            return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT_ID}/{name}"
        return _arn(kind, name) if kind in _REFERRED_TO_BY_ARN else name

    def name(self, logical_id: str) -> str:
        """The name itself."""
        return self._kind_and_name(logical_id)[1]

    def attribute(self, logical_id: str, attribute: str) -> str:
        """What `Fn::GetAtt` gives; locally that is `Arn` only."""
        kind, name = self._kind_and_name(logical_id)
        if attribute in {"Arn", "TopicArn"} and kind in _ARNS:
            return _arn(kind, name)
        raise TemplateError(f"{logical_id}.{attribute} ({kind}) has no local value")

    def _kind_and_name(self, logical_id: str) -> tuple[str, str]:
        resource = self._resources.get(logical_id)
        if not isinstance(resource, dict):
            raise TemplateError(f"{logical_id} is neither a parameter nor a resource of this template")
        kind = str(resource.get("Type"))
        properties = resource.get("Properties")
        given = properties.get(_NAME_PROPERTIES.get(kind, "")) if isinstance(properties, dict) else None
        if given is None or self._resolver is None:
            in_order = isinstance(properties, dict) and properties.get("FifoQueue") is True
            return kind, f"{STACK_NAME}-{logical_id}{'.fifo' if in_order else ''}"
        return kind, self._resolver.text(given)


def _arn(kind: str, name: str) -> str:
    return "arn:aws:" + _ARNS[kind].format(region=REGION, account=ACCOUNT_ID, name=name)
