"""What the gateway tells about each request: a trace, a log line, three numbers; cheap enough to be always on.

The gateway begins every trace and decides whether it is recorded: a `traceparent` from outside has no effect, or
anybody could fill the trace store. A request that is not recorded still gets ids, for the logs and so that services
do not decide again; that costs two random numbers and no span.
"""

import asyncio
import os
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer

from libs.common.telemetry.metrics import gauge, observe_request
from libs.common.telemetry.span_store import SpanStore

SERVICE = "gateway"
LINES_WRITTEN_EVERY = 0.05

IN_FLIGHT = gauge("gateway_in_flight", "Requests a service is working on", "upstream")
WAITING = gauge("gateway_waiting", "Requests that wait for their turn with a service", "upstream")
REFUSED = gauge("gateway_refused", "Requests refused because a service was overloaded, since the start", "upstream")
IN_FLIGHT_LIMIT = gauge("gateway_in_flight_limit", "How many requests a service gets at once right now", "upstream")

_random = random.Random()  # noqa: S311 - trace ids need to be different, not secret


class Trace:
    """The ids of one request's trace, and its span when it is recorded."""

    __slots__ = ("span", "trace_id", "traceparent")

    def __init__(self, span: Span | None) -> None:
        self.span = span
        if span is None:
            self.trace_id = f"{_random.getrandbits(128) or 1:032x}"
            self.traceparent = f"00-{self.trace_id}-{_random.getrandbits(64) or 1:016x}-00"
        else:
            context = span.get_span_context()
            self.trace_id = f"{context.trace_id:032x}"
            self.traceparent = f"00-{self.trace_id}-{context.span_id:016x}-01"

    def end(self, method: str, route: str, status: int, attributes: dict[str, str]) -> None:
        if self.span is None:
            return
        self.span.update_name(f"{method} {route}")
        self.span.set_attributes(
            {"http.request.method": method, "http.route": route, "http.response.status_code": status, **attributes}
        )
        if status >= 500:
            self.span.set_status(StatusCode.ERROR)
        self.span.end()


class Tracing:
    """Starts traces; records `ratio` of them, to an OTLP endpoint and to files, where these are set."""

    def __init__(self, ratio: float, otlp_endpoint: str | None, spans_dir: Path | None) -> None:
        exporters: list[SpanExporter] = []
        if otlp_endpoint:
            # Imported only where it is used: with its own HTTP client it takes a fifth of the gateway's memory.
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

            exporters.append(OTLPSpanExporter(endpoint=otlp_endpoint))
        if spans_dir:
            exporters.append(SpanStore(spans_dir, SERVICE))
        self._ratio = ratio if exporters else 0.0
        self._provider: TracerProvider | None = None
        self._tracer: Tracer | None = None
        if exporters:
            self._provider = TracerProvider(resource=Resource.create({"service.name": SERVICE}))
            for exporter in exporters:
                self._provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=500))
            self._tracer = self._provider.get_tracer(SERVICE)

    def start(self, method: str, *, forced: bool) -> Trace:
        """The trace of a request; `forced` records it whatever the ratio says."""
        if self._tracer is not None and (forced or _random.random() < self._ratio):
            return Trace(self._tracer.start_span(method, kind=SpanKind.SERVER))
        return Trace(None)

    async def stop(self) -> None:
        """Write what is still buffered."""
        if self._provider is not None:
            await asyncio.to_thread(self._provider.shutdown)


class AccessLog:
    """One JSON line per request, with the keys of `libs.common.telemetry.logs`, written in batches of a few."""

    def __init__(self, file_descriptor: int = 1) -> None:
        self._file_descriptor = file_descriptor
        self._lines: list[bytes] = []

    def write(self, line: dict[str, Any]) -> None:
        self._lines.append(
            orjson.dumps(
                {
                    "timestamp": datetime.now(UTC),
                    "level": "info",
                    "service": SERVICE,
                    "event": "request",
                    **line,
                },
                option=orjson.OPT_APPEND_NEWLINE,
            )
        )
        if len(self._lines) == 1:
            asyncio.get_running_loop().call_later(LINES_WRITTEN_EVERY, self.flush)

    def flush(self) -> None:
        """Write the lines that wait."""
        pending = memoryview(b"".join(self._lines))
        self._lines.clear()
        while pending:
            pending = pending[os.write(self._file_descriptor, pending) :]


def outcome_of(status: int) -> str:
    """The word that goes with a status in logs: 0 is a client that left before its answer."""
    if status == 0:
        return "abandoned"
    if status < 400:
        return "ok"
    return "refused" if status < 500 else "failed"


def observe(route: str, method: str, status: int, seconds: float) -> None:
    """Rate, errors and duration of one request."""
    observe_request(SERVICE, route, method, status or 499, seconds)
