"""`python -m tools.docs` writes docs/events.md, docs/asyncapi.json and schema snapshots; `--check` only compares."""

import sys
from pathlib import Path

from libs.contracts.catalog import EVENTS
from libs.contracts.snapshots import write_snapshot
from tools.docs.events import asyncapi_text, events_text

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """0 when all is written, or, with `--check`, when all is as it would be written."""
    pages = {ROOT / "docs" / "events.md": events_text(), ROOT / "docs" / "asyncapi.json": asyncapi_text()}
    if "--check" in sys.argv[1:]:
        stale = [page.name for page, text in pages.items() if not page.exists() or page.read_text() != text]
        if stale:
            print(f"out of date: {', '.join(stale)}; run `make docs`")
        return 1 if stale else 0
    for event in EVENTS:
        write_snapshot(event)
    for page, text in pages.items():
        page.write_text(text)
        print(f"wrote {page.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
