"""The billing page's files over HTTP, and nothing beside them."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests

from local.gateway.messages import HttpRequest, HttpResponse
from local.gateway.pages import Pages
from local.gateway.routing import Router
from local.paths import CONSOLE, DASHBOARD, REFERENCE, TEMPLATE
from local.stack import Stack
from local.template import load_app


def ask(pages: Pages, path: str, method: str = "GET") -> HttpResponse | None:
    return pages.answer(HttpRequest(method, path, "", (), b"", "127.0.0.1", 3000))


@pytest.fixture
def pages(tmp_path: Path) -> Pages:
    """A folder with a page, beside a secret."""
    (tmp_path / "secret.js").write_text("the secret is 42")
    folder = tmp_path / "site"
    (folder / "lib").mkdir(parents=True)
    (folder / "index.html").write_text("<p>page</p>")
    (folder / "lib" / "a.js").write_text("export {}")
    (folder / ".env").write_text("the secret is 42")
    return Pages(folder)


def test_the_root_is_the_page(pages: Pages) -> None:
    for path in ("/", "/index.html"):
        answer = ask(pages, path)
        assert answer is not None
        assert (answer.status, answer.body) == (200, b"<p>page</p>")
        assert dict(answer.headers)["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.js",
        "/lib/../../secret.js",
        "/%2e%2e/secret.js",
        "/..%2fsecret.js",
        "//secret.js",
        "/lib/..\\..\\secret.js",
        "/.env",
        "/lib",
        "/lib/",
        "/lib/a.js/",
        "/lib/a",
        "",
    ],
)
def test_no_path_leads_to_what_is_no_file_of_the_page(pages: Pages, path: str) -> None:
    assert ask(pages, path) is None


def test_a_page_is_only_read(pages: Pages) -> None:
    answer = ask(pages, "/lib/a.js", "PUT")
    assert answer is not None
    assert (answer.status, dict(answer.headers)["allow"]) == (405, "GET, HEAD")


def test_every_file_has_its_type_and_the_headers_that_keep_foreign_code_out(stack: Stack) -> None:
    for path, kind in {"/": "text/html", "/app.js": "text/javascript", "/styles/base.css": "text/css"}.items():
        answer = requests.get(f"{stack.base_url}{path}", timeout=60)
        assert (answer.status_code, answer.headers["content-type"]) == (200, f"{kind}; charset=utf-8")
        assert answer.headers["x-content-type-options"] == "nosniff"
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
    assert requests.head(f"{stack.base_url}/app.js", timeout=60).text == ""


def test_no_file_of_the_page_stands_in_the_way_of_a_route() -> None:
    router = Router(load_app(TEMPLATE).routes)
    paths = ["/", *(f"/{file.relative_to(DASHBOARD).as_posix()}" for file in DASHBOARD.rglob("*"))]
    assert [path for path in paths if router.match("GET", path) is not None] == []


def test_the_console_and_the_reference_are_served_beside_the_doors_and_the_routes(stack: Stack) -> None:
    for path in ("/_local/", "/_local", "/docs", "/docs/"):
        answer = requests.get(f"{stack.base_url}{path}", timeout=60)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8"), path
        assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert requests.get(f"{stack.base_url}/_local/clock", timeout=60).json()["unix"]
    assert requests.get(f"{stack.base_url}/docs/swagger-ui-bundle.js", timeout=60).status_code == 200


def test_no_page_of_the_stack_names_another_host() -> None:
    for folder in (CONSOLE, REFERENCE):
        for file in folder.iterdir():
            assert "//" not in file.read_text(encoding="utf-8").replace("// ", ""), file
