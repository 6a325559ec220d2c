"""The template as CloudFormation gets it: SAM's transformation made, parameters and conditions put in.

What only a deployment knows (names, ARNs, attributes) stays as `Ref`, `Fn::GetAtt` and `Fn::Sub`.
"""

from __future__ import annotations

import copy
import functools
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from local.template.loader import load_yaml

ROOT = Path(__file__).parents[2]
PSEUDO = ("AWS::AccountId", "AWS::Partition", "AWS::Region", "AWS::StackId", "AWS::StackName", "AWS::URLSuffix")
_PLACEHOLDER = re.compile(r"\$\{([^!{}][^{}]*)\}")
_GONE = object()


def first_parameters(stage: str) -> dict[str, str]:
    """What samconfig.toml gives a stage: the parameters of its first deployment."""
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    return dict(pair.split("=", 1) for pair in config[stage]["deploy"]["parameters"]["parameter_overrides"])


def stage_parameters(stage: str) -> dict[str, str]:
    """The parameters of a stage that is up."""
    return first_parameters(stage) | {"DeletionProtection": "true", "Schedules": "ENABLED"}


@dataclass(frozen=True)
class Deployed:
    """What CloudFormation would create with these parameters."""

    parameters: Mapping[str, str]
    resources: Mapping[str, dict[str, Any]]
    outputs: Mapping[str, dict[str, Any]]
    transformed: Mapping[str, Any]
    """The template after SAM's transformation, with nothing else put in."""

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """Properties of each resource of a type, by logical id."""
        return {name: r.get("Properties", {}) for name, r in self.resources.items() if r["Type"] == kind}

    def only(self, kind: str) -> dict[str, Any]:
        """Properties of the one resource of a type."""
        (properties,) = self.of_type(kind).values()
        return properties

    def statements(self, function: str) -> list[dict[str, Any]]:
        """All that a function's role may do: by its own policies, and by those that are attached to it."""
        role = f"{function}Role"
        own = self.resources[role]["Properties"].get("Policies", [])
        attached = [p for p in self.of_type("AWS::IAM::Policy").values() if {"Ref": role} in p["Roles"]]
        return [s for policy in (*own, *attached) for s in policy["PolicyDocument"]["Statement"]]

    def environment(self, function: str) -> dict[str, Any]:
        """The variables of a function."""
        return dict(self.resources[function]["Properties"]["Environment"]["Variables"])

    def references(self) -> Iterator[tuple[str, str]]:
        """Each reference between what is created: where it stands, and the logical id that it names."""
        for place, part in (*self.resources.items(), *self.outputs.items()):
            for name in _named(part):
                yield place, name


def deployed(parameters: Mapping[str, str]) -> Deployed:
    """The stack with these parameters, and the template's defaults for the others."""
    return _deployed(tuple(sorted(parameters.items())))


@functools.cache
def _deployed(parameters: tuple[tuple[str, str], ...]) -> Deployed:
    given = dict(parameters)
    written = load_yaml(ROOT / "template.yaml")
    return deployment_of(written, given)


def deployment_of(written: dict[str, Any], given: Mapping[str, str]) -> Deployed:
    """The stack that a template makes with these parameters."""
    unknown = set(given) - set(written["Parameters"])
    assert not unknown, f"the template has no such parameters: {sorted(unknown)}"
    defaults = {name: str(p["Default"]) for name, p in written["Parameters"].items() if "Default" in p}
    values = {**defaults, **given}
    missing = set(written["Parameters"]) - set(values)
    assert not missing, f"these parameters must be given: {sorted(missing)}"
    transformed = transformed_by_sam(written, given)
    settle = _Settle(values, transformed.get("Conditions", {}), transformed["Resources"])
    resources = {
        name: settle.value(resource) for name, resource in transformed["Resources"].items() if settle.keeps(resource)
    }
    outputs = {name: settle.value(out) for name, out in transformed.get("Outputs", {}).items() if settle.keeps(out)}
    return Deployed(values, resources, outputs, transformed)


def transformed_by_sam(written: dict[str, Any], given: Mapping[str, str]) -> dict[str, Any]:
    """What SAM makes of a template whose code is uploaded."""
    document = copy.deepcopy(written)
    for resource in document["Resources"].values():
        for place in ("CodeUri", "ContentUri"):
            folder = resource.get("Properties", {}).get(place)
            if folder:
                resource["Properties"][place] = f"s3://artifacts/{folder.strip('/').replace('/', '-')}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        made: dict[str, Any] = Translator(None, Parser()).translate(
            document, parameter_values=dict(given), get_managed_policy_map=dict
        )
    return made


class _Settle:
    """Puts in what is known before anything is created."""

    def __init__(self, parameters: Mapping[str, str], conditions: Mapping[str, Any], resources: dict[str, Any]) -> None:
        self._parameters = parameters
        self._conditions = conditions
        self._resources = resources

    def keeps(self, part: Mapping[str, Any]) -> bool:
        return "Condition" not in part or self.holds({"Condition": part["Condition"]})

    def holds(self, condition: Mapping[str, Any]) -> bool:
        ((name, argument),) = condition.items()
        match name:
            case "Condition":
                return self.holds(self._conditions[argument])
            case "Fn::Equals":
                left, right = (self.value(each) for each in argument)
                return str(left) == str(right)
            case "Fn::Not":
                return not self.holds(argument[0])
            case "Fn::And":
                return all(map(self.holds, argument))
            case "Fn::Or":
                return any(map(self.holds, argument))
        raise AssertionError(f"no condition: {name}")

    def value(self, value: object) -> object:
        if isinstance(value, list):
            return [item for item in map(self.value, value) if item is not _GONE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name == "Ref" or name.startswith("Fn::"):
                return self._function(name, argument)
        settled = {name: self.value(item) for name, item in value.items()}
        return {name: item for name, item in settled.items() if item is not _GONE}

    def _function(self, name: str, argument: object) -> object:
        known = {"Ref": self._ref, "Fn::If": self._if, "Fn::GetAtt": self._get_att, "Fn::Sub": self._sub}
        if name in known:
            return known[name](argument)
        match name, self.value(argument):
            case "Fn::Split", [str(delimiter), str(text)]:
                return text.split(delimiter)
            case "Fn::Select", [index, list(items)]:
                return items[int(index)]
            case "Fn::Join", [str(delimiter), list(items)] if all(isinstance(item, str) for item in items):
                return delimiter.join(items)
            case _, settled:
                return {name: settled}

    def _ref(self, name: str) -> object:
        return _GONE if name == "AWS::NoValue" else self._parameters.get(name, {"Ref": name})

    def _if(self, argument: list[object]) -> object:
        condition, then, otherwise = argument
        return self.value(then if self.holds({"Condition": condition}) else otherwise)

    def _get_att(self, argument: list[str] | str) -> object:
        resource, attribute = argument if isinstance(argument, list) else argument.split(".", 1)
        held = self._resources.get(resource, {})
        if held.get("Type") == "AWS::SSM::Parameter" and attribute == "Value":
            return self.value(held["Properties"]["Value"])
        return {"Fn::GetAtt": [resource, attribute]}

    def _sub(self, argument: list[object] | str) -> object:
        text, own = argument if isinstance(argument, list) else (argument, {})
        left: dict[str, Any] = {}

        def put(match: re.Match[str]) -> str:
            name = match[1].strip()
            if name in own:
                found = self.value(own[name])
            else:
                found = self.value({"Fn::GetAtt": name} if "." in name else {"Ref": name})
            if isinstance(found, (str, int)):
                return str(found)
            if found in ({"Ref": name}, {"Fn::GetAtt": name.split(".", 1)}):
                return match[0]
            match found:
                case {"Ref": logical_id}:
                    return f"${{{logical_id}}}"
                case {"Fn::GetAtt": [logical_id, attribute]}:
                    return f"${{{logical_id}.{attribute}}}"
                case {"Fn::Sub": str(inner)}:
                    return inner
            left[name] = found
            return match[0]

        settled = _PLACEHOLDER.sub(put, text)
        if left:
            return {"Fn::Sub": [settled, left]}
        return {"Fn::Sub": settled} if _PLACEHOLDER.search(settled) else settled


def _named(value: object) -> Iterator[str]:
    """The logical ids that a part refers to."""
    if isinstance(value, list):
        for item in value:
            yield from _named(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            if name == "Ref" and isinstance(item, str):
                yield item
            elif name == "Fn::GetAtt":
                yield item[0] if isinstance(item, list) else item.split(".", 1)[0]
            elif name == "Fn::Sub":
                text, own = item if isinstance(item, list) else (item, {})
                yield from (n.split(".", 1)[0] for n in _PLACEHOLDER.findall(text) if n not in own)
                yield from _named(own)
            elif name == "DependsOn":
                yield from item if isinstance(item, list) else [item]
            else:
                yield from _named(item)
