"""What AWS says of the stack itself: alarms, dead letters, schedules, the template."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from billingctl.doctor.findings import Finding, NotLookedAt
from billingctl.targets import Target

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient

DEAD_LETTERS: Final = "DeadLetterQueue"
_PAGES: Final = "docs/operations.md"


@dataclass
class Stack:
    """The stack's own resources: by CloudFormation on AWS; the local stack has queues alone."""

    target: Target

    @cached_property
    def resources(self) -> Mapping[str, Mapping[str, str]]:
        """The physical ids by logical id, by type. NotLookedAt on the local stack."""
        name = self._name("the local stack has no such resources")
        found: dict[str, dict[str, str]] = {}
        pages = self.target.session.client("cloudformation").get_paginator("list_stack_resources")
        for page in pages.paginate(StackName=name):
            for each in page["StackResourceSummaries"]:
                by_logical_id = found.setdefault(each["ResourceType"], {})
                by_logical_id[each["LogicalResourceId"]] = each.get("PhysicalResourceId", "")
        return found

    def alarms(self) -> Iterator[Finding]:
        """Alarms that have gone off."""
        name = self._name("the local stack has no alarms")
        pages = self.target.session.client("cloudwatch").get_paginator("describe_alarms")
        own = {
            physical: logical
            for kind in ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
            for logical, physical in self.resources.get(kind, {}).items()
        }
        for page in pages.paginate(
            AlarmNamePrefix=name, StateValue="ALARM", AlarmTypes=["MetricAlarm", "CompositeAlarm"]
        ):
            for alarm in [*page.get("MetricAlarms", []), *page.get("CompositeAlarms", [])]:
                logical = own.get(alarm["AlarmName"])
                if logical is not None:
                    since = alarm["StateUpdatedTimestamp"].strftime("%Y-%m-%dT%H:%M:%SZ")
                    fix = f"{_PAGES}, {logical}: what it means, where to look, what to do."
                    yield Finding("alarms", f"{logical} has been in ALARM since {since}.", fix)

    def dead_letters(self) -> Iterator[Finding]:
        """Queues of dead letters that hold some."""
        client: SQSClient = self.target.session.client("sqs")
        for logical, url in sorted(self._dead_letter_queues(client).items()):
            said = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
            messages = int(said["ApproximateNumberOfMessages"]) + int(said["ApproximateNumberOfMessagesNotVisible"])
            if messages:
                fix = (
                    f"{_PAGES}, {logical}Alarm: mend the cause first, then "
                    f"`aws sqs start-message-move-task --source-arn {said['QueueArn']}`."
                )
                yield Finding("dead letters", f"{logical} holds {messages} messages.", fix)

    def _dead_letter_queues(self, client: SQSClient) -> dict[str, str]:
        if self.target.stack is not None:
            queues = self.resources.get("AWS::SQS::Queue", {})
            return {logical: url for logical, url in queues.items() if logical.endswith(DEAD_LETTERS)}
        # The local stack names its queues by their logical ids.
        urls = client.list_queues().get("QueueUrls", [])
        names = {url.rpartition("/")[2].partition(".")[0].rpartition("-")[2]: url for url in urls}
        return {name: url for name, url in names.items() if name.endswith(DEAD_LETTERS)}

    def schedules(self) -> Iterator[Finding]:
        """Schedules that are off."""
        self._name("the local stack's schedules follow its clock")
        client = self.target.session.client("scheduler")
        for logical, physical in sorted(self.resources.get("AWS::Scheduler::Schedule", {}).items()):
            group, _, name = physical.rpartition("/") if "/" in physical else ("default", "", physical)
            if client.get_schedule(Name=name, GroupName=group or "default")["State"] != "ENABLED":
                fix = (
                    "Deploy with Schedules=ENABLED; if somebody switched this one off, `aws scheduler update-schedule`."
                )
                yield Finding("schedules", f"{logical} is off.", fix)

    def template(self) -> Iterator[Finding]:
        """A deployment that failed, and what was changed beside the template where somebody had that looked for."""
        name = self._name("the local stack is run from the template itself")
        (said,) = self.target.session.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
        if said["StackStatus"].endswith(("FAILED", "ROLLBACK_COMPLETE")):
            fix = f"`aws cloudformation describe-stack-events --stack-name {name}` says why; deploy again."
            yield Finding("template", f"The last deployment ended as {said['StackStatus']}.", fix)
        drift = said.get("DriftInformation", {}).get("StackDriftStatus", "NOT_CHECKED")
        if drift == "DRIFTED":
            fix = (
                f"`aws cloudformation describe-stack-resource-drifts --stack-name {name}` says what; put it into the "
                "template, or deploy again."
            )
            yield Finding("template", "Resources were changed beside the template.", fix)
        elif drift != "IN_SYNC" and not said["StackStatus"].endswith(("FAILED", "ROLLBACK_COMPLETE")):
            raise NotLookedAt(f"nobody had it compared: `aws cloudformation detect-stack-drift --stack-name {name}`")

    def _name(self, otherwise: str) -> str:
        if self.target.stack is None:
            raise NotLookedAt(otherwise)
        return self.target.stack
