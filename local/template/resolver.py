"""What a template's intrinsic functions come to on this machine."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from typing import TypeAlias

from local.template.errors import TemplateError
from local.template.loader import Value

_PLACEHOLDER = re.compile(r"\$\{([^!{}][^{}]*)\}")
_LITERAL_PLACEHOLDER = re.compile(r"\$\{!([^{}]*)\}")
_DYNAMIC_REFERENCE = re.compile(r"\{\{resolve:([^{}]+)\}\}")


class _NoValue:
    """Stands for AWS::NoValue: the property it is given to is as if not written."""


NO_VALUE = _NoValue()
Resolved: TypeAlias = "Value | _NoValue"


class Resolver:
    """Evaluates intrinsic functions, as late as a property is read: what nobody reads need not be understood.

    `references` tells the value of a `Ref` that is neither a parameter nor a condition, `attributes` that of a
    `Fn::GetAtt`, `dynamic` that of a `{{resolve:…}}` by what follows the colon. Each raises TemplateError for what
    it does not know.
    """

    def __init__(
        self,
        *,
        parameters: Mapping[str, Value],
        conditions: Mapping[str, Value],
        mappings: Mapping[str, Value],
        references: Callable[[str], str],
        attributes: Callable[[str, str], str],
        dynamic: Mapping[str, str],
    ) -> None:
        self._parameters = parameters
        self._conditions = conditions
        self._mappings = mappings
        self._references = references
        self._attributes = attributes
        self._dynamic = dynamic
        self._functions: dict[str, Callable[[Value], Resolved]] = {
            "Ref": self._ref,
            "Fn::Base64": lambda value: base64.b64encode(self.text(value).encode()).decode(),
            "Fn::FindInMap": self._find_in_map,
            "Fn::GetAtt": self._get_att,
            "Fn::If": self._if,
            "Fn::Join": self._join,
            "Fn::Select": self._select,
            "Fn::Split": self._split,
            "Fn::Sub": self._sub,
        }

    def evaluate(self, value: Value) -> Resolved:
        """The value with an intrinsic function at its top carried out; what lies within stays as written."""
        if not isinstance(value, dict) or len(value) != 1:
            return value
        name, argument = next(iter(value.items()))
        function = self._functions.get(name)
        if function is not None:
            return function(argument)
        if name.startswith("Fn::"):
            raise TemplateError(f"the local stack does not know the intrinsic function {name}")
        return value

    def resolve(self, value: Value) -> Resolved:
        """The value with every intrinsic function and dynamic reference in it carried out."""
        evaluated = self.evaluate(value)
        if isinstance(evaluated, dict):
            pairs = ((name, self.resolve(item)) for name, item in evaluated.items())
            return {name: item for name, item in pairs if not isinstance(item, _NoValue)}
        if isinstance(evaluated, list):
            items = (self.resolve(item) for item in evaluated)
            return [item for item in items if not isinstance(item, _NoValue)]
        if isinstance(evaluated, str):
            return _DYNAMIC_REFERENCE.sub(self._dynamic_value, evaluated)
        return evaluated

    def text(self, value: Value) -> str:
        """The resolved value, which must be a scalar, as text (`true` and `false` as CloudFormation writes them)."""
        resolved = self.resolve(value)
        if isinstance(resolved, bool):
            return "true" if resolved else "false"
        if isinstance(resolved, (str, int, float)):
            return str(resolved)
        raise TemplateError(f"a text is expected, not {resolved!r}")

    def condition(self, name: str) -> bool:
        """Whether the template's condition of that name holds."""
        if name not in self._conditions:
            raise TemplateError(f"the template has no condition {name}")
        return self._holds(self._conditions[name])

    def _holds(self, value: Value) -> bool:
        if not isinstance(value, dict) or len(value) != 1:
            raise TemplateError(f"a condition function is expected, not {value!r}")
        name, argument = next(iter(value.items()))
        if name == "Condition" and isinstance(argument, str):
            return self.condition(argument)
        operands = argument if isinstance(argument, list) else []
        if name == "Fn::Equals" and len(operands) == 2:
            return self.text(operands[0]) == self.text(operands[1])
        if name == "Fn::Not" and len(operands) == 1:
            return not self._holds(operands[0])
        if name == "Fn::And":
            return all(self._holds(operand) for operand in operands)
        if name == "Fn::Or":
            return any(self._holds(operand) for operand in operands)
        raise TemplateError(f"the local stack does not know the condition {name}")

    def _ref(self, argument: Value) -> Resolved:
        name = self.text(argument)
        if name == "AWS::NoValue":
            return NO_VALUE
        if name in self._parameters:
            return self._parameters[name]
        return self._references(name)

    def _get_att(self, argument: Value) -> Resolved:
        parts = argument if isinstance(argument, list) else str(argument).split(".", 1)
        if len(parts) != 2:
            raise TemplateError(f"Fn::GetAtt takes a resource and an attribute, not {argument!r}")
        return self._attributes(self.text(parts[0]), self.text(parts[1]))

    def _if(self, argument: Value) -> Resolved:
        name, then, otherwise = self._arguments("Fn::If", argument, 3)
        return self.evaluate(then if self.condition(self.text(name)) else otherwise)

    def _join(self, argument: Value) -> Resolved:
        delimiter, items = self._arguments("Fn::Join", argument, 2)
        return self.text(delimiter).join(self._texts("Fn::Join", items))

    def _select(self, argument: Value) -> Resolved:
        index, items = self._arguments("Fn::Select", argument, 2)
        texts = self._texts("Fn::Select", items)
        wanted = int(self.text(index))
        if not 0 <= wanted < len(texts):
            raise TemplateError(f"Fn::Select takes item {wanted} of {len(texts)}")
        return texts[wanted]

    def _split(self, argument: Value) -> Resolved:
        delimiter, source = self._arguments("Fn::Split", argument, 2)
        return list(self.text(source).split(self.text(delimiter)))

    def _find_in_map(self, argument: Value) -> Resolved:
        found: Value = dict(self._mappings)
        for key in self._arguments("Fn::FindInMap", argument, 3):
            name = self.text(key)
            if not isinstance(found, dict) or name not in found:
                raise TemplateError(f"Fn::FindInMap finds no {name!r}")
            found = found[name]
        return found

    def _sub(self, argument: Value) -> Resolved:
        own: dict[str, Value] = {}
        if isinstance(argument, list):
            template, variables = self._arguments("Fn::Sub", argument, 2)
            if not isinstance(variables, dict):
                raise TemplateError("Fn::Sub takes a mapping of variables as its second argument")
            own = variables
        else:
            template = argument
        if not isinstance(template, str):
            raise TemplateError("Fn::Sub takes a text")

        def value_of(match: re.Match[str]) -> str:
            name = match[1].strip()
            if name in own:
                return self.text(own[name])
            return self.text({"Fn::GetAtt": list(name.split(".", 1))} if "." in name else {"Ref": name})

        return _LITERAL_PLACEHOLDER.sub(r"${\1}", _PLACEHOLDER.sub(value_of, template))

    def _dynamic_value(self, match: re.Match[str]) -> str:
        if match[1] not in self._dynamic:
            raise TemplateError(f"{match[0]} has no local value: name one in local/values.py")
        return self._dynamic[match[1]]

    def _texts(self, function: str, items: Value) -> list[str]:
        resolved = self.resolve(items)
        if not isinstance(resolved, list):
            raise TemplateError(f"{function} takes a list")
        return [self.text(item) for item in resolved]

    @staticmethod
    def _arguments(function: str, argument: Value, count: int) -> list[Value]:
        if not isinstance(argument, list) or len(argument) != count:
            raise TemplateError(f"{function} takes {count} arguments, not {argument!r}")
        return argument
