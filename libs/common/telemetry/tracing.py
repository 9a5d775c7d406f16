"""One trace per request, across HTTP, MongoDB, Redis and the message broker.

The client spans are made by hand, not by the `opentelemetry-instrumentation-*` packages: those write error
messages and query strings into spans (a duplicate key error quotes the phone number it failed on), start a
trace for every background poll, and cost each request that is not sampled. Ours name the operation, no more.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    Decision,
    ParentBased,
    SamplingResult,
    TraceIdRatioBased,
)
from opentelemetry.trace import Link, Span, SpanKind, StatusCode, TraceState
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import Attributes, AttributeValue
from pymongo import monitoring

from libs.common.telemetry.logs import current_context
from libs.common.telemetry.span_store import SpanStore

_SPANS_WRITTEN_EVERY_MS = 500
_FORCED = otel_context.create_key("trace_forced")
_propagator = TraceContextTextMapPropagator()
_tracer = trace.get_tracer("clinic")
_provider: TracerProvider | None = None


class TracingSettings(Protocol):
    """The part of `ServiceSettings` that tracing reads."""

    @property
    def trace_sample_ratio(self) -> float: ...
    @property
    def otlp_endpoint(self) -> str | None: ...
    @property
    def spans_dir(self) -> Path | None: ...


def setup_tracing(service: str, settings: TracingSettings) -> None:
    """Start tracing in this process, before its MongoDB clients are made. A second call changes nothing.

    Spans go to `settings.otlp_endpoint` and to files in `settings.spans_dir`, where set; with neither,
    requests still get trace ids (for the logs) and pass them on, and no span is recorded.
    """
    global _provider
    if _provider is None:
        _provider = build_provider(service, settings)
        trace.set_tracer_provider(_provider)
        monitoring.register(MongoSpans())


def build_provider(service: str, settings: TracingSettings) -> TracerProvider:
    """What `setup_tracing` installs."""
    exporters: list[SpanExporter] = []
    if settings.otlp_endpoint:
        # Imported only where it is used: protobuf and requests are a tenth of a service's memory.
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        exporters.append(OTLPSpanExporter(endpoint=settings.otlp_endpoint))
    if settings.spans_dir:
        exporters.append(SpanStore(settings.spans_dir, service))
    sampler = _Sampler(settings.trace_sample_ratio) if exporters else ALWAYS_OFF
    provider = TracerProvider(sampler=sampler, resource=Resource.create({"service.name": service}))
    for exporter in exporters:
        processor = BatchSpanProcessor(exporter, schedule_delay_millis=_SPANS_WRITTEN_EVERY_MS)
        provider.add_span_processor(processor)
    return provider


async def stop_tracing() -> None:
    """Write what is still buffered. Call it last in a graceful shutdown."""
    if _provider is not None:
        await asyncio.to_thread(_provider.force_flush)


class _Sampler(ParentBased):
    """The caller's decision, else a share of the traces; and every one that was asked for (`X-Trace: 1`)."""

    def __init__(self, ratio: float) -> None:
        super().__init__(root=TraceIdRatioBased(ratio))

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        if otel_context.get_value(_FORCED, parent_context):
            return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes)
        return super().should_sample(parent_context, trace_id, name, kind, attributes, links)


@contextmanager
def client_span(name: str, attributes: Mapping[str, AttributeValue] | None = None) -> Iterator[None]:
    """A span around a call to something else, if this request is traced; next to nothing if it is not."""
    if not trace.get_current_span().is_recording():
        yield
        return
    with _span(name, SpanKind.CLIENT, None, attributes):
        yield


@contextmanager
def remote_span(
    name: str, kind: SpanKind, traceparent: str | None, attributes: Mapping[str, AttributeValue] | None = None
) -> Iterator[Span]:
    """A span that goes on with a trace begun elsewhere: `PRODUCER` around publishing a stored message,
    `CONSUMER` around handling it, both with the `traceparent` of the message's envelope."""
    with _span(name, kind, context_of(traceparent), attributes) as span:
        yield span


@contextmanager
def _span(
    name: str, kind: SpanKind, parent: Context | None, attributes: Mapping[str, AttributeValue] | None
) -> Iterator[Span]:
    with _tracer.start_as_current_span(
        name, parent, kind, attributes, record_exception=False, set_status_on_exception=False
    ) as span:
        request_id = current_context().get("request_id")
        if request_id is not None and kind is not SpanKind.CLIENT:
            span.set_attribute("request_id", request_id)
        try:
            yield span
        except Exception as error:
            mark_failed(span, type(error).__qualname__)
            raise


def mark_failed(span: Span, error_type: str) -> None:
    """Show the span as failed, by the error's type; its message may quote personal data and stays out."""
    span.set_status(StatusCode.ERROR)
    span.set_attribute("error.type", error_type)


def start_server_span(name: str, traceparent: str | None, *, forced: bool) -> tuple[Span, Context]:
    """The span of a request that came in, and the context to run it in."""
    parent = context_of(traceparent)
    if forced:
        parent = otel_context.set_value(_FORCED, True, parent)
    span = _tracer.start_span(name, parent, SpanKind.SERVER)
    return span, trace.set_span_in_context(span, parent)


def context_of(traceparent: str | None) -> Context:
    """The context that a W3C `traceparent` describes; an empty one for none or a malformed one."""
    return _propagator.extract({"traceparent": traceparent} if traceparent else {}, Context())


def current_traceparent() -> str | None:
    """The W3C `traceparent` of the current span, for a header or a message's envelope."""
    span = trace.get_current_span().get_span_context()
    if not span.is_valid:
        return None
    return f"00-{span.trace_id:032x}-{span.span_id:016x}-{span.trace_flags:02x}"


def outbound_headers() -> dict[str, str]:
    """What every request to another service carries: the trace and the request id."""
    headers = {}
    traceparent = current_traceparent()
    if traceparent is not None:
        headers["traceparent"] = traceparent
    request_id = current_context().get("request_id")
    if request_id is not None:
        headers["x-request-id"] = request_id
    return headers


class MongoSpans(monitoring.CommandListener):
    """A span per MongoDB command of a traced request: its name and its collection, never its content."""

    def __init__(self) -> None:
        self._running: dict[tuple[int, object], Span] = {}

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if not trace.get_current_span().is_recording():
            return
        command = event.command_name
        target = event.command.get(command)
        if command == "getMore":
            target = event.command.get("collection")
        attributes = {
            "db.system.name": "mongodb",
            "db.operation.name": command,
            "db.namespace": event.database_name,
        }
        if isinstance(target, str):
            attributes["db.collection.name"] = target
        name = f"mongo {command} {target}" if isinstance(target, str) else f"mongo {command}"
        span = _tracer.start_span(name, kind=SpanKind.CLIENT, attributes=attributes)
        self._running[event.request_id, event.connection_id] = span

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        span = self._running.pop((event.request_id, event.connection_id), None)
        if span is not None:
            span.end()

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        span = self._running.pop((event.request_id, event.connection_id), None)
        if span is not None:
            mark_failed(span, str(event.failure.get("codeName", "CommandFailed")))
            span.end()
