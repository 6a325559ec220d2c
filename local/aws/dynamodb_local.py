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

_STARTS_WITHIN_SECONDS = 60
_PORTS_TRIED = 3
"""It cannot say which port it took, and the one it is told may be gone by the time it wants it."""


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
    where = ["-inMemory"] if data is None else ["-dbPath", str(data.resolve())]
    if data is not None:
        data.mkdir(parents=True, exist_ok=True)
    command = [java, f"-Djava.library.path={jar.parent / 'DynamoDBLocal_lib'}", "-jar", str(jar)]
    process, port = _started([*command, "-sharedDb", "-disableTelemetry", *where], jar.parent)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        _end(process)


def _started(command: list[str], folder: Path) -> tuple[subprocess.Popen[bytes], int]:
    """The process, answering, and its port."""
    status = None
    for _ in range(_PORTS_TRIED):
        port = _free_port()
        process = subprocess.Popen(  # noqa: S603 - the program and its arguments are this stack's own
            [*command, "-port", str(port)], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            status = _ended_instead_of_coming_up(process, port)
        except BaseException:
            _end(process)
            raise
        if status is None:
            return process, port
    raise DynamoDbLocalMissing(f"DynamoDB Local ended at once, with exit status {status}")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(_STARTS_WITHIN_SECONDS)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _ended_instead_of_coming_up(process: subprocess.Popen[bytes], port: int) -> int | None:
    """Wait until it answers; the exit status if it ended before."""
    end = time.monotonic() + _STARTS_WITHIN_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            return process.returncode
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return None
    raise DynamoDbLocalMissing(f"DynamoDB Local did not come up within {_STARTS_WITHIN_SECONDS} seconds")
