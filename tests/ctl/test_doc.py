"""docs/billingctl.md holds: what it types does what it says, and it names every verb there is."""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import typer

from billingctl.app import app

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/billingctl.md").read_text(encoding="utf-8")
HERE = "runs in: tests/ctl/test_doc.py"
BLOCKS = re.findall(r"(?:<!-- (.*?) -->\n)?^```(\w*)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
END = "--- end of block ---"


@contextmanager
def own_stack(environment: dict[str, str]) -> Iterator[str]:
    """The port of a stack in a process of its own: in this one the stack of the other tests may be running."""
    command = [sys.executable, "-m", "local", "run"]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as stack:
        try:
            assert stack.stdout is not None
            found = re.search(r"http://127\.0\.0\.1:(\d+)", stack.stdout.readline())
            assert found is not None
            yield found[1]
        finally:
            stack.kill()


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What each block prints, typed one after another into one shell, on a stack that is empty at first."""
    folder = tmp_path_factory.mktemp("doc")
    (folder / "billingctl").symlink_to(ROOT / "scripts/billingctl")
    commands = "".join(f"{text}\necho '{END}'\n" for note, _, text in BLOCKS if note == HERE)
    environment = {name: value for name, value in os.environ.items() if name != "BILLINGCTL_STACK"}
    environment |= {"PORT": "0", "STORE": "moto", "DEMO": "no", "PATH": f"{folder}:{os.environ['PATH']}"}
    with own_stack(environment) as port:
        environment["PORT"] = port
        ran = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.split(f"{END}\n")[:-1]


def test_every_command_runs_and_answers(printed: list[str]) -> None:
    assert len(printed) == sum(note == HERE for note, _, _ in BLOCKS) >= 5
    assert all(printed)


def test_every_answer_shown_is_the_real_one(printed: list[str]) -> None:
    typed = [block for block in BLOCKS if block[0] == HERE]
    shown = [
        (printed[typed.index(before)], answer) for before, answer in itertools.pairwise(BLOCKS) if answer[0] == "answer"
    ]
    assert shown
    for body, (_, _, wanted) in shown:
        assert json.loads(body) == json.loads(wanted)


def test_every_block_says_where_it_is_run_or_why_it_is_not() -> None:
    assert all(note in (HERE, "answer") or note.startswith("does not run: needs ") for note, _, _ in BLOCKS)


def test_every_verb_is_named() -> None:
    table = {
        noun: set(re.findall(r"`([\w-]+)`", verbs))
        for noun, verbs in re.findall(r"^\| `(\w+)` \| (.*) \|$", TEXT, re.MULTILINE)
    }
    there = {name: set(commands_of(noun)) for name, noun in commands_of(typer.main.get_command(app)).items()}
    assert table == there


@pytest.mark.parametrize("name", ["README.md", "docs/billingctl.md", "docs/operations.md", "docs/troubleshooting.md"])
def test_every_command_that_a_document_names_is_there_with_its_options(name: str) -> None:
    commands = list(named_commands((ROOT / name).read_text(encoding="utf-8")))
    assert commands
    for words in commands:
        verb, rest = typer.main.get_command(app), words
        while rest and commands_of(verb):
            # What stands before the verb, like --stack NAME, is the tool's own.
            known = {name for option in verb.params for name in option.opts}
            while rest and rest[0].startswith("--"):
                assert rest[0] in known, words
                rest = rest[2:]
            assert rest, words
            assert rest[0] in commands_of(verb), words
            verb, rest = commands_of(verb)[rest[0]], rest[1:]
        known = {name for option in verb.params for name in option.opts} | {"--help"}
        assert {word for word in rest if word.startswith("--")} <= known, words


def commands_of(verb: Any) -> dict[str, Any]:  # noqa: ANN401 - typer's own classes are not public
    """The verbs of a noun, by name; none where it is a verb itself."""
    names = verb.list_commands(None) if hasattr(verb, "list_commands") else []
    return {name: verb.get_command(None, name) for name in names}


def named_commands(text: str) -> Iterator[list[str]]:
    """The words of each command line of the tool that stands in a text's code, without the tool's own name."""
    fence = r"^ *```\w*\n(.*?)^ *```$"
    blocks = re.findall(fence, text, re.MULTILINE | re.DOTALL)
    spans = re.findall(r"`([^`]+)`", re.sub(fence, "", text, flags=re.MULTILINE | re.DOTALL))
    for code in [*(line for block in blocks for line in block.replace("\\\n", " ").splitlines()), *spans]:
        for part in re.split(r"&&|\||#", code):
            typed = re.search(r"(?:^|[\s/])billingctl\s+(\S.*)", part, re.DOTALL)
            if typed is not None:
                yield typed[1].split()
