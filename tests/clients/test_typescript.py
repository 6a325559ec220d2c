"""The TypeScript client: its own tests, what is packed of it, and its calls on the stack."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.clients.faults import LOST_AFTER, FaultServer, failed
from tests.clients.people import SCOPES, Clients

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "clients/typescript"
MANIFEST = json.loads((PACKAGE / "package.json").read_text(encoding="utf-8"))
pytestmark = pytest.mark.npm


def ran(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command in the package's folder."""
    return subprocess.run(
        command,
        cwd=PACKAGE,
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def built() -> None:
    """The package, built from today's document."""
    assert (PACKAGE / "node_modules/.ready").exists(), "run scripts/fetch_node_packages"
    done = ran("npm", "run", "--silent", "build")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.usefixtures("built")
def test_it_compiles_as_callers_write_it_and_its_own_tests_pass() -> None:
    checked = ran("npx", "tsc")
    assert checked.returncode == 0, checked.stdout
    tested = ran("node", "--test", "--test-reporter", "tap", *(str(path) for path in PACKAGE.glob("test/*.test.js")))
    assert tested.returncode == 0, tested.stdout
    assert "# fail 0" in tested.stdout
    assert "# pass 0" not in tested.stdout


@pytest.mark.usefixtures("built")
def test_its_calls_do_once_what_they_say_whatever_is_lost(clients: Clients, door: FaultServer) -> None:
    clients.pay_in(500)
    stack = clients.account.api.stack
    door.spoil(LOST_AFTER, path="/consume")
    door.spoil(failed(503, effect=True), path="/charges")
    door.spoil(LOST_AFTER, path="/capture")
    done = ran(
        "node",
        "test/stack.js",
        BILLING_URL=door.base_url,
        ACCOUNT=clients.id,
        SERVICE_TOKEN=stack.token("svc_platform", SCOPES),
        USER_TOKEN=clients.account.token,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "status": 200,
        "freed": True,
        "replayed": True,
        "quoted": 15,
        "captured": 15,
        "short": [402, "INSUFFICIENT_BALANCE", "passed on"],
        "priced": ["0.15", 15, "gpt-4o-mini"],
        "budget": ["ok", "BUDGET_REACHED", 15, 1],
        "used": [1_200, 1, 100],
        "balance_micros": 5_000_000 - 300_000,
        "allowed": [50, 0, 0, "piece-0"],
        "byTokens": ["0.062", "0.062", 0],
        "types": ["charge", "capture", "release", "hold", "charge_refund", "charge", "deposit"],
    }


@pytest.mark.usefixtures("built")
def test_what_is_packed_is_the_client_with_its_types_and_nothing_else() -> None:
    packed = ran("npm", "pack", "--dry-run", "--json", "--ignore-scripts")
    assert packed.returncode == 0, packed.stderr
    (listed,) = (
        json.loads(packed.stdout) if packed.stdout.lstrip().startswith("[") else json.loads(packed.stdout).values()
    )
    names = {file["path"] for file in listed["files"]}
    sources = {path.stem for path in PACKAGE.glob("src/*.ts")}
    built = {f"dist/{name}.{kind}" for name in sources for kind in ("js", "d.ts")}
    assert names == built | {"README.md", "CHANGELOG.md", "LICENSE", "package.json"}


def test_it_needs_nothing_at_run_time_and_its_lock_names_no_host() -> None:
    assert "dependencies" not in MANIFEST
    lock = json.loads((PACKAGE / "package-lock.json").read_text(encoding="utf-8"))
    packages = [package for name, package in lock["packages"].items() if name]
    assert packages
    assert all(package["integrity"].startswith("sha512-") for package in packages if not package.get("link"))
    assert not [package for package in packages if "resolved" in package]
    assert all(version[0].isdigit() for version in MANIFEST["devDependencies"].values())


def test_its_version_and_licence_are_the_projects() -> None:
    root = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert MANIFEST["version"] == root["version"]
    assert f"\n## {MANIFEST['version']}\n" in (PACKAGE / "CHANGELOG.md").read_text(encoding="utf-8")
    assert (PACKAGE / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_it_uses_nothing_that_only_node_has() -> None:
    for source in PACKAGE.glob("src/*.ts"):
        text = source.read_text(encoding="utf-8")
        assert '"node:' not in text
        assert "process." not in text
        assert "Buffer" not in text


_SAME = {"applySession": "verifySession", "openPortal": "portal"}
"""Operations that do by POST what another does by GET: one method is for both."""


def test_every_operation_has_a_method_of_its_name() -> None:
    document = json.loads((ROOT / "docs/openapi.json").read_text(encoding="utf-8"))
    client = (PACKAGE / "src/client.ts").read_text(encoding="utf-8")
    named = {operation["operationId"] for methods in document["paths"].values() for operation in methods.values()}
    named = {_SAME.get(name, name) for name in named}
    assert not [name for name in named if not re.search(rf"^  (?:async )?{name}\(", client, re.MULTILINE)]
