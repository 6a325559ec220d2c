"""Amazon's DynamoDB Local as a child process: for data that outlives the stack, and for exactness."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.errors import LocalError

_STARTS_WITHIN_SECONDS = 30


class DynamoDbLocalMissing(LocalError):
    """DynamoDB Local, or the Java it needs, is not here; the message says how to get it."""


@contextmanager
def dynamodb_local(folder: Path, data: Path | None) -> Iterator[str]:
    """Run it inside the block and hand back its URL. `folder` is where it was unpacked; `data` None keeps nothing."""
    jar = next(iter(sorted(folder.rglob("DynamoDBLocal.jar"))), None)
    if jar is None:
        raise DynamoDbLocalMissing(f"no DynamoDBLocal.jar in {folder}: run scripts/fetch_dynamodb_local")
    java = shutil.which("java")
    if java is None:
        raise DynamoDbLocalMissing(
            "DynamoDB Local needs Java 17 or newer: install it, or run without STORE=dynamodb-local"
        )
    port = _free_port()
    where = ["-inMemory"] if data is None else ["-dbPath", str(data.resolve())]
    if data is not None:
        data.mkdir(parents=True, exist_ok=True)
    command = [java, f"-Djava.library.path={jar.parent / 'DynamoDBLocal_lib'}", "-jar", str(jar)]
    process = subprocess.Popen(  # noqa: S603 - the program and its arguments are this stack's own
        [*command, "-sharedDb", "-disableTelemetry", "-port", str(port), *where],
        cwd=jar.parent,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_until_up(process, port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_up(process: subprocess.Popen[bytes], port: int) -> None:
    end = time.monotonic() + _STARTS_WITHIN_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            raise DynamoDbLocalMissing(f"DynamoDB Local ended at once, with exit status {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise DynamoDbLocalMissing(f"DynamoDB Local did not come up within {_STARTS_WITHIN_SECONDS} seconds")
