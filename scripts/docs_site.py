"""Hooks of MkDocs: what the site in mkdocs.yml takes from outside docs/, and what it must not hold.

The documents of the repository's root are pages of the site too, and documents link to each other and to the code as
they do on a code host. Here a link to a document becomes a link to its page; a link to code becomes plain text, because
the code is not part of the site. A link to a file that does not exist fails the build.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
OUTSIDE = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "CHANGELOG.md": "changelog.md",
    "clients/python/README.md": "clients-python.md",
    "clients/typescript/README.md": "clients-typescript.md",
    "clients/mcp/README.md": "clients-mcp.md",
}
"""Each document outside docs/, by its path from the root, and the page that it becomes."""

_LINK = re.compile(r"(?<!!)\[((?:[^\[\]]|!\[[^\]]*\]\([^)]*\))*)\]\(([^)\s]+)\)|!\[([^\]]*)\]\(([^)\s]+)\)")
_LOADED = re.compile(
    r"""<(?:script|img|iframe|link(?![^>]*rel="?canonical))\b[^>]*\b(?:src|href)=["']?(?:https?:)?//"""
)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Add to the navigation what mkdocs.yml does not list: other pages of docs/, then every decision record."""
    listed = json.dumps(config.nav)
    others = sorted(path.name for path in DOCS.glob("*.md") if f'"{path.name}"' not in listed)
    records = sorted(path.relative_to(DOCS).as_posix() for path in (DOCS / "decisions").glob("*.md"))
    config.nav = [*(config.nav or []), *([{"More": others}] if others else []), {"Decisions": records}]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the documents outside docs/ as pages."""
    for source, page in OUTSIDE.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """Rewrite links for the site, and list the routes where a page asks for it."""
    here = next((Path(source) for source, name in OUTSIDE.items() if name == page.file.src_uri), None)
    source = ROOT / here if here else DOCS / page.file.src_uri
    text = _rewritten(markdown, source, page.file.src_uri)
    return text.replace("<!-- routes -->", _routes())


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:  # noqa: ARG001
    """Refuse a page that would load something from another host."""
    found = _LOADED.search(output)
    if found:
        raise PluginError(f"{page.file.src_uri} loads something from another host: {found[0]}")
    return output


def _rewritten(markdown: str, source: Path, page: str) -> str:
    """The text with its links as the site needs them; code blocks stay as they are."""

    def one(match: re.Match[str]) -> str:
        text, link, alt, image = match.groups()
        if image is not None:
            return f"![{alt}]({_target(image, source, page)})"
        target = _target(link, source, page)
        words = _LINK.sub(one, text)
        return words if target is None else f"[{words}]({target})"

    parts = re.split(r"(^```.*?^```$)", markdown, flags=re.MULTILINE | re.DOTALL)
    return "".join(part if index % 2 else _LINK.sub(one, part) for index, part in enumerate(parts))


def _target(link: str, source: Path, page: str) -> str | None:
    """Where a link of a document leads in the site, or None where the site does not hold what it leads to."""
    path, hash_, anchor = link.partition("#")
    if not path or re.match(r"[a-z]+:", link):
        return link
    file = (source.parent / path).resolve()
    if not file.exists():
        raise PluginError(f"{source.relative_to(ROOT)} links to {link}, which does not exist")
    there = OUTSIDE.get(str(file.relative_to(ROOT)))
    if there is None and file.is_relative_to(DOCS):
        there = file.relative_to(DOCS).as_posix()
    if there is None or (DOCS / there).is_dir():
        return None
    return os.path.relpath(there, Path(page).parent) + hash_ + anchor


def _routes() -> str:
    """A table of the routes, so that the site's search finds them."""
    document = json.loads((DOCS / "openapi.json").read_text(encoding="utf-8"))
    rows = [
        f"| `{method.upper()} {path}` | {_tokens(route)} | {route['summary']} |"
        for tag in document["tags"]
        for path, methods in document["paths"].items()
        for method, route in methods.items()
        if tag["name"] in route["tags"]
    ]
    return "\n".join(["| route | token | what it does |", "|---|---|---|", *rows])


def _tokens(route: dict[str, list[dict[str, list[str]]]]) -> str:
    """Whose token a route takes: the scope of a service's, or `user`."""
    schemes = [scheme for choice in route.get("security", []) for scheme in choice.items()]
    return ", ".join(f"`{name}`" for kind, scopes in schemes for name in scopes or [kind]) or "none"
