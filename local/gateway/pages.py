"""The billing page: the files of `dashboard/`, as a bucket would serve them."""

from __future__ import annotations

from pathlib import Path

from local.gateway.messages import Headers, HttpRequest, HttpResponse, message

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

SECURITY_HEADERS: Headers = (
    ("content-security-policy", _POLICY),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    # What is edited is seen on the next reload.
    ("cache-control", "no-cache"),
)


class Pages:
    """Answers for the files of a folder, and for nothing else."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def answer(self, request: HttpRequest) -> HttpResponse | None:
        """The file at the path, `index.html` at `/`; None where there is none. 405 for a method that would write."""
        file = self._files().get(request.path)
        if file is None:
            return None
        if request.method not in {"GET", "HEAD"}:
            return message(405, "Method Not Allowed", (("allow", "GET, HEAD"),))
        return HttpResponse(200, (("content-type", _TYPES[file.suffix]), *SECURITY_HEADERS), file.read_bytes())

    def _files(self) -> dict[str, Path]:
        """The files by their path. A path is looked up, never followed, so that none leads out of the folder."""
        files = {
            f"/{file.relative_to(self._folder).as_posix()}": file
            for file in self._folder.rglob("*")
            if file.suffix in _TYPES and file.is_file()
        }
        if "/index.html" in files:
            files["/"] = files["/index.html"]
        return files
