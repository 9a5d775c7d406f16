"""Finished spans in files on this machine, so that a request's way can be drawn without a tracing backend."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import StatusCode

_MAX_BYTES = 32 * 1024 * 1024


class StoredSpan(NamedTuple):
    """One span; times are nanoseconds since 1970."""

    trace_id: str
    span_id: str
    parent_id: str | None
    service: str
    name: str
    kind: str
    start_ns: int
    end_ns: int
    failed: bool
    attributes: dict[str, Any]

    @classmethod
    def of(cls, span: ReadableSpan, service: str) -> "StoredSpan":
        context = span.get_span_context()
        assert context is not None  # noqa: S101 - a finished span has one
        return cls(
            trace_id=format(context.trace_id, "032x"),
            span_id=format(context.span_id, "016x"),
            parent_id=format(span.parent.span_id, "016x") if span.parent else None,
            service=service,
            name=span.name,
            kind=span.kind.name,
            start_ns=span.start_time or 0,
            end_ns=span.end_time or 0,
            failed=span.status.status_code is StatusCode.ERROR,
            attributes=dict(span.attributes or {}),
        )


class SpanStore(SpanExporter):
    """Appends spans as JSON lines to `<folder>/<service>.jsonl`; a full one becomes `<service>.old.jsonl`."""

    def __init__(self, folder: Path, service: str, max_bytes: int = _MAX_BYTES) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / f"{service}.jsonl"
        self._service = service
        self._max_bytes = max_bytes

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        lines = b"".join(orjson.dumps(StoredSpan.of(span, self._service)._asdict()) + b"\n" for span in spans)
        if self._file.exists() and self._file.stat().st_size + len(lines) > self._max_bytes:
            self._file.replace(self._file.with_suffix(".old.jsonl"))
        with self._file.open("ab", buffering=0) as file:  # one write, so that processes may share a file
            file.write(lines)
        return SpanExportResult.SUCCESS


def spans_of_request(folder: Path, request_id: str) -> list[StoredSpan]:
    """All spans of the traces that this request is part of, oldest first."""
    wanted = request_id.encode()
    traces = {
        span.trace_id
        for span in _read(folder, wanted)
        if request_id in (span.attributes.get("request_id"), span.trace_id)
    }
    return sorted(
        (span for trace_id in traces for span in _read(folder, trace_id.encode())),
        key=lambda span: span.start_ns,
    )


def latest_request(folder: Path) -> str | None:
    """The trace id of the request that came in last."""
    requests = (span for span in _read(folder, b'"SERVER"') if span.parent_id is None)
    last = max(requests, key=lambda span: span.start_ns, default=None)
    return last and last.trace_id


def _read(folder: Path, containing: bytes) -> Iterator[StoredSpan]:
    for path in folder.glob("*.jsonl"):
        with path.open("rb") as file:
            for line in file:
                if containing in line and line.endswith(b"\n"):  # the last line may still be being written
                    yield StoredSpan(**orjson.loads(line))
