"""The gateway as a process: how it logs, traces, and ends."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import orjson

from gateway.routes import Service
from gateway.tests.stubs import OK, Received, StubService, read_reply
from libs.common.ids import new_id
from libs.common.telemetry.span_store import spans_of_request
from libs.common.testing.identity import ISSUER, FixedKeys, TokenMint
from libs.common.testing.parts import free_port

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def _process(
    service: StubService, redis_url: str, log: Path, **settings: str
) -> AsyncIterator[tuple[asyncio.subprocess.Process, int]]:
    port = free_port()
    urls = {f"{name.upper()}_URL": service.url for name in Service}
    own = {"PORT": str(port), "REDIS_URL": redis_url, "TOKEN_ISSUER": ISSUER, "LIMITS_PREFIX": f"{new_id('gwt')}:"}
    environment = os.environ | urls | own | settings
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "gateway.main", cwd=ROOT, env=environment, stdout=output, stderr=output
        )
    try:
        await _until(port, "/readyz", status=200)
        yield process, port
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _until(port: int, path: str, *, status: int) -> None:
    async with asyncio.timeout(20):
        while await _status(port, path) != status:  # noqa: ASYNC110 - it happens in another process
            await asyncio.sleep(0.02)


async def _status(port: int, path: str) -> int:
    """0 when nobody listens, or stops to at this moment."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(_get(path, ""))
        reply = await read_reply(reader)
    except (ConnectionError, asyncio.IncompleteReadError):
        return 0
    writer.close()
    return reply.status


def _get(path: str, bearer: str, *lines: str) -> bytes:
    head = [f"GET {path} HTTP/1.1", "Host: gateway", *([f"Authorization: Bearer {bearer}"] if bearer else []), *lines]
    return "\r\n".join(head).encode() + b"\r\n\r\n"


async def test_it_turns_unready_drains_and_stops(
    service: StubService, keys: FixedKeys, redis_url: str, tmp_path: Path
) -> None:
    bearer = TokenMint(keys).staff("nurse", "cln_1")
    go_on = asyncio.Event()

    async def slow(_request: Received, writer: asyncio.StreamWriter) -> None:
        await go_on.wait()
        writer.write(OK)

    service.answers["/patients/slow"] = slow
    async with _process(service, redis_url, tmp_path / "log", UNREADY_SECONDS="2") as (process, port):
        in_flight = await asyncio.open_connection("127.0.0.1", port)
        in_flight[1].write(_get("/patients/slow", bearer))
        idle = await asyncio.open_connection("127.0.0.1", port)
        idle[1].write(_get("/patients/1", bearer))
        assert (await read_reply(idle[0])).status == 200
        process.send_signal(signal.SIGTERM)
        asked = asyncio.get_running_loop().time()
        await _until(port, "/readyz", status=503)
        idle[1].write(_get("/patients/1", bearer))  # still served, and told to go elsewhere
        reply = await read_reply(idle[0])
        assert (reply.status, reply.headers["connection"]) == (200, "close")
        await _until(port, "/healthz", status=0)
        assert asyncio.get_running_loop().time() - asked >= 2  # time for balancers to look away
        assert process.returncode is None  # it waits for the one in flight
        go_on.set()
        assert (await read_reply(in_flight[0])).status == 200
        async with asyncio.timeout(10):
            await process.wait()


async def test_what_it_logs_and_traces(service: StubService, keys: FixedKeys, redis_url: str, tmp_path: Path) -> None:
    bearer = TokenMint(keys).staff("nurse", "cln_1", user_id="usr_asha")
    log, spans = tmp_path / "log", tmp_path / "spans"
    settings = {"SPANS_DIR": str(spans), "TRACE_SAMPLE_RATIO": "0", "ENVIRONMENT": "test"}
    async with _process(service, redis_url, log, **settings) as (process, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for path, trace in (("/patients/1?phone=%2B919812345678", "1"), ("/patients/2", "0"), ("/nowhere", "0")):
            writer.write(_get(path, bearer, f"X-Request-ID: request{path[:11].replace('/', '-')}", f"X-Trace: {trace}"))
            await read_reply(reader)
        writer.close()
        process.send_signal(signal.SIGTERM)
        await process.wait()
    text = log.read_text()
    assert "9812345678" not in text
    lines = [orjson.loads(line) for line in text.splitlines()]
    requests = {line["request_id"]: line for line in lines if line["event"] == "request"}
    known = requests["request-patients-1"]
    assert {key: known[key] for key in ("actor_id", "route", "method", "status", "outcome", "service", "level")} == {
        "actor_id": "usr_asha",
        "route": "/patients",
        "method": "GET",
        "status": 200,
        "outcome": "ok",
        "service": "gateway",
        "level": "info",
    }
    assert 0 < known["latency_ms"] < 10_000
    assert requests["request-nowhere"]["outcome"] == "refused"
    assert requests["request-nowhere"]["route"] == "unmatched"
    (span,) = spans_of_request(spans, "request-patients-1")
    assert (span.name, span.kind, span.parent_id, span.trace_id) == (
        "GET /patients",
        "SERVER",
        None,
        known["trace_id"],
    )
    assert spans_of_request(spans, "request-patients-2") == []
    sent = {request.target.partition("?")[0]: request.header("traceparent") or "" for request in service.received}
    assert sent["/patients/1"] == f"00-{span.trace_id}-{span.span_id}-01"
    assert sent["/patients/2"].endswith("-00")
