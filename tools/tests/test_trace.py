"""The waterfall shows a request's whole way, across processes and the queue, on paper too."""

from pathlib import Path

import orjson
import pytest

from libs.common.telemetry.span_store import StoredSpan
from tools.trace import main

MS = 1_000_000


def store(folder: Path, *spans: StoredSpan) -> None:
    for span in spans:
        with (folder / f"{span.service}.jsonl").open("ab") as file:
            file.write(orjson.dumps(span._asdict()) + b"\n")


def span(
    service: str, name: str, span_id: str, parent_id: str | None, start: int, end: int, **more: object
) -> StoredSpan:
    kind = "SERVER" if name.startswith(("GET", "POST")) else "CLIENT"
    attributes = more.get("attributes", {})
    assert isinstance(attributes, dict)
    return StoredSpan(
        str(more.get("trace", "a" * 32)),
        span_id,
        parent_id,
        service,
        name,
        kind,
        start * MS,
        end * MS,
        bool(more.get("failed")),
        attributes,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    store(
        tmp_path,
        span("gateway", "POST /appointments/request", "1", None, 0, 40, attributes={"request_id": "req_1"}),
        span("scheduling", "POST /appointments/request", "2", "1", 5, 35, attributes={"request_id": "req_1"}),
        span("scheduling", "mongo insert appointments", "3", "2", 10, 20),
        span("scheduling-worker", "publish appointment_confirmed", "4", "2", 50, 55),
        span(
            "notifications",
            "handle APPOINTMENT_CONFIRMED",
            "5",
            "2",
            60,
            80,
            failed=True,
            attributes={"error.type": "Oops"},
        ),
        span("gateway", "GET /slots", "9", None, 900, 910, trace="b" * 32, attributes={"request_id": "req_2"}),
    )
    return tmp_path


def test_the_whole_way_is_drawn_as_a_tree_on_one_scale(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["req_1", "--dir", str(folder)]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "req_1" in out
    assert "80.0 ms · 5 spans in 4 services · 1 failed" in out
    rows = [line for line in out.splitlines() if "█" in line]
    words = ["POST", "POST", "mongo", "publish", "handle"]
    starts = [row.index(word) for row, word in zip(rows, words, strict=True)]
    assert [start - starts[0] for start in starts] == [0, 2, 4, 4, 4]
    assert "Oops" in rows[4]
    bars = [(row.index("█"), row.count("█")) for row in rows]
    width = bars[0][1] * 2  # the first span lasts half of the time
    begin = bars[0][0]
    for (left, length), (start, end) in zip(bars, [(0, 40), (5, 35), (10, 20), (50, 55), (60, 80)], strict=True):
        assert abs(left - begin - width * start / 80) <= 1
        assert abs(length - width * (end - start) / 80) <= 1


def test_the_last_request_needs_no_id(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store(folder, span("registry", "GET /contacts", "6", "5", 950, 960))  # a late consequence of the first request
    assert main(["--last", "--dir", str(folder)]) == 0
    out = capsys.readouterr().out
    assert "req_2" in out
    assert "GET /slots" in out
    assert "appointments" not in out


def test_nothing_found_says_why(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["req_unknown", "--dir", str(folder)]) == 1
    assert "no span of req_unknown" in capsys.readouterr().err
    assert main(["--last", "--dir", str(tmp_path / "missing")]) == 1
    assert "is the platform running" in capsys.readouterr().err
