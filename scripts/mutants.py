"""`make mutants`: take one safeguard at a time out of the code, and see that a test or the simulation notices.

The list is `tests/mutants.toml`. All happens in copies of the tree, one for each mutant that is tried at a time
(`WORKERS=2`): nothing here is touched, whatever breaks off. One DynamoDB Local serves the tests of all of them, and the
simulation has its own. First the tests that the list names must pass without a change. A mutant that nothing notices
makes this fail, and so does one that cannot be tried: because its code is not there any more, or because no test runs
with it.
"""

from __future__ import annotations

import os
import queue
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from local.aws.dynamodb_local import dynamodb_local

ROOT = Path(__file__).resolve().parent.parent
LIST = ROOT / "tests" / "mutants.toml"
SIMULATE = "simulate "
"""A test that begins so is a flow of the simulation, with every call of it broken in every way."""
LONGEST_SECONDS = 1_800
FAILED = 1


class CannotTry(Exception):
    """A mutant cannot be made, or no test can be run with it: this shows nothing."""


@dataclass(frozen=True)
class Edit:
    """One change of a file: a text that stands in it once, and what stands there instead."""

    file: str
    old: str
    new: str

    def made_in(self, text: str) -> str:
        """The text with the change in it; CannotTry if it is not there once."""
        times = text.count(self.old)
        if times != 1:
            raise CannotTry(f"{self.file} has {times} times, and not once:\n{self.old}")
        return text.replace(self.old, self.new)


@dataclass(frozen=True)
class Mutant:
    """A safeguard that is taken away, and the tests that are to notice, tried in this order."""

    name: str
    edits: tuple[Edit, ...]
    tests: tuple[str, ...]


def listed() -> list[Mutant]:
    """All mutants of the list."""
    read = tomllib.loads(LIST.read_text(encoding="utf-8"))["mutant"]
    return [
        Mutant(
            mutant["without"],
            tuple(Edit(edit["file"], edit["old"].strip("\n"), edit["new"].strip("\n")) for edit in mutant["edit"]),
            tuple(mutant["tests"]),
        )
        for mutant in read
    ]


def copy_to(tree: Path) -> None:
    """What git would commit, with what is set up beside it."""
    git = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(git, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tree / name)
    (tree / ".local").mkdir()
    for there in (".venv", ".local/dynamodb"):
        (tree / there).symlink_to(ROOT / there)


def run(tree: Path, test: str, workers: int = 0) -> tuple[int, str]:
    """Run one test of the list in the tree, or several as one; their exit status and output."""
    environment = {**os.environ, "WORKERS": str(workers)}
    command = ["scripts/run_tests", "-x", "-q", "-p", "no:cacheprovider", *shlex.split(test)]
    if test.startswith(SIMULATE):
        environment |= {"FLOW": test.removeprefix(SIMULATE), "STEPS": "0", "SEED": "1"}
        command = ["scripts/simulate"]
    try:
        ran = subprocess.run(
            command,
            cwd=tree,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=LONGEST_SECONDS,
        )
    except subprocess.TimeoutExpired as late:
        raise CannotTry(f"{test} came to no end in {LONGEST_SECONDS} s") from late
    return ran.returncode, ran.stdout


def noticed_by(output: str) -> str | None:
    """Which test failed, or which strike of the simulation; None if none did, and something else went wrong."""
    found = re.search(r"^FAILED (tests/.+?)(?: - |$)", output, re.MULTILINE)
    struck = re.search(r"^(.+?, (?:call \d+ \(.+?\), [\w, ]+|nothing struck)): ", output, re.MULTILINE)
    if struck is not None:
        return f"make simulate: {struck[1]}"
    return found[1] if found is not None else None


def tried(tree: Path, mutant: Mutant) -> str | None:
    """What notices the mutant; None if nothing does. CannotTry, with the reason, if that cannot be told."""
    before = {edit.file: (tree / edit.file).read_text(encoding="utf-8") for edit in mutant.edits}
    try:
        for edit in mutant.edits:
            there = tree / edit.file
            there.write_text(edit.made_in(there.read_text(encoding="utf-8")), encoding="utf-8")
        for test in mutant.tests:
            status, output = run(tree, test)
            if status == 0:
                continue
            seen = noticed_by(output)
            if status != FAILED or seen is None:
                raise CannotTry(f"{test} ended with {status}:\n{output}")
            return seen
    finally:
        for file, text in before.items():
            (tree / file).write_text(text, encoding="utf-8")
    return None


def without_change(mutants: list[Mutant]) -> list[str]:
    """All that the list names, the tests in one run."""
    named = sorted({test for mutant in mutants for test in mutant.tests})
    flows = [test for test in named if test.startswith(SIMULATE)]
    tests = [test for test in named if not test.startswith(SIMULATE)]
    return [*([" ".join(tests)] if tests else []), *flows]


def failing_without_change(tree: Path, mutants: list[Mutant], workers: int) -> str | None:
    """What of the list does not pass as the code is, with its output."""
    for test in without_change(mutants):
        status, output = run(tree, test, workers)
        if status != 0:
            return f"{test} does not pass without any change, or ran nothing ({status}):\n{output}"
    return None


class Trees:
    """Copies of the tree, each lent to one mutant at a time."""

    def __init__(self, folder: Path, number: int) -> None:
        self.free: queue.SimpleQueue[Path] = queue.SimpleQueue()
        for index in range(number):
            tree = folder / str(index)
            tree.mkdir()
            copy_to(tree)
            self.free.put(tree)

    def noticed(self, mutant: Mutant) -> str | None:
        """What notices the mutant; None, and why on the error output, if nothing does or it cannot be tried."""
        tree, began = self.free.get(), time.monotonic()
        try:
            return tried(tree, mutant)
        except CannotTry as answer:
            print(f"{mutant.name}: {answer}", file=sys.stderr)
            return None
        finally:
            self.free.put(tree)
            print(f"{time.monotonic() - began:6.0f} s  {mutant.name}", file=sys.stderr, flush=True)


def main() -> int:
    wanted, workers = os.environ.get("ONLY", ""), int(os.environ.get("WORKERS") or 2)
    mutants = [mutant for mutant in listed() if wanted in mutant.name]
    if not mutants:
        print(f"No mutant has {wanted!r} in its name.")
        return 1
    survived, began = 0, time.monotonic()
    with (
        dynamodb_local(ROOT / ".local" / "dynamodb", None) as url,
        tempfile.TemporaryDirectory(prefix="mutants-") as folder,
        ThreadPoolExecutor(workers) as pool,
    ):
        os.environ["DYNAMODB_LOCAL_URL"] = url
        trees = Trees(Path(folder), workers)
        failing = failing_without_change(Path(folder) / "0", mutants, workers)
        if failing is not None:
            print(failing)
            return 1
        print("| without | noticed by |\n|---|---|")
        for mutant, seen in zip(mutants, pool.map(trees.noticed, mutants), strict=True):
            survived += int(seen is None)
            print(f"| {mutant.name} | {seen or 'NOTHING'} |", flush=True)
    minutes = (time.monotonic() - began) / 60
    print(f"\n{len(mutants)} mutants in {minutes:.0f} min, {survived} that nothing noticed or that could not be tried")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
