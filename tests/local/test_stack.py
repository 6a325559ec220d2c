"""Stacks of their own, one after another in this process."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import requests

from local.template import TemplateError
from local.testing import running_stack
from tests.local.harness import HEAD, PUBLIC, function, idle_stripe, route, write

HELLO = """
    import os

    def handler(event, context):
        return {"hello": event.get("rawPath"), "greeting": os.environ.get("GREETING")}
    """


def test_a_route_added_to_the_template_is_served_with_no_other_change(tmp_path: Path) -> None:
    one = HEAD + function("HelloFunction", "hello", route("GET", "/hello", PUBLIC))
    with running_stack(template=write(tmp_path, one, {"hello": HELLO}), stripe=idle_stripe) as stack:
        assert requests.get(f"{stack.base_url}/hello", timeout=60).json()["hello"] == "/hello"
        assert requests.get(f"{stack.base_url}/more", timeout=60).status_code == 404
    both = one + function("MoreFunction", "more", route("GET", "/more", PUBLIC))
    with running_stack(template=write(tmp_path, both, {"more": HELLO}), stripe=idle_stripe) as stack:
        assert requests.get(f"{stack.base_url}/hello", timeout=60).json()["hello"] == "/hello"
        assert requests.get(f"{stack.base_url}/more", timeout=60).json()["hello"] == "/more"


def test_a_stack_leaves_the_environment_as_it_found_it(tmp_path: Path) -> None:
    template = HEAD + function(
        "HelloFunction", "hello", route("GET", "/hello", PUBLIC), "Environment: {Variables: {GREETING: hi}}"
    )
    before = dict(os.environ)
    with running_stack(template=write(tmp_path, template, {"hello": HELLO}), stripe=idle_stripe) as stack:
        assert requests.get(f"{stack.base_url}/hello", timeout=60).json()["greeting"] == "hi"
        assert os.environ["AWS_ENDPOINT_URL"] == f"{stack.base_url}/_local/aws"
        assert os.environ["STRIPE_API_BASE"] == f"{stack.base_url}/_local/stripe"
    assert dict(os.environ) == before


def test_functions_in_different_folders_may_import_modules_of_one_name(tmp_path: Path) -> None:
    template = HEAD
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "beside.py").write_text(f"NAME = {name!r}\n")
        template += function(f"{name.title()}Function", name, route("GET", f"/{name}", PUBLIC))
    handler = "import beside\ndef handler(event, context):\n    return beside.NAME\n"
    path = write(tmp_path, template, {"one": handler, "two": handler})
    with running_stack(template=path, stripe=idle_stripe) as stack:
        answer = [requests.get(f"{stack.base_url}/{name}", timeout=60).json() for name in ("one", "two")]
        assert answer == ["one", "two"]


class TestRefusals:
    """What does not start says why."""

    def refused(self, folder: Path, template: str, handlers: dict[str, str], complaint: str) -> None:
        path = write(folder, template, handlers)
        with pytest.raises(TemplateError, match=complaint), running_stack(template=path, stripe=idle_stripe):
            pass

    def test_a_function_whose_code_is_missing(self, tmp_path: Path) -> None:
        self.refused(tmp_path, HEAD + function("GoneFunction", "gone"), {}, r"GoneFunction: .*app\.py does not exist")

    def test_a_function_whose_code_does_not_import(self, tmp_path: Path) -> None:
        handlers = {"bad": "import nobody_has_this"}
        self.refused(
            tmp_path, HEAD + function("BadFunction", "bad"), handlers, "BadFunction: .*does not import.*nobody_has_this"
        )

    def test_a_function_whose_module_has_no_handler(self, tmp_path: Path) -> None:
        self.refused(tmp_path, HEAD + function("BadFunction", "bad"), {"bad": "x = 1"}, "has no function handler")

    def test_two_functions_that_give_one_variable_two_values(self, tmp_path: Path) -> None:
        template = HEAD + "".join(
            function(f"F{n}", "hello", more=f"Environment: {{Variables: {{SAME: '{n}'}}}}") for n in (1, 2)
        )
        self.refused(tmp_path, template, {"hello": HELLO}, "F2 and F1 set SAME differently")
