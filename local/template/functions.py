"""Lambda functions in the template: their code, environment, URL and schedules."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from local.schedules import parse_expression
from local.template.model import Function, Schedule
from local.template.section import Section


def read_function(logical_id: str, properties: Section, root: Path, layers: Mapping[str, Path]) -> Function:
    """An AWS::Serverless::Function, Globals already merged in. `layers` maps a layer's ARN to its folder."""
    properties.refuse_any_of("InlineCode ImageUri", "the code must lie in CodeUri")
    runtime = properties.text("Runtime")
    if not runtime.startswith("python"):
        raise properties.refuse(f"Runtime {runtime} is not served: only Python is")
    variables = properties.section("Environment").section("Variables")
    function = Function(
        logical_id=logical_id,
        code_dir=(root / properties.text("CodeUri")).resolve(),
        handler=properties.text("Handler"),
        timeout_seconds=properties.integer("Timeout", 3),
        memory_mb=properties.integer("MemorySize", 128),
        environment={name: variables.text(name) for name in variables if name in variables},
        layers=tuple(layers[arn] for arn in properties.texts("Layers") if arn in layers),
    )
    if "." not in function.handler:
        raise properties.refuse(f"Handler {function.handler} must be module.function")
    return function


def has_url(properties: Section) -> bool:
    """Whether the function has a public URL."""
    if "FunctionUrlConfig" not in properties:
        return False
    config = properties.section("FunctionUrlConfig")
    config.refuse_any_of("Cors", "call it from a server")
    if config.text("AuthType") != "NONE":
        raise config.refuse("only AuthType NONE is served locally")
    if config.text("InvokeMode", "BUFFERED") != "BUFFERED":
        raise config.refuse("only InvokeMode BUFFERED is served locally")
    return True


def read_schedule(function: str, name: str, kind: str, event: Section) -> Schedule | None:
    """A ScheduleV2 or Schedule event; None where the template has it disabled."""
    event.refuse_any_of("StartDate EndDate RoleArn InputPath", "schedules run from the stack's start, in this stack")
    timezone = event.text("ScheduleExpressionTimezone", "UTC")
    if timezone not in {"UTC", "Etc/UTC"}:
        raise event.refuse(f"ScheduleExpressionTimezone {timezone} is not served: only UTC is")
    expression = event.text("ScheduleExpression" if kind == "ScheduleV2" else "Schedule")
    try:
        parse_expression(expression)
    except ValueError as error:
        raise event.refuse(str(error)) from error
    enabled = event.text("State", "ENABLED") == "ENABLED" and event.flag("Enabled", default=True)
    payload = event.text("Input") if "Input" in event else None
    return Schedule(f"{function}.{name}", function, expression, payload) if enabled else None
