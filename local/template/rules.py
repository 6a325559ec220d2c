"""Rules of event buses in the template: what they match, and the queues that they feed."""

from __future__ import annotations

from local.template.loader import Value
from local.template.model import EventRule, Queue
from local.template.section import Section

DEFAULT_BUS = "default"


def read_rule(properties: Section, queues: dict[str, Queue]) -> EventRule:
    """An AWS::Events::Rule whose pattern lists values, and whose targets are queues of the template."""
    properties.refuse_any_of("ScheduleExpression RoleArn", "a rule matches events")
    pattern = properties.value("EventPattern")
    if not isinstance(pattern, dict) or not _lists_values(pattern):
        raise properties.refuse("EventPattern must be a mapping that lists the values of each field")
    arns = [target.text("Arn") for target in properties.sections("Targets")]
    by_arn = {queue.arn: queue.logical_id for queue in queues.values()}
    unknown = [arn for arn in arns if arn not in by_arn]
    if unknown:
        raise properties.refuse(f"the target {unknown[0]} is no queue of this template")
    return EventRule(properties.text("EventBusName", DEFAULT_BUS), pattern, tuple(by_arn[arn] for arn in arns))


def _lists_values(pattern: dict[str, Value]) -> bool:
    return all(
        _lists_values(value)
        if isinstance(value, dict)
        else isinstance(value, list) and all(isinstance(each, (str, int, bool)) for each in value)
        for value in pattern.values()
    )
