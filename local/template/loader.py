"""CloudFormation's YAML as plain data: `!Ref x` becomes `{"Ref": x}`, `!Sub x` becomes `{"Fn::Sub": x}`."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

import yaml

from local.template.errors import TemplateError

Value: TypeAlias = "bool | int | float | str | list[Value] | dict[str, Value] | None"
"""What a template is made of."""


class _Loader(yaml.CSafeLoader):
    """Safe loader that knows the short forms of intrinsic functions and leaves dates as they are written."""


def _short_form(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, object]:
    if isinstance(node, yaml.ScalarNode):
        value: object = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    if suffix in {"Ref", "Condition"}:
        return {suffix: value}
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {f"Fn::{suffix}": value}


def _unique_mapping(loader: _Loader, node: yaml.MappingNode) -> dict[object, object]:
    seen: set[str] = set()
    for key, _ in node.value:
        if key.value in seen:
            raise TemplateError(f"line {key.start_mark.line + 1}: {key.value!r} stands twice in one mapping")
        seen.add(key.value)
    return loader.construct_mapping(node, deep=True)


_Loader.add_multi_constructor("!", _short_form)
_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _unique_mapping)
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def load_yaml(path: Path) -> dict[str, Value]:
    """The template as plain data. TemplateError where it is missing, not YAML, or not a mapping."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise TemplateError(f"{path} cannot be read: {error.strerror}") from error
    try:
        document = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader with CloudFormation's tags # nosec B506
    except yaml.YAMLError as error:
        raise TemplateError(f"{path} is not YAML: {error}") from error
    except TemplateError as error:
        raise TemplateError(f"{path}: {error}") from error
    if not isinstance(document, dict):
        raise TemplateError(f"{path} holds no template: a mapping with Resources is expected")
    return document
