"""The README holds: its commands do what it says, and what it names is there."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from local.template import load_app

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
HERE = "runs in: tests/flows/test_readme.py"
PORT = "3000"
END_OF_BLOCK = "--- end of block ---"

# What differs from run to run, and what stands for it.
VOLATILE = [
    (re.compile(r"\b(cus|sub|ch)_\w+"), r"\1_"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "TIME"),
    (re.compile(r'"\d{4}-\d\d"'), '"MONTH"'),
]


class Block(NamedTuple):
    """A fenced block: what the comment before it says of it, its language, its text."""

    note: str
    language: str
    text: str


BLOCKS = [
    Block(note or "", language, text)
    for note, language, text in re.findall(
        r"(?:<!-- (.*?) -->\n)?^```(\w*)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL
    )
]


def stable(value: object) -> object:
    """JSON without what differs from run to run."""
    text = json.dumps(value)
    for pattern, instead in VOLATILE:
        text = pattern.sub(instead, text)
    return json.loads(text)


def clean_environment(port: int) -> dict[str, str]:
    """As in a terminal of one's own, also where these tests were started by make."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return {**kept, "PORT": str(port)}


def tree() -> str:
    """The drawing of the folders."""
    return next(block.text for block in BLOCKS if block.text.startswith("template.yaml "))


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """The port of a stack that `make run` started: a free one, which it says."""
    stack = subprocess.Popen(
        ["make", "run"],
        cwd=ROOT,
        env=clean_environment(0),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        assert stack.stdout is not None
        with stack.stdout as banner:
            said = next(filter(None, (re.search(r"http://127\.0\.0\.1:(\d+)", line) for line in banner)))
            yield int(said[1])
    finally:
        os.killpg(stack.pid, signal.SIGTERM)
        stack.wait(60)


@pytest.fixture(scope="module")
def printed(port: int) -> list[str]:
    """What each block that runs here prints, typed one after another into one shell."""
    commands = [block.text for block in BLOCKS if block.note == HERE]
    script = "".join(f"{text}\nprintf '\\n{END_OF_BLOCK}\\n'\n" for text in commands).replace(PORT, str(port))
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=ROOT,
        env=clean_environment(port),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.split(f"\n{END_OF_BLOCK}\n")[:-1]


def objects_in(text: str) -> list[dict[str, object]]:
    """The JSON objects in a command's output, in order."""
    decoder, found, at = json.JSONDecoder(), [], 0
    while (at := text.find("{", at)) >= 0:
        value, at = decoder.raw_decode(text, at)
        found.append(value)
    return found


def test_every_answer_shown_is_the_real_one(printed: list[str]) -> None:
    shown = [
        (printed[[b for b in BLOCKS if b.note == HERE].index(before)], json.loads(answer.text))
        for before, answer in itertools.pairwise(BLOCKS)
        if answer.note == "answer"
    ]
    assert len(shown) >= 3
    for text, wanted in shown:
        assert stable(objects_in(text)[-1]) == stable(wanted)


def test_every_block_that_runs_here_prints_no_error(printed: list[str]) -> None:
    assert len(printed) == sum(block.note == HERE for block in BLOCKS) >= 5
    for text in printed:
        assert objects_in(text), text
        assert '"error": {' not in text


def test_every_remark_beside_a_command_is_true(printed: list[str]) -> None:
    running = [block for block in BLOCKS if block.note == HERE]
    remarks = [
        (text, remark)
        for block, text in zip(running, printed, strict=True)
        for remark in re.findall(r"    # (\".*)$", block.text, re.MULTILINE)
    ]
    assert remarks
    for text, remark in remarks:
        assert remark in text


def test_every_function_that_is_invoked_answers_200(printed: list[str]) -> None:
    running = [block for block in BLOCKS if block.note == HERE]
    invoked = [text for block, text in zip(running, printed, strict=True) if "make -s invoke" in block.text]
    assert invoked
    assert all(answer["statusCode"] == 200 for text in invoked for answer in objects_in(text))


def test_every_command_says_where_it_is_run_or_why_it_is_not() -> None:
    ci = (ROOT / ".ci/run").read_text(encoding="utf-8")
    for block in BLOCKS:
        if block.language != "sh":
            continue
        if block.note == "runs in: .ci/run":
            # The one that does not end by itself is what this file's other tests run against.
            commands = [line.partition("#")[0].strip() for line in block.text.splitlines()]
            assert all(command in ci or command == "make run" for command in commands)
        else:
            assert block.note == HERE or block.note.startswith("does not run: needs ")


def test_every_make_target_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"(?:^|[`(])make (?:-s )?([a-z]+)", TEXT, re.MULTILINE))
    assert {"run", "test", "token", "invoke", "deploy"} <= named <= targets


def headings(file: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    found = re.findall(r"^#+ (.+)$", file.read_text(), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in found}


def test_every_file_and_link_exists() -> None:
    for link in re.findall(r"\]\(([^)]+)\)", TEXT):
        file, _, heading = link.partition("#")
        assert link.startswith("https://") or (ROOT / file).exists(), link
        assert not heading or heading in headings(ROOT / file), link
    for path in re.findall(r"(?<![\w/.])(?:events|scripts|functions|layers|docs|local)/[\w./-]+", TEXT):
        assert (ROOT / path).exists(), path
    room = ROOT / "layers/common/aerostack_billing"
    named = [name for names in re.findall(r"^ *((?:[\w/]+/ )+)", tree(), re.MULTILINE) for name in names.split()]
    assert len(named) >= 12
    for name in named:
        assert (ROOT / name).exists() or (room / name).exists(), name


def test_every_function_alarm_parameter_and_output_is_the_templates() -> None:
    template = (ROOT / "template.yaml").read_text(encoding="utf-8")
    named = set(re.findall(r"`?\b([A-Z]\w+(?:Function|Alarm))\b", TEXT))
    table = set(re.findall(r"`([A-Z]\w+)`", TEXT[TEXT.index("| parameter") : TEXT.index("4. Deploy")]))
    for name in named | table | {"WebhookUrl"}:
        assert re.search(rf"^  {name}:$", template, re.MULTILINE), name
    parameters = template[template.index("\nParameters:") : template.index("\nConditions:")]
    needed = {
        name
        for name, body in re.findall(r"^  (\w+):\n((?:    .*\n)+)", parameters, re.MULTILINE)
        if "Default:" not in body
    }
    assert needed <= table


def test_the_price_keys_are_the_catalogs() -> None:
    assert {"starter_monthly", "starter_yearly", "business_yearly"} <= set(
        re.findall(r"`(\w+_(?:monthly|yearly))`", TEXT)
    )


def test_the_api_version_is_the_pinned_one() -> None:
    client = (ROOT / "layers/common/aerostack_billing/payments/client.py").read_text(encoding="utf-8")
    pinned = re.search(r'API_VERSION: Final = "(.+)"', client)
    assert pinned is not None
    assert f"`{pinned[1]}`" in TEXT


def test_the_routes_named_are_served() -> None:
    served = {route.path for route in load_app(ROOT / "template.yaml").routes}
    for path in re.findall(r"(?<=3000)/api/[a-z/-]+", TEXT):
        assert path in served
