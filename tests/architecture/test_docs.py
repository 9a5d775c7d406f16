"""The docs stay true: links lead somewhere, quoted code is the code, and what a page names exists."""

import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from libs.contracts.catalog import EVENTS, consumers_of

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
TOUR = DOCS / "tour.md"
ELISION = "# ..."

_FENCE = re.compile(r"^```(\w*) ?(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
_INLINE_CODE = re.compile(r"`([^`\n]+)`")
_HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
_NAMED_TEST = re.compile(r"^([\w./-]+\.py)::(\w+)$")
_MAKE = re.compile(r"\bmake ([a-z][a-z-]*)")
_EVENT_IN_CARD = re.compile(r"`(_?[A-Z][A-Z_]+)`")
_METRIC = re.compile(r"^([a-z][a-z_]+)(?:\{.*\})?$")
_DECLARED_METRIC = re.compile(r"\b([Cc]ounter|[Gg]auge|[Hh]istogram)\(\s*\"(\w+)\"")
_SHOWN_AS = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_count", "_sum")}


def _pages() -> list[Path]:
    roots = [entry for entry in ROOT.iterdir() if not entry.name.startswith(".")]
    nested = [page for entry in roots if entry.is_dir() for page in entry.rglob("*.md")]
    return sorted([*nested, *(entry for entry in roots if entry.suffix == ".md")])


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


PAGES = _pages()
CARDS = sorted([ROOT / "gateway" / "README.md", ROOT / "sandbox" / "README.md", *ROOT.glob("services/*/README.md")])
every_page = pytest.mark.parametrize("page", PAGES, ids=_name)


def _prose(page: Path) -> str:
    """The page without its code blocks."""
    return _FENCE.sub("", page.read_text())


def _inline_code(page: Path) -> Iterator[str]:
    for found in _INLINE_CODE.finditer(_prose(page)):
        yield found[1]


def _anchors(page: Path) -> set[str]:
    """What a heading's link is called, as GitHub makes it."""
    headings = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading) for heading in _HEADING.findall(_prose(page)))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def test_there_are_pages_to_check() -> None:
    assert len(PAGES) > 20
    assert TOUR in PAGES


@every_page
def test_links_lead_somewhere(page: Path) -> None:
    lost = []
    for link in _LINK.findall(_INLINE_CODE.sub("", _prose(page))):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        there = target.exists() and target.is_relative_to(ROOT)
        if not there or (anchor and target.suffix == ".md" and anchor not in _anchors(target)):
            lost.append(link)
    assert lost == []


@every_page
def test_quoted_code_is_the_code(page: Path) -> None:
    """A block that names a file (```python path/of/file.py) is that file's lines; `# ...` stands for those left out."""
    wrong = []
    for _, path, quoted in _FENCE.findall(page.read_text()):
        if path and not _quotes(quoted, ROOT / path):
            wrong.append(f"{path}: {quoted.splitlines()[0].strip()}")
    assert wrong == []


def _quotes(quoted: str, file: Path) -> bool:
    if not file.is_file():
        return False
    source = file.read_text().splitlines()
    for part in _parts(quoted):
        wanted = dedent("\n".join(part))
        starts = (n for n in range(len(source)) if dedent("\n".join(source[n : n + len(part)])) == wanted)
        at = next(starts, None)
        if at is None:
            return False
        source = source[at + len(part) :]  # the next part stands further down
    return True


def _parts(quoted: str) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    for line in quoted.splitlines():
        if line.strip() == ELISION:
            parts.append([])
        else:
            parts[-1].append(line)
    return [part for part in parts if part]


def test_a_quote_that_is_not_the_code_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "some.py"
    file.write_text("def one() -> None:\n    first()\n    second()\n    third()\n")
    assert _quotes("    first()\n    # ...\n    third()\n", file)
    assert _quotes("first()\nsecond()\n", file)
    assert not _quotes("    third()\n    # ...\n    first()\n", file)
    assert not _quotes("    first()\n    third()\n", file)
    assert not _quotes("    first()  # changed\n", file)


def test_the_tour_is_ten_files_in_order_each_with_its_lines() -> None:
    stops = re.split(r"^## (?=\d+\. )", TOUR.read_text(), flags=re.MULTILINE)[1:]
    assert [int(stop.split(".")[0]) for stop in stops] == list(range(1, 11))
    for stop in stops:
        file = _LINK.findall(stop.splitlines()[0])[0].removeprefix("../")
        quotes = [(path, quoted.splitlines()) for _, path, quoted in _FENCE.findall(stop) if path]
        assert quotes[0][0] == file
        assert all(4 < len(lines) <= 15 for _, lines in quotes), file
        assert [part for part in ("**Notice**", "**See it**") if part not in stop] == [], file


@every_page
def test_named_tests_exist(page: Path) -> None:
    named = [match for code in _inline_code(page) if (match := _NAMED_TEST.match(code))]
    missing = [
        match[0]
        for match in named
        if not (ROOT / match[1]).is_file() or f"def {match[2]}(" not in (ROOT / match[1]).read_text()
    ]
    assert missing == []


def test_every_protection_names_the_test_that_shows_it() -> None:
    """A section of security.md that claims something says where it is shown and what it does not cover."""
    sections = re.split(r"^## ", (DOCS / "security.md").read_text(), flags=re.MULTILINE)[1:]
    protections = [section for section in sections if "**Shown by**" in section]
    assert len(protections) >= 12
    for section in protections:
        assert "::" in section, section.splitlines()[0]
        assert "**Not covered" in section, section.splitlines()[0]


@pytest.mark.parametrize("card", CARDS, ids=_name)
def test_cards_have_one_shape(card: Path) -> None:
    parts = [
        "| **Owns** |",
        "| **Publishes** |",
        "| **Consumes** |",
        "| **Calls** |",
        "## Invariants",
        "## Where to look",
    ]
    text = card.read_text()
    assert [part for part in parts if f"\n{part}" not in text] == []


@pytest.mark.parametrize("card", [card for card in CARDS if card.parent.parent.name == "services"], ids=_name)
def test_cards_name_the_events_and_jobs_that_there_are(card: Path) -> None:
    service = card.parent.name
    published = {event.type for event in EVENTS if event.publisher == service}
    consumed = {event.type for event in EVENTS if service in consumers_of(event)}
    assert _differing(published, _row(card, "Publishes")) == []
    assert _differing(consumed, _row(card, "Consumes")) == []
    schedule = card.parent / "jobs" / "schedule.py"
    jobs = re.findall(r"\bJob\(\"(\w+)\"", schedule.read_text()) if schedule.is_file() else []
    assert [job for job in jobs if f"`{job}`" not in _row(card, "Jobs")] == []


def _row(card: Path, name: str) -> str:
    return next((line for line in card.read_text().splitlines() if line.startswith(f"| **{name}** |")), "")


def _differing(types: set[str], row: str) -> list[str]:
    """Events without a word in the row, words without an event; `_CANCELLED` stands for what ends so."""
    words = _EVENT_IN_CARD.findall(row)

    def is_meant(word: str, kind: str) -> bool:
        return kind == word or (word.startswith("_") and kind.endswith(word))

    unnamed = [kind for kind in types if not any(is_meant(word, kind) for word in words)]
    return unnamed + [word for word in words if not any(is_meant(word, kind) for kind in types)]


@every_page
def test_make_targets_exist(page: Path) -> None:
    code = [*_inline_code(page), *(block for _, _, block in _FENCE.findall(page.read_text()))]
    named = {target for text in code for target in _MAKE.findall(text)}
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)) if named else set()
    assert named - targets == set()


def test_metrics_to_alert_on_exist() -> None:
    sources = [file for folder in ("libs", "services", "gateway") for file in (ROOT / folder).rglob("*.py")]
    declared = {match for file in sources for match in _DECLARED_METRIC.findall(file.read_text())}
    exported = {f"{name}{ending}" for kind, name in declared for ending in _SHOWN_AS[kind.lower()]}
    rows = [line for line in _prose(DOCS / "runbooks" / "metrics.md").splitlines() if line.startswith("| `")]
    named = [match[1] for row in rows if (match := _METRIC.match(_INLINE_CODE.findall(row)[0]))]
    assert len(named) >= 10
    assert [name for name in named if name not in exported] == []


def test_what_is_generated_is_current() -> None:
    from tools.docs.events import (
        asyncapi_text,
        events_text,
    )  # here, so that a checkout without them has the other tests

    generated = {DOCS / "events.md": events_text(), DOCS / "asyncapi.json": asyncapi_text()}
    assert [page.name for page, text in generated.items() if page.read_text() != text] == [], "run `make docs`"
