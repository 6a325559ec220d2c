"""One POST to a server that is not ours: whatever it does, it is bounded, and what it says hardly matters."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from aerostack_billing.notifications.outward import MOST_BYTES, Undelivered, post
from aerostack_billing.notifications.targets import Target

Serve = Callable[[socket.socket], None]


def _some(connection: socket.socket) -> bytes:
    read = connection.recv(65_536)
    if not read:
        raise ConnectionError("the client is gone")
    return read


def read_request(connection: socket.socket) -> bytes:
    got = b""
    while b"\r\n\r\n" not in got:
        got += _some(connection)
    head, _, body = got.partition(b"\r\n\r\n")
    length = int(next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")).split()[1])
    while len(body) < length:
        body += _some(connection)
    return head + b"\r\n\r\n" + body


@contextmanager
def serving(serve: Serve, secured: ssl.SSLContext | None = None) -> Iterator[int]:
    """A server of one connection; its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        try:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(20)
                if secured is None:
                    serve(connection)
                else:
                    with secured.wrap_socket(connection, server_side=True) as inner:
                        serve(inner)
        except OSError:
            pass  # the client is gone, which is what some of these tests are about

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.close()
        thread.join(20)


def target(port: int, scheme: str = "http", host: str = "hooks.example.com") -> Target:
    return Target(f"{scheme}://{host}/a", scheme, host, port, "/a?b=c", ("127.0.0.1",))


def answering(answer: bytes) -> Serve:
    def serve(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(answer)

    return serve


def test_a_request_names_the_host_and_connects_to_the_address() -> None:
    heard: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        heard.append(read_request(connection))
        connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    with serving(serve) as port:
        assert post(target(port), {"webhook-id": "evt_1"}, b'{"a": 1}') == 204
    head, _, body = heard[0].partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST /a?b=c HTTP/1.1"
    assert f"host: hooks.example.com:{port}".encode() in lines
    assert b"webhook-id: evt_1" in lines
    assert body == b'{"a": 1}'


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", 200),
        (b"HTTP/1.0 200\r\n\r\n", 200),
        (b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\n\r\n", 302),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 201 Created\r\n\r\n", 201),
        (b"HTTP/1.1 500 No\r\n\r\n", 500),
    ],
)
def test_the_status_is_all_that_is_waited_for(answer: bytes, status: int) -> None:
    with serving(answering(answer)) as port:
        assert post(target(port), {}, b"{}") == status


@pytest.mark.parametrize(
    "answer", [b"", b"SSH-2.0-OpenSSH_9.6\r\n", b"HTTP/2 200\r\n\r\n", b"HTTP/1.1 2000 OK\r\n", b"x" * 20_000]
)
def test_what_is_no_http_is_not_delivered(answer: bytes) -> None:
    with serving(answering(answer)) as port, pytest.raises(Undelivered, match=r"no HTTP|broke off"):
        post(target(port), {}, b"{}")


def test_an_answer_of_gigabytes_is_left_after_a_few_kilobytes() -> None:
    sent: list[int] = []

    def serve(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 100 Continue\r\n")
        try:
            while sum(sent) < 64 * 1024 * 1024:
                sent.append(connection.send(b"X-Padding: " + b"x" * 1_000_000 + b"\r\n"))
        except OSError:
            return

    with serving(serve) as port, pytest.raises(Undelivered):
        post(target(port), {}, b"{}")
    # What the kernel keeps between the two is all that the receiver got rid of.
    assert MOST_BYTES < sum(sent) < 64 * 1024 * 1024


def hang(connection: socket.socket) -> None:
    read_request(connection)
    connection.recv(1)


def drip(connection: socket.socket) -> None:
    read_request(connection)
    for byte in b"HTTP/1.1 200 OK and on and on it goes":
        connection.sendall(bytes([byte]))
        time.sleep(0.1)


def never_read(connection: socket.socket) -> None:
    time.sleep(2)


@pytest.mark.parametrize("serve", [hang, drip, never_read], ids=["hangs", "drips", "does not read"])
def test_a_receiver_that_takes_its_time_is_left_at_the_deadline(serve: Serve) -> None:
    body = b"x" * 20_000_000 if serve is never_read else b"{}"
    with serving(serve) as port, pytest.raises(Undelivered, match="no answer within"):
        post(target(port), {}, body, seconds=0.5)


def test_a_receiver_that_is_not_there_is_not_delivered_to() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # taken, so that nobody else listens there, and never listened on
        with pytest.raises(Undelivered, match="connection failed"):
            post(target(nobody.getsockname()[1]), {}, b"{}")


# TLS: the connection goes to the address, the certificate is the name's


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of hooks.example.com, by itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hooks.example.com")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("hooks.example.com")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    encoding, clear = serialization.Encoding.PEM, serialization.NoEncryption()
    file.write_bytes(
        key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, clear) + certificate.public_bytes(encoding)
    )
    return file


@pytest.fixture
def secured(certified: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certified)
    return context


def test_tls_is_of_the_name_though_the_connection_is_to_the_address(certified: Path, secured: ssl.SSLContext) -> None:
    def trusting() -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(certified))

    asked: list[str] = []
    secured.sni_callback = lambda _socket, name, _context: asked.append(name)
    with serving(answering(b"HTTP/1.1 200 OK\r\n\r\n"), secured) as port:
        assert post(target(port, "https"), {}, b"{}", trust=trusting) == 200
    assert asked == ["hooks.example.com"]
    fine, wrong = answering(b"HTTP/1.1 200 OK\r\n\r\n"), "certificate is not valid"
    with serving(fine, secured) as port, pytest.raises(Undelivered, match=wrong):
        post(target(port, "https", "other.example.com"), {}, b"{}", trust=trusting)
    with serving(fine, secured) as port, pytest.raises(Undelivered, match=wrong):
        post(target(port, "https"), {}, b"{}")
    with serving(answering(b"HTTP/1.1 200 OK\r\n\r\n")) as port, pytest.raises(Undelivered):
        post(target(port, "https"), {}, b"{}", seconds=2)
