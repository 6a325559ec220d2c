"""Runs the template's functions in this process, as Lambda would: import once, an event in, JSON out."""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TypeAlias

from local.lambdas.context import LambdaContext
from local.template import Function, ServerlessApp
from local.template.errors import TemplateError
from local.template.loader import Value

_log = logging.getLogger("local.lambda")

Invoke: TypeAlias = Callable[[str, Value], Value]
"""Runs the function of that logical id with an event; FunctionError if it fails."""

_Handler: TypeAlias = Callable[[Value, LambdaContext], object]


class FunctionError(Exception):
    """The function raised, or answered what is not JSON. The traceback is in the log, and only there."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(f"{kind}: {reason}")
        self.kind = kind
        self.reason = reason


class LambdaHost:
    """The functions of an app, imported and ready. Any number may run at once, also of one function."""

    def __init__(self, app: ServerlessApp) -> None:
        self._functions = app.functions
        self._handlers: dict[str, _Handler] = {}

    def load(self) -> None:
        """Import every handler. TemplateError names the function whose code is missing or does not import."""
        self._handlers = {logical_id: _load(function) for logical_id, function in self._functions.items()}

    def invoke(self, logical_id: str, event: Value) -> Value:
        """Run a function. KeyError for one that is not in the template; FunctionError if it fails."""
        function = self._functions[logical_id]
        handler = self._handlers[logical_id]
        try:
            # Only what JSON can carry reaches a function, or leaves it.
            answer: Value = json.loads(json.dumps(handler(event, LambdaContext(function))))
        except (Exception, SystemExit) as error:
            # Whatever a function raises ends its invocation, and never the host.
            _log.exception("%s failed", logical_id)
            raise FunctionError(type(error).__name__, str(error)) from error
        return answer


@contextmanager
def environment(variables: Mapping[str, str], *, without: frozenset[str] = frozenset()) -> Iterator[None]:
    """Inside the block the process has these variables and none of `without`; after it, what it had before."""
    before = dict(os.environ)
    for name in without:
        os.environ.pop(name, None)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def shared_environment(app: ServerlessApp) -> dict[str, str]:
    """The variables of all functions in one: they share this process.

    TemplateError where two functions give one variable different values, which one process cannot hold.
    """
    shared: dict[str, str] = {}
    owners: dict[str, str] = {}
    for function in app.functions.values():
        for name, value in function.environment.items():
            if shared.setdefault(name, value) != value:
                raise TemplateError(
                    f"{function.logical_id} and {owners[name]} set {name} differently: "
                    "locally all functions run in one process and need one value"
                )
            owners.setdefault(name, function.logical_id)
    return shared


def _load(function: Function) -> _Handler:
    path = function.module_path
    if not path.is_file():
        raise TemplateError(f"{function.logical_id}: {path} does not exist (CodeUri and Handler name it)")
    try:
        module = _import_alone(f"local_{function.logical_id}", path, function.code_dir)
    except Exception as error:
        raise TemplateError(
            f"{function.logical_id}: {path} does not import: {type(error).__name__}: {error}"
        ) from error
    handler: object = getattr(module, function.handler_name, None)
    if not callable(handler):
        raise TemplateError(f"{function.logical_id}: {path} has no function {function.handler_name}")
    return handler


def _import_alone(name: str, path: Path, code_dir: Path) -> ModuleType:
    """Import a file again, with its folder on the path as in Lambda; what it imports from there is not shared."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    before = set(sys.modules)
    sys.path.insert(0, str(code_dir))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(code_dir))
        for added in set(sys.modules) - before:
            file = getattr(sys.modules[added], "__file__", None)
            if file is not None and Path(file).is_relative_to(code_dir):
                del sys.modules[added]
    return module
