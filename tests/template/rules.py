"""What CloudFormation says to parameters before it creates anything."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any


def refusals(template: Mapping[str, Any], given: Mapping[str, str]) -> list[str]:
    """Every sentence with which a deployment with these parameters is refused; empty where it begins."""
    return [*wrong_parameters(template, given), *broken_rules(template, given)]


def wrong_parameters(template: Mapping[str, Any], given: Mapping[str, str]) -> list[str]:
    """The sentence of each parameter whose value it does not take, or that is missing."""
    wrong: list[str] = []
    for name, declared in template["Parameters"].items():
        value = given.get(name, declared.get("Default"))
        if value is None:
            wrong.append(f"{name} must be given")
        elif not _takes(declared, str(value)):
            wrong.append(declared.get("ConstraintDescription", ""))
    return wrong


def broken_rules(template: Mapping[str, Any], given: Mapping[str, str]) -> list[str]:
    """The description of each assertion of the template's rules that does not hold."""
    values = {name: str(p["Default"]) for name, p in template["Parameters"].items() if "Default" in p} | dict(given)
    return [
        assertion["AssertDescription"]
        for rule in template.get("Rules", {}).values()
        if _holds(rule.get("RuleCondition", {"Fn::Equals": ["", ""]}), values)
        for assertion in rule["Assertions"]
        if not _holds(assertion["Assert"], values)
    ]


def _takes(declared: Mapping[str, Any], value: str) -> bool:
    if value not in [str(each) for each in declared.get("AllowedValues", [value])]:
        return False
    if declared["Type"] == "Number":
        return bool(re.fullmatch(r"-?\d+(\.\d+)?", value)) and (
            declared.get("MinValue", float("-inf")) <= float(value) <= declared.get("MaxValue", float("inf"))
        )
    long_enough = declared.get("MinLength", 0) <= len(value) <= declared.get("MaxLength", 4_096)
    return long_enough and bool(re.fullmatch(declared.get("AllowedPattern", r"[\s\S]*"), value))


def _holds(condition: Mapping[str, Any], values: Mapping[str, str]) -> bool:
    ((name, argument),) = condition.items()
    match name:
        case "Fn::Equals":
            left, right = (values[each["Ref"]] if isinstance(each, dict) else str(each) for each in argument)
            return left == right
        case "Fn::Not":
            return not _holds(argument[0], values)
        case "Fn::And":
            return all(_holds(each, values) for each in argument)
        case "Fn::Or":
            return any(_holds(each, values) for each in argument)
        case "Fn::Contains":
            return values[argument[1]["Ref"]] in argument[0]
    raise AssertionError(f"a rule does not know {name}")
