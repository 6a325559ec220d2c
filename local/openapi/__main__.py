"""`make openapi`: write the OpenAPI document."""

from __future__ import annotations

from local.openapi.document import files


def main() -> None:
    """Write what changed, and say so."""
    for path, text in files().items():
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            print(f"wrote {path}")


if __name__ == "__main__":
    main()
