"""What is handed out: the package as it is built, and its README as it is read."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from aerostack_billing_client.client import AGENT
from tests.clients.people import SCOPES, Clients
from tests.flows.client import BACK, Account, Api

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "clients/python"
PROJECT = tomllib.loads((PACKAGE / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def blocks(readme: Path, note: str = "") -> list[str]:
    """The Python of a README, in order."""
    text = readme.read_text(encoding="utf-8")
    return re.findall(rf"^{note}```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the package is built into."""
    folder = tmp_path_factory.mktemp("built")
    build = [tool("uv"), "build", "--offline", "--no-config", "--out-dir", folder, PACKAGE]
    done = subprocess.run(build, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def tool(name: str) -> Path:
    return Path(sys.executable).with_name(name)


def test_the_wheel_holds_the_package_with_its_types_and_licence(built: Path, tmp_path: Path) -> None:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        names = set(packed.namelist())
        packed.extractall(tmp_path / "installed")
    assert names >= sources() | {"aerostack_billing_client/py.typed"}
    assert any(name.endswith("/licenses/LICENSE") for name in names)
    assert not [name for name in names if "test_" in name or "__pycache__" in name]
    imported = subprocess.run(
        [
            sys.executable,
            "-c",
            "import aerostack_billing_client as c, sys; print(c.__file__); sys.exit('boto3' in sys.modules)",
        ],
        env={**os.environ, "PYTHONPATH": str(tmp_path / "installed")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert imported.returncode == 0, imported.stderr
    assert imported.stdout.startswith(str(tmp_path))


def sources() -> set[str]:
    """The package's modules, as a wheel names them."""
    return {str(path.relative_to(PACKAGE)) for path in (PACKAGE / "aerostack_billing_client").rglob("*.py")}


def test_the_sdist_holds_what_the_wheel_is_built_from(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as packed:
        names = {name.partition("/")[2] for name in packed.getnames()}
    assert names >= sources() | {"README.md", "CHANGELOG.md", "LICENSE", "pyproject.toml"}


def test_the_package_index_would_take_both_as_they_are(built: Path) -> None:
    check = [tool("twine"), "check", "--strict", *built.glob("*.whl"), *built.glob("*.tar.gz")]
    checked = subprocess.run(check, capture_output=True, text=True, timeout=60, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert checked.stdout.count("PASSED") == 2


def test_the_changelog_tells_of_this_version() -> None:
    changes = (PACKAGE / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"\n## {PROJECT['version']}\n" in changes


def test_it_depends_on_one_package_and_says_its_version() -> None:
    assert [re.split(r"[<>=]", needed)[0] for needed in PROJECT["dependencies"]] == ["urllib3"]
    assert AGENT.endswith(f"/{PROJECT['version']}")
    root = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (PROJECT["version"], PROJECT["requires-python"]) == (root["version"], root["requires-python"])
    assert (PACKAGE / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_the_packages_readme_runs(clients: Clients) -> None:
    clients.pay_in(500)
    stack = clients.account.api.stack
    names: dict[str, object] = {
        "URL": stack.base_url,
        "ACCOUNT": clients.id,
        "USER_TOKEN": clients.account.token,
        "BACK": BACK["success_url"],
        "fetch_token": lambda: stack.token("svc_platform", SCOPES),
    }
    found = blocks(PACKAGE / "README.md")
    assert len(found) >= 5
    for block in found:
        exec(compile(block, "README.md", "exec"), names)
    usage = clients.user.usage().usage
    assert (usage["ai_tokens"].used, usage["email_sends"].used, usage["api_requests"].used) == (2_000, 2, 101)
    assert clients.user.balance().balance_micros == 5_000_000 - 123_400 - 68_000 - 360 - 400_000
    for name in ("billing", "me"):
        names[name].close()  # type: ignore[attr-defined]


def test_the_readme_calls_it_as_it_says(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    person = Account(api, "acct_demo")
    person.verify(person.pay(person.send("POST", "/api/balance/deposit", {"amount_cents": 500, **BACK}).json()["url"]))
    (block,) = blocks(ROOT / "README.md", "<!-- runs in: tests/clients/test_package.py -->\n")
    assert len(block.splitlines()) <= 14
    monkeypatch.setenv("SERVICE_TOKEN", api.stack.token("svc_platform", SCOPES))
    exec(compile(block.replace("http://127.0.0.1:3000", api.stack.base_url), "README.md", "exec"), {})
    assert person.usage("api_requests")["used"] == 1
    assert person.get("/api/balance")["balance_micros"] == 5_000_000 - 123_400
