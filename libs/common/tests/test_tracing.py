"""One trace runs through HTTP, MongoDB, Redis and the queue; nothing personal is in it."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI, HTTPException
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind
from pymongo import AsyncMongoClient, monitoring
from pymongo.errors import OperationFailure

from libs.common.resilience.http_client import OutboundClient, UpstreamRejected
from libs.common.resilience.locks import Locks, connect_redis
from libs.common.telemetry import tracing
from libs.common.telemetry.asgi import NATIVE_TELEMETRY_OFF, TracingMiddleware
from libs.common.telemetry.logs import bind_context, clear_context
from libs.common.telemetry.span_store import SpanStore, StoredSpan, latest_request, spans_of_request
from libs.common.telemetry.tracing import (
    MongoSpans,
    build_provider,
    client_span,
    current_traceparent,
    remote_span,
)
from libs.common.testing.parts import MongoPart, RedisPart

CANARY = "+919812345678"
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
SAMPLED = f"00-{TRACE_ID}-b7ad6b7169203331-01"
NOT_SAMPLED = f"00-{TRACE_ID}-b7ad6b7169203331-00"


@dataclass(frozen=True)
class Settings:
    spans_dir: Path | None
    trace_sample_ratio: float = 0.0
    otlp_endpoint: str | None = None


class Traces:
    """Tracing as a service has it, with the spans it has stored."""

    def __init__(self, folder: Path, provider: TracerProvider) -> None:
        self.folder = folder
        self.provider = provider
        self._complete = InMemorySpanExporter()
        provider.add_span_processor(SimpleSpanProcessor(self._complete))

    def of(self, request_id: str) -> list[StoredSpan]:
        self.provider.force_flush()
        return spans_of_request(self.folder, request_id)

    @property
    def text(self) -> str:
        """Everything any exporter is given."""
        return "\n".join(span.to_json(indent=None) for span in self._complete.get_finished_spans())


Start = Callable[[float], Traces]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Start tracing with a sample ratio."""

    def start(ratio: float) -> Traces:
        provider = build_provider("scheduling", Settings(tmp_path / "spans", ratio))
        monkeypatch.setattr(tracing, "_tracer", provider.get_tracer("test"))
        return Traces(tmp_path / "spans", provider)

    return start


@pytest.fixture
def traces(start: Start) -> Traces:
    return start(0.0)


@pytest.fixture
async def http(traces: Traces) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI(telemetry={**NATIVE_TELEMETRY_OFF, "tracer_provider": traces.provider})
    router = APIRouter(prefix="/slots")

    @router.get("/{slot_id}")
    async def read(slot_id: str) -> dict[str, str | None]:
        bind_context(request_id=f"req_{slot_id}")
        if slot_id == "broken":
            raise RuntimeError(CANARY)
        if slot_id == "closed":
            raise HTTPException(503, CANARY)
        with client_span("inner"):
            return {"traceparent": current_traceparent()}

    app.include_router(router)
    app.add_middleware(TracingMiddleware)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client
    clear_context()


async def test_a_request_is_one_server_span_named_by_its_route(traces: Traces, http: httpx.AsyncClient) -> None:
    await http.get(f"/slots/1?phone={CANARY}", headers={"traceparent": SAMPLED})
    server, inner = traces.of("req_1")
    assert server.name == "GET /slots/{slot_id}"
    assert (server.trace_id, server.parent_id, server.kind) == (TRACE_ID, "b7ad6b7169203331", "SERVER")
    assert server.attributes == {
        "request_id": "req_1",
        "http.request.method": "GET",
        "http.route": "/slots/{slot_id}",
        "http.response.status_code": 200,
    }
    assert inner.parent_id == server.span_id
    assert CANARY.strip("+") not in traces.text


async def test_a_failed_request_shows_as_failed_without_its_message(traces: Traces, http: httpx.AsyncClient) -> None:
    await http.get("/slots/broken", headers={"traceparent": SAMPLED})
    (server,) = traces.of("req_broken")
    assert server.failed
    assert server.attributes["error.type"] == "RuntimeError"
    assert CANARY not in traces.text


async def test_a_server_error_shows_as_failed(traces: Traces, http: httpx.AsyncClient) -> None:
    await http.get("/slots/closed", headers={"traceparent": SAMPLED})
    (server,) = traces.of("req_closed")
    assert server.failed
    assert server.attributes["error.type"] == "503"


async def test_an_unknown_path_makes_no_name_of_its_own(traces: Traces, http: httpx.AsyncClient) -> None:
    await http.get(f"/{CANARY}", headers={"traceparent": SAMPLED})
    assert "GET unmatched" in traces.text
    assert CANARY not in traces.text


@pytest.mark.parametrize(
    ("headers", "traced"),
    [
        ({}, False),
        ({"traceparent": NOT_SAMPLED}, False),
        ({"traceparent": "nonsense"}, False),
        ({"X-Trace": "0"}, False),
        ({"X-Trace": "1"}, True),
        ({"X-Trace": "1", "traceparent": NOT_SAMPLED}, True),
        ({"traceparent": SAMPLED}, True),
    ],
)
async def test_who_is_traced_at_ratio_zero(
    traces: Traces, http: httpx.AsyncClient, headers: dict[str, str], traced: bool
) -> None:
    answer = (await http.get("/slots/1", headers=headers)).json()
    assert bool(traces.of("req_1")) is traced
    assert int(answer["traceparent"][-1]) % 2 == traced  # an id, for the logs, there always is


async def test_everybody_is_traced_at_ratio_one(start: Start, http: httpx.AsyncClient) -> None:
    traces = start(1.0)
    await http.get("/slots/1")
    assert len(traces.of("req_1")) == 2
    await http.get("/healthz")
    assert len(traces.text.splitlines()) == 2


async def test_the_trace_goes_on_through_a_message(traces: Traces, http: httpx.AsyncClient) -> None:
    stored = (await http.get("/slots/1", headers={"X-Trace": "1"})).json()["traceparent"]
    with remote_span("publish slot_opened", SpanKind.PRODUCER, stored):
        pass
    with remote_span("handle SLOT_OPENED", SpanKind.CONSUMER, stored, {"messaging.destination.name": "x.inbox"}):
        bind_context(request_id="req_1")
        with client_span("effect"):
            pass
    names = [span.name for span in traces.of("req_1")]
    assert names == ["GET /slots/{slot_id}", "inner", "publish slot_opened", "handle SLOT_OPENED", "effect"]


async def test_a_message_of_an_unsampled_request_is_not_traced(traces: Traces) -> None:
    with remote_span("handle", SpanKind.CONSUMER, NOT_SAMPLED), client_span("effect"):
        bind_context(request_id="req_1")
    assert traces.text == ""


async def test_an_error_shows_by_its_type_and_not_by_its_message(traces: Traces) -> None:
    async def handle() -> None:
        with remote_span("handle", SpanKind.CONSUMER, SAMPLED), client_span("call"):
            raise ValueError(CANARY)

    bind_context(request_id="req_error")
    with pytest.raises(ValueError, match="9812"):
        await handle()
    clear_context()
    handled, called = traces.of("req_error")
    assert (handled.failed, handled.attributes["error.type"]) == (True, "ValueError")
    assert (called.failed, called.attributes["error.type"]) == (True, "ValueError")
    assert CANARY not in traces.text


async def test_mongodb_commands_show_without_content(start: Start, tmp_path: Path) -> None:
    traces = start(1.0)
    async with MongoPart(tmp_path / "mongo") as part:
        registered = monitoring._LISTENERS.command_listeners  # by whoever set tracing up in this process before
        client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
            part.url, event_listeners=[] if registered else [MongoSpans()]
        )
        patients = client["registry"]["patients"]
        await patients.create_index("phone", unique=True)
        with remote_span("request", SpanKind.SERVER, SAMPLED):
            bind_context(request_id="req_mongo")
            await patients.insert_one({"phone": CANARY})
            await patients.insert_one({"phone": "other"})
            with pytest.raises(OperationFailure):
                await patients.find_one_and_update({"phone": "other"}, {"$set": {"phone": CANARY}})
        await patients.find_one({})  # not part of a request
        await client.close()
    request, *commands = traces.of("req_mongo")
    assert [command.name for command in commands] == [
        "mongo insert patients",
        "mongo insert patients",
        "mongo findAndModify patients",
    ]
    assert {command.parent_id for command in commands} == {request.span_id}
    assert [command.failed for command in commands] == [False, False, True]
    assert len(traces.text.splitlines()) == 4
    assert CANARY not in traces.text


async def test_redis_commands_and_locks_show_without_content(start: Start, tmp_path: Path) -> None:
    traces = start(1.0)
    async with RedisPart(tmp_path / "redis") as part:
        redis = connect_redis(part.url)
        await redis.get("not part of a request")
        with remote_span("request", SpanKind.SERVER, SAMPLED):
            bind_context(request_id="req_redis")
            await redis.set(CANARY, CANARY)
            async with Locks(redis).hold([CANARY + "-lock"], ttl=5, owner=CANARY):
                pass
        await redis.aclose()
    assert [span.name for span in traces.of("req_redis")] == ["request", "redis SET", "redis lock"]
    assert len(traces.text.splitlines()) == 3
    assert CANARY not in traces.text


async def test_outbound_requests_show_and_take_the_trace_along(traces: Traces) -> None:
    received: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append((await reader.readuntil(b"\r\n\r\n")).decode().lower())
        writer.write(b"HTTP/1.1 404 X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    client = OutboundClient("registry", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    with remote_span("request", SpanKind.SERVER, SAMPLED):
        bind_context(request_id="req_out")
        with pytest.raises(UpstreamRejected):
            await client.request("GET", "/patients", params={"phone": CANARY})
    await client.close()
    server.close()
    request, outbound = traces.of("req_out")
    assert (outbound.name, outbound.parent_id, outbound.failed) == ("GET registry", request.span_id, True)
    assert f"traceparent: 00-{TRACE_ID}-{outbound.span_id}-01\r\n" in received[0]
    assert CANARY.strip("+") not in traces.text


def test_without_anywhere_to_send_spans_to_ids_are_given_and_nothing_is_recorded() -> None:
    tracer = build_provider("scheduling", Settings(None, 1.0)).get_tracer("test")
    span = tracer.start_span("request")
    assert span.get_span_context().is_valid
    assert not span.is_recording()


async def test_a_process_stores_its_spans_before_it_ends(tmp_path: Path) -> None:
    script = f"""
import asyncio
from pathlib import Path
from types import SimpleNamespace
from opentelemetry.trace import SpanKind
from libs.common.telemetry.logs import bind_context
from libs.common.telemetry.tracing import remote_span, setup_tracing, stop_tracing
settings = SimpleNamespace(spans_dir=Path({str(tmp_path)!r}), trace_sample_ratio=1.0, otlp_endpoint=None)
for service in ("billing", "ignored"):
    setup_tracing(service, settings)
with remote_span("work", SpanKind.CONSUMER, None):
    bind_context(request_id="req_1")
asyncio.run(stop_tracing())
import os; os._exit(0)
"""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script)
    assert await process.wait() == 0
    assert [(span.service, span.name) for span in spans_of_request(tmp_path, "req_1")] == [("billing", "work")]


def test_the_store_keeps_within_its_size_and_reads_what_it_kept(tmp_path: Path) -> None:
    store = SpanStore(tmp_path, "x", max_bytes=20_000)
    tracer = TracerProvider().get_tracer("test")
    for number in range(400):
        with tracer.start_as_current_span(f"span {number}", kind=SpanKind.SERVER) as span:
            span.set_attribute("request_id", f"req_{number}")
        store.export([span])  # type: ignore[list-item]  # the SDK's span is readable
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 40_000
    assert {path.name for path in tmp_path.iterdir()} == {"x.jsonl", "x.old.jsonl"}
    assert [span.name for span in spans_of_request(tmp_path, "req_399")] == ["span 399"]
    assert spans_of_request(tmp_path, "req_0") == []
    last = latest_request(tmp_path)
    assert last is not None
    assert [span.name for span in spans_of_request(tmp_path, last)] == ["span 399"]


def test_a_line_that_is_still_being_written_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"trace_id": "req_1", "SERVER" ')
    assert spans_of_request(tmp_path, "req_1") == []
