"""Cold starts: each function by Lambda's own runtime in a new process, with the layer as it is deployed."""

from __future__ import annotations

import compileall
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import metadata
from pathlib import Path
from queue import Empty
from typing import Any

from local.lambdas.runtime_api import Invocation, runtime_api
from local.paths import ROOT

FLOOR = "import boto3\n\nboto3.client('dynamodb')\n\n\ndef handler(event, context):\n    return {}\n"
_WAIT_SECONDS = 60
_LIMIT_SECONDS = 300
"""As the sweeps have it: with half a minute left they begin nothing."""
_RUNTIME = ("awslambdaric", "simplejson", "snapshot-restore-py")
_BOTO3 = ("boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six", "urllib3")


@dataclass(frozen=True)
class Started:
    """Milliseconds from nothing to the first answer: on the wall, and of processor time."""

    wall: float
    cpu: float


@dataclass
class Starts:
    """The starts of one kind. The least of them is what it takes when nothing else runs."""

    each: list[Started] = field(default_factory=list)

    @property
    def cpu(self) -> float:
        """The least processor time."""
        return min(started.cpu for started in self.each)

    @property
    def wall(self) -> float:
        """The least time on the wall."""
        return min(started.wall for started in self.each)


@dataclass(frozen=True)
class Folders:
    """What stands where the Lambda service would put it."""

    layer: Path
    floor: Path
    runtime: Path

    @classmethod
    def filled(cls, folder: Path) -> Folders:
        """Made again from the packages of this environment: the layer as its Makefile makes it, with bytecode."""
        shutil.rmtree(folder, ignore_errors=True)
        made = cls(folder / "layer", folder / "floor", folder / "runtime")
        lock = (ROOT / "layers/common/requirements.txt").read_text()
        _install(re.findall(r"^([A-Za-z0-9_.-]+)==", lock, re.MULTILINE), made.layer)
        own = "aerostack_billing"
        shutil.copytree(ROOT / "layers/common" / own, made.layer / own, ignore=shutil.ignore_patterns("__pycache__"))
        trim = [sys.executable, str(ROOT / "layers/common/trim_botocore.py"), str(made.layer)]
        subprocess.run(trim, check=True)
        _install(_BOTO3, made.floor)
        (made.floor / "app.py").write_text(FLOOR)
        _install(_RUNTIME, made.runtime)
        for each in (made.layer, made.floor, made.runtime):
            compileall.compile_dir(each, quiet=2)
        return made


def _install(packages: Sequence[str], folder: Path) -> None:
    for package in packages:
        try:
            found = metadata.distribution(package)
        except metadata.PackageNotFoundError:
            continue  # for another Python or system
        for file in found.files or ():
            if file.parts[0] in {"..", "."} or file.suffix == ".pyc":
                continue
            target = folder / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(str(file.locate()), target)


def copied(folder: Path, target: Path) -> None:
    """The folder again, without its bytecode."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(folder, target, ignore=shutil.ignore_patterns("__pycache__"))


def start(paths: Sequence[Path], code: Path, event: object, environment: dict[str, str]) -> tuple[Any, Started]:
    """The function in `code` in a new process: what it answers first, and what that took."""
    invocation = Invocation(event, "arn:aws:lambda:us-east-1:123456789012:function:measured", _LIMIT_SECONDS)  # type: ignore[arg-type]
    with runtime_api(invocation) as address:
        variables = {
            **environment,
            "PYTHONPATH": os.pathsep.join(map(str, paths)),
            "PYTHONDONTWRITEBYTECODE": "1",
            "AWS_LAMBDA_RUNTIME_API": address,
            "AWS_LAMBDA_FUNCTION_NAME": "measured",
            "LAMBDA_TASK_ROOT": str(code),
            "_HANDLER": "app.handler",
        }
        began = time.perf_counter()
        # The interpreter itself, without this environment's packages: a function sees its layer and nothing else.
        process = subprocess.Popen(
            [sys._base_executable, "-m", "awslambdaric", "app.handler"],  # type: ignore[attr-defined]
            env=variables,
            cwd=code,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            outcome = invocation.outcome.get(timeout=_WAIT_SECONDS)
        except Empty as none:
            raise AssertionError(f"{code} did not answer") from none
        finally:
            took = time.perf_counter() - began
            process.kill()
            _, _, used = os.wait4(process.pid, 0)
            process.returncode = 0
    assert not outcome.failed, outcome.value
    return outcome.value, Started(1000 * took, 1000 * (used.ru_utime + used.ru_stime))


_SECRET = {"SecretString": json.dumps({"api_key": "sk_test_local", "webhook_secrets": ["whsec_local"]})}


class _Aws(BaseHTTPRequestHandler):
    """Secrets Manager, which has the secret, EventBridge and SQS, which take all: as far as functions ask them."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0"))))
        answers = {
            "secretsmanager": _SECRET,
            "AWSEvents": {"Entries": [{"EventId": "e"} for _ in asked.get("Entries", [])]},
            "AmazonSQS": {
                "Successful": [
                    {"Id": entry["Id"], "MessageId": "m"} for entry in asked.get("Entries", []) if "Id" in entry
                ]
            },
        }
        body = json.dumps(answers[self.headers["X-Amz-Target"].partition(".")[0]]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def environment(settings: dict[str, str], dynamodb: str) -> Iterator[dict[str, str]]:
    """A function's variables: the tables, and where DynamoDB, Stripe and the rest of AWS are here."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Aws)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    aws = f"http://127.0.0.1:{server.server_port}"
    try:
        yield {
            **settings,
            "STRIPE_SECRET_ARN": "arn:aws:secretsmanager:us-east-1:123456789012:secret:stripe",
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL_DYNAMODB": dynamodb,
            **{f"AWS_ENDPOINT_URL_{service}": aws for service in ("SECRETS_MANAGER", "EVENTBRIDGE", "SQS")},
            "WEBHOOK_QUEUE_URL": f"{aws}/123456789012/webhooks",
            "MAIL_QUEUE_URL": f"{aws}/123456789012/mails",
        }
    finally:
        server.shutdown()
        server.server_close()
