"""template.yaml as the things the local stack serves."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from local.template.api import IMPLICIT_API, Api, check_distinct, read_api, read_route
from local.template.errors import TemplateError
from local.template.functions import has_url, read_function, read_schedule
from local.template.loader import Value, load_yaml
from local.template.model import Function, Queue, QueueSource, Route, Schedule, ServerlessApp, Table
from local.template.names import PSEUDO_PARAMETERS, ResourceNames
from local.template.queues import read_queue, read_queue_source
from local.template.resolver import Resolver
from local.template.rules import read_rule
from local.template.section import Section
from local.template.tables import read_table
from local.values import DYNAMIC_REFERENCES, PARAMETERS

_SERVED = frozenset(
    {
        "AWS::DynamoDB::Table",
        "AWS::Events::EventBus",
        "AWS::Events::Rule",
        "AWS::SQS::Queue",
        "AWS::Serverless::Function",
        "AWS::Serverless::HttpApi",
        "AWS::Serverless::LayerVersion",
    }
)
_CARRIES_WORK = ("AWS::ApiGateway", "AWS::DynamoDB::", "AWS::Events::", "AWS::Scheduler::", "AWS::Serverless::")
_KEPT_BESIDE = frozenset({"AWS::Events::Archive"})
"""What only keeps what passes by: nothing is missed without it."""
_CARRIES_WORK_TOO = frozenset(
    {
        "AWS::Lambda::EventSourceMapping",
        "AWS::Lambda::Function",
        "AWS::Lambda::LayerVersion",
        "AWS::Lambda::Url",
        "AWS::Pipes::Pipe",
        "AWS::StepFunctions::StateMachine",
    }
)


def load_app(path: Path, parameters: Mapping[str, str] = PARAMETERS) -> ServerlessApp:
    """Read a template. TemplateError names the place of what is wrong, missing, or not served locally."""
    return _Reader(load_yaml(path), path.resolve().parent, parameters).app()


class _Reader:
    def __init__(self, document: dict[str, Value], root: Path, parameters: Mapping[str, str]) -> None:
        self._root = root
        self._resources = _mapping(document, "Resources")
        self._names = ResourceNames(self._resources)
        self._resolver = Resolver(
            parameters={**_parameter_values(_mapping(document, "Parameters"), parameters), **PSEUDO_PARAMETERS},
            conditions=_mapping(document, "Conditions"),
            mappings=_mapping(document, "Mappings"),
            references=self._names.reference,
            attributes=self._names.attribute,
            dynamic=DYNAMIC_REFERENCES,
        )
        self._names.resolve_with(self._resolver)
        self._globals = Section(_mapping(document, "Globals"), "Globals", self._resolver)
        self._present = {
            logical_id: (kind, properties)
            for logical_id, kind, properties in map(self._resource, self._resources)
            if properties is not None
        }

    def app(self) -> ServerlessApp:
        apis = self._apis()
        layers = {
            self._names.reference(logical_id): (self._root / properties.text("ContentUri")).resolve()
            for logical_id, properties in self._of_kind("AWS::Serverless::LayerVersion")
        }
        functions: dict[str, Function] = {}
        urls: set[str] = set()
        routes: list[Route] = []
        schedules: list[Schedule] = []
        sources: list[QueueSource] = []
        queues = self._queues()
        for logical_id, own in self._of_kind("AWS::Serverless::Function"):
            properties = own.over(self._globals.section("Function"))
            functions[logical_id] = read_function(logical_id, properties, self._root, layers)
            if has_url(properties):
                urls.add(logical_id)
            events = properties.section("Events")
            for name in events:
                found = self._event(logical_id, name, events.section(name), apis, queues)
                if isinstance(found, Route):
                    routes.append(found)
                elif isinstance(found, QueueSource):
                    sources.append(found)
                elif found is not None:
                    schedules.append(found)
        check_distinct(tuple(routes))
        buses = frozenset(self._names.reference(logical_id) for logical_id, _ in self._of_kind("AWS::Events::EventBus"))
        return ServerlessApp(
            functions,
            frozenset(urls),
            tuple(routes),
            tuple(schedules),
            self._tables(),
            queues,
            tuple(sources),
            buses,
            tuple(read_rule(properties, queues) for _, properties in self._of_kind("AWS::Events::Rule")),
        )

    def _apis(self) -> dict[str, Api]:
        shared = self._globals.section("HttpApi")
        apis = {
            self._names.reference(logical_id): read_api(logical_id, properties.over(shared))
            for logical_id, properties in self._of_kind("AWS::Serverless::HttpApi")
        }
        return {IMPLICIT_API: read_api(IMPLICIT_API, shared), **apis}

    def _tables(self) -> dict[str, Table]:
        return {
            logical_id: read_table(logical_id, self._names.reference(logical_id), properties)
            for logical_id, properties in self._of_kind("AWS::DynamoDB::Table")
        }

    def _queues(self) -> dict[str, Queue]:
        names = self._names
        return {
            logical_id: read_queue(logical_id, names.name(logical_id), names.attribute(logical_id, "Arn"), properties)
            for logical_id, properties in self._of_kind("AWS::SQS::Queue")
        }

    def _event(
        self, function: str, name: str, event: Section, apis: dict[str, Api], queues: dict[str, Queue]
    ) -> Route | Schedule | QueueSource | None:
        kind = event.text("Type")
        properties = event.section("Properties")
        if kind == "HttpApi":
            return read_route(function, properties, apis)
        if kind in {"ScheduleV2", "Schedule"}:
            return read_schedule(function, name, kind, properties)
        if kind == "SQS":
            return read_queue_source(function, properties, queues)
        raise event.refuse(f"events of type {kind} are not served by the local stack")

    def _of_kind(self, kind: str) -> list[tuple[str, Section]]:
        return [(logical_id, properties) for logical_id, (k, properties) in self._present.items() if k == kind]

    def _resource(self, logical_id: str) -> tuple[str, str, Section | None]:
        """Id, type and properties; no properties where the resource's condition does not hold."""
        values = self._resources[logical_id]
        if not isinstance(values, dict) or not isinstance(values.get("Type"), str):
            raise TemplateError(f"{logical_id}: a resource is a mapping with a Type")
        resource = Section(values, logical_id, self._resolver)
        kind = str(values["Type"])
        if "Condition" in values and not self._resolver.condition(resource.text("Condition")):
            return logical_id, kind, None
        if kind not in _SERVED | _KEPT_BESIDE and (kind.startswith(_CARRIES_WORK) or kind in _CARRIES_WORK_TOO):
            raise resource.refuse(f"resources of type {kind} are not served by the local stack")
        return logical_id, kind, resource.section("Properties")


def _mapping(document: dict[str, Value], name: str) -> dict[str, Value]:
    value = document.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise TemplateError(f"{name}: a mapping is expected")
    return value


def _parameter_values(declared: dict[str, Value], local: Mapping[str, str]) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for name, declaration in declared.items():
        if not isinstance(declaration, dict):
            raise TemplateError(f"Parameters.{name}: a mapping is expected")
        kind = str(declaration.get("Type"))
        # An SSM parameter's default is the name of the value, not the value.
        value = local.get(name, None if kind.startswith("AWS::SSM::") else declaration.get("Default"))
        if value is None:
            raise TemplateError(f"the parameter {name} has no local value: name one in local/values.py")
        is_list = kind == "CommaDelimitedList" or "List<" in kind
        values[name] = [item.strip() for item in str(value).split(",")] if is_list else value
    return values
