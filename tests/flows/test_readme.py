"""README and walk-through hold: their commands do what they say, and what they name is there."""

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
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = {name: (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "docs/walkthrough.md")}
"""In the order in which a reader types their commands."""
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
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
    Block(note or "", language, code)
    for text in PAGES.values()
    for note, language, code in re.findall(
        r"(?:<!-- (.*?) -->\n)?^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL
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
    text = "\n".join([*PAGES.values(), CONTRIBUTING])
    named = set(re.findall(r"(?:^|[`(])make (?:-s )?([a-z]+)", text, re.MULTILINE))
    assert {"run", "test", "token", "invoke", "deploy", "docs", "lint"} <= named <= targets


def test_every_path_named_exists() -> None:
    for text in [*PAGES.values(), CONTRIBUTING]:
        for path in re.findall(r"(?<![\w/.])(?:events|scripts|functions|layers|docs|local|tests)/[\w./-]+\b", text):
            assert (ROOT / path).exists(), path
    room = ROOT / "layers/common/aerostack_billing"
    named = [name for names in re.findall(r"^ *((?:[\w/]+/ )+)", tree(), re.MULTILINE) for name in names.split()]
    assert len(named) >= 12
    for name in named:
        assert (ROOT / name).exists() or (room / name).exists(), name
    for name in re.findall(r"`((?:[a-z_]+/)?[a-z_]+\.(?:py|json|yaml))`", README):
        assert (ROOT / name).exists() or (room / name).exists() or list(room.glob(f"*/{name}")), name


def measured(document: str, row: str) -> list[str]:
    """The cells of a row of a table of measurements."""
    text = (ROOT / "docs" / document).read_text(encoding="utf-8")
    return next(line for line in text.splitlines() if line.startswith(f"| {row} |")).strip("|").split("|")[1:]


def test_the_figures_of_the_first_screen_are_the_measured_ones() -> None:
    consume, batch, charge = (
        [int(cell.split()[0]) for cell in measured("performance.md", row)[:3]]
        for row in ("consume, month under way", "100 events of one account in one batch", "charge")
    )
    assert consume == [1, 1, 0]
    assert "1 request to DynamoDB, 1 write unit, no read" in README
    assert batch[1] == 1
    assert "A batch of 100 events is 1 write unit too" in README
    assert f"A charge is {charge[0]} requests and {charge[1]} write units" in README
    other = int(measured("performance.md", "stapel-billing on PostgreSQL")[2])
    assert f"against {other} requests of the relational package" in README.replace("\n  ", " ")


def test_the_figures_of_the_simulation_are_those_of_its_last_run() -> None:
    text = (ROOT / "docs/testing.md").read_text(encoding="utf-8")
    last = re.search(r"^(\d+) flows +(\d+) +(\d+) +(\d+) ", text, re.MULTILINE)
    assert last is not None
    flows, calls, faults, failed = map(int, last.groups())
    said = README.replace("\n  ", " ")
    assert f"{flows} flows, broken at each of their {calls:,} calls in every way ({faults:,} faults)" in said
    assert failed == 0


def test_every_function_alarm_parameter_and_output_is_the_templates() -> None:
    template = (ROOT / "template.yaml").read_text(encoding="utf-8")
    named = set(re.findall(r"`?\b([A-Z]\w+(?:Function|Alarm))\b", "".join(PAGES.values())))
    table = set(re.findall(r"`([A-Z]\w+)`", README[README.index("| parameter") : README.index("4. Deploy")]))
    for name in named | table | {"WebhookUrl"}:
        assert re.search(rf"^  {name}:$", template, re.MULTILINE), name
    _, _, after = template.partition("\nParameters:\n")
    parameters = re.split(r"^\w", after, maxsplit=1, flags=re.MULTILINE)[0]
    needed = {
        name
        for name, body in re.findall(r"^  (\w+):\n((?:    .*\n)+)", parameters, re.MULTILINE)
        if "Default:" not in body
    }
    assert needed <= table


def test_the_price_keys_are_the_catalogs() -> None:
    assert {"starter_monthly", "starter_yearly", "business_yearly"} <= set(
        re.findall(r"`(\w+_(?:monthly|yearly))`", README)
    )


def test_the_api_version_is_the_pinned_one() -> None:
    client = (ROOT / "layers/common/aerostack_billing/payments/client.py").read_text(encoding="utf-8")
    pinned = re.search(r'API_VERSION: Final = "(.+)"', client)
    assert pinned is not None
    assert f"`{pinned[1]}`" in README


def test_the_routes_named_are_served() -> None:
    served = {route.path for route in load_app(ROOT / "template.yaml").routes}
    for path in re.findall(r"(?<=3000)/api/[a-z/-]+", "".join(PAGES.values())):
        assert path in served
