"""`make run` and `make token`, as processes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest
import requests

ROOT = Path(__file__).parents[2]
LOCAL = [sys.executable, "-m", "local"]


@pytest.fixture(scope="module")
def process() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`make run` on a free port, and what it printed until it was up."""
    environment = {**os.environ, "PORT": "0", "STORE": "moto"}
    with subprocess.Popen(
        [*LOCAL, "run"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as running:
        assert running.stdout is not None
        printed = ""
        for line in running.stdout:
            printed += line
            if "first request" in line:
                break
        yield running, printed
        running.kill()


def token(port: str, *options: str) -> subprocess.CompletedProcess[str]:
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in {"PORT", "SCOPES", "EXPIRES_IN", "PROVIDER", "CLAIMS"}
    }
    command = [*LOCAL, "token", "--port", port, *options]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def base(printed: str) -> str:
    found = re.search(r"http://127\.0\.0\.1:\d+", printed)
    assert found, printed
    return found[0]


def test_run_prints_a_first_curl_that_works_as_it_is(process: tuple[subprocess.Popen[str], str]) -> None:
    command = next(line for line in process[1].splitlines() if "/api/billing " in line)
    curl = command[command.index("curl") :]
    answer = subprocess.run(["bash", "-c", curl], capture_output=True, text=True, check=True)
    assert '"plan_tier": "pro"' in answer.stdout


def test_run_names_the_accounts_to_sign_in_as_and_prints_one_token(process: tuple[subprocess.Popen[str], str]) -> None:
    assert re.findall(r"acct_\w+(?= {2})", process[1]) == ["acct_demo", "acct_new", "acct_past_due"]
    assert len(re.findall(r"[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}", process[1])) == 1


def test_a_token_imports_nothing_that_takes_long(process: tuple[subprocess.Popen[str], str]) -> None:
    command = [
        sys.executable,
        "-X",
        "importtime",
        "-m",
        "local",
        "token",
        "--port",
        base(process[1]).rpartition(":")[2],
    ]
    imported = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stderr
    for heavy in ("boto3", "cryptography", "jinja2", "jwt", "moto", "pydantic", "werkzeug", "yaml"):
        assert not re.search(rf"\| +{heavy}\b", imported), heavy


def test_without_a_stack_a_token_is_made_for_the_one_that_starts_next() -> None:
    minted = token("1", "--account", "acct_9")
    assert (minted.returncode, minted.stderr) == (0, "")
    assert jwt.decode(minted.stdout.strip(), options={"verify_signature": False})["sub"] == "acct_9"


def test_run_names_the_billing_page_which_is_served_there(process: tuple[subprocess.Popen[str], str]) -> None:
    line = next(line for line in process[1].splitlines() if "billing page" in line)
    answer = requests.get(line.split()[-1], timeout=60)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")


def test_token_prints_a_token_that_the_stack_takes_and_nothing_else(process: tuple[subprocess.Popen[str], str]) -> None:
    url = base(process[1])
    minted = token(url.rpartition(":")[2], "--account", "acct_9")
    assert (minted.returncode, minted.stderr) == (0, "")
    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+\n", minted.stdout)
    headers = {"Authorization": f"Bearer {minted.stdout.strip()}"}
    assert requests.get(f"{url}/api/billing", headers=headers, timeout=60).status_code == 200


def test_a_token_is_dated_by_the_running_stack(process: tuple[subprocess.Popen[str], str]) -> None:
    url = base(process[1])
    requests.post(f"{url}/_local/advance", json={"days": 400}, timeout=120)
    unix = requests.get(f"{url}/_local/clock", timeout=60).json()["unix"]
    minted = token(url.rpartition(":")[2], "--expires-in", "60", "--scopes", "billing:meter billing:charge").stdout
    claims = jwt.decode(minted.strip(), options={"verify_signature": False})
    assert claims["iat"] - unix in range(60)
    assert claims["exp"] == claims["iat"] + 60
    assert (claims["sub"], claims["scope"]) == ("acct_demo", "billing:meter billing:charge")


def test_a_token_looks_like_the_named_provider_s_with_more_claims(process: tuple[subprocess.Popen[str], str]) -> None:
    port = base(process[1]).rpartition(":")[2]
    minted = token(port, "--provider", "auth0", "--claims", '{"org_id": "org_2abc", "role": "owner"}').stdout
    claims = jwt.decode(minted.strip(), options={"verify_signature": False})
    assert (claims["org_id"], claims["role"], claims["sub"]) == ("org_2abc", "owner", "acct_demo")
    assert claims["scope"] == "openid profile email"


@pytest.mark.parametrize("claims", ["org_2abc", "[]", "{"])
def test_claims_that_are_no_json_object_are_refused_without_a_token(claims: str) -> None:
    refused = token("1", "--claims", claims)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "--claims" in refused.stderr


def test_a_lifetime_that_is_no_number_is_refused_without_a_token() -> None:
    refused = token("1", "--expires-in", "long")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "--expires-in must be a whole number" in refused.stderr


def test_run_ends_at_once_and_cleanly_when_it_is_told_to(process: tuple[subprocess.Popen[str], str]) -> None:
    running, printed = process
    with requests.Session() as kept_open:
        kept_open.get(f"{base(printed)}/api/billing/plans", timeout=60)
        running.send_signal(signal.SIGTERM)
        assert running.wait(60) == 0
