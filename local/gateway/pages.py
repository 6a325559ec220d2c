"""Pages: the files of a folder, as a bucket would serve them."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path

from local.gateway.callers import PREFIX
from local.gateway.messages import Headers, HttpRequest, HttpResponse, message
from local.paths import CONSOLE, DASHBOARD, REFERENCE

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# Swagger UI styles its elements in place, and has its icons in its style counters_item.
_SWAGGER_POLICY = _POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'").replace(
    "img-src 'self'", "img-src 'self' data:"
)
_SWAGGER_FILES = ("swagger-ui.css", "swagger-ui-bundle.js")


def security_headers(policy: str = _POLICY) -> Headers:
    """What every page is served with."""
    return (
        ("content-security-policy", policy),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        # What is edited is seen on the next reload.
        ("cache-control", "no-cache"),
    )


class Pages:
    """Answers for the files of a folder at a path, for the `more` files that are named, and for nothing else.

    `at` is the path of the folder's `index.html`, with a slash at its end; the path without it is served too.
    """

    def __init__(
        self, folder: Path, at: str = "/", more: Mapping[str, Path] | None = None, policy: str = _POLICY
    ) -> None:
        self._folder = folder
        self._at = at
        self._more = dict(more or {})
        self._headers = security_headers(policy)

    def answer(self, request: HttpRequest) -> HttpResponse | None:
        """The file at the path; None where there is none. 405 for a method that would write."""
        file = self._files().get(request.path)
        if file is None:
            return None
        if request.method not in {"GET", "HEAD"}:
            return message(405, "Method Not Allowed", (("allow", "GET, HEAD"),))
        return HttpResponse(200, (("content-type", _TYPES[file.suffix]), *self._headers), file.read_bytes())

    def _files(self) -> dict[str, Path]:
        """The files by their path. A path is looked up, never followed, so that none leads out of the folder."""
        files = {
            f"{self._at}{file.relative_to(self._folder).as_posix()}": file
            for file in self._folder.rglob("*")
            if file.suffix in _TYPES and file.is_file()
        }
        files |= {f"{self._at}{name}": file for name, file in self._more.items()}
        index = files.get(f"{self._at}index.html")
        if index is not None:
            files[self._at] = index
            if self._at != "/":
                files[self._at.rstrip("/")] = index
        return files


class Site:
    """All pages of the stack: the billing page, the local console, the reference of the API."""

    def __init__(self) -> None:
        self._all = (
            Pages(DASHBOARD),
            Pages(CONSOLE, f"{PREFIX}/"),
            Pages(REFERENCE, "/docs/", _swagger(), _SWAGGER_POLICY),
        )

    def answer(self, request: HttpRequest) -> HttpResponse | None:
        """The first that has the path."""
        return next((answer for pages in self._all if (answer := pages.answer(request)) is not None), None)


def _swagger() -> dict[str, Path]:
    """The two files of Swagger UI, out of the package that brings them."""
    found = importlib.util.find_spec("swagger_ui")
    assert found is not None
    assert found.submodule_search_locations is not None
    static = Path(found.submodule_search_locations[0]) / "static"
    return {name: static / name for name in _SWAGGER_FILES}
