"""Requests that can be read in two ways, are too large or too slow: refused before they reach a service."""

import asyncio
from typing import Any

import orjson
import pytest

from gateway.tests.conftest import RunningGateway, Start
from gateway.tests.stubs import StubService, read_reply, talk
from libs.common.testing.waiting import eventually

QUICK = {"head_seconds": 0.4, "body_seconds": 0.4, "keep_alive_seconds": 1, "stalled_seconds": 0.5}


def _code(answer: bytes) -> tuple[int, str]:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head
    document = orjson.loads(body)
    assert document["request_id"].encode() in head
    return int(head.split(b" ")[1]), document["code"]


SMUGGLED = b"0\r\n\r\nGET /patients/smuggled HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize(
    "lines",
    [
        ["Content-Length: 5", "Content-Length: 6"],
        ["Content-Length: 5", "Content-Length: 5"],
        ["Content-Length: 5", "Transfer-Encoding: chunked"],
        ["Transfer-Encoding: chunked", "Content-Length: 5"],
        ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
        ["Transfer-Encoding: chunked, identity"],
        ["Transfer-Encoding: gzip, chunked"],
        ["Transfer-Encoding: xchunked"],
        ["Transfer-Encoding:\x0bchunked"],
        ["Transfer-Encoding : chunked"],
        ["Content-Length: +5"],
        ["Content-Length: 5, 5"],
        ["Content-Length: 0x5"],
        ["Content-Length: -1"],
        ["Host: other"],
        ["X: 1\nContent-Length: 5"],
        ["Bad\x00Name: 1"],
        ["X: a\x00b"],
        [" folded: 1"],
    ],
)
async def test_ambiguous_framing_is_refused(gateway: RunningGateway, service: StubService, lines: list[str]) -> None:
    answer = await talk(gateway.port, gateway.raw("POST /patients HTTP/1.1", *lines, body=SMUGGLED))
    assert _code(answer)[0] == 400
    assert answer.count(b"content-type:") == 1
    assert service.for_path("/patients") == service.for_path("/patients/smuggled") == []


@pytest.mark.parametrize("size", ["5;x=1\n", "0x5\r\n", "-5\r\n", "5 \r\n", "FFFFFFFFFFFFFFFFF\r\n"])
async def test_odd_chunk_sizes_never_become_another_request(
    gateway: RunningGateway, service: StubService, size: str
) -> None:
    body = size.encode() + b"hello\r\n" + SMUGGLED
    await talk(gateway.port, gateway.raw("POST /patients HTTP/1.1", "Transfer-Encoding: chunked", body=body))
    assert service.for_path("/patients/smuggled") == []


@pytest.mark.parametrize("name", ["Authorization", "Idempotency-Key", "Content-Type", "If-Match"])
async def test_headers_that_decide_come_once(gateway: RunningGateway, service: StubService, name: str) -> None:
    token = gateway.bearer()["Authorization"]
    value = token if name == "Authorization" else "1"
    twice = [f"{name}: {value}"] * (1 if name == "Authorization" else 2)
    answer = await talk(gateway.port, gateway.raw("POST /patients HTTP/1.1", *twice, "Connection: close"))
    assert _code(answer) == (400, "ambiguous_request")
    assert service.for_path("/patients") == []


async def test_trailers_do_not_become_headers(gateway: RunningGateway, service: StubService) -> None:
    trailers = b"2\r\n{}\r\n0\r\nIdempotency-Key: forged\r\nAccept: forged\r\n\r\n"
    request = gateway.raw("POST /patients HTTP/1.1", "Transfer-Encoding: chunked", "Connection: close", body=trailers)
    assert b"200 OK" in await talk(gateway.port, request)
    (received,) = service.for_path("/patients")
    assert received.header("idempotency-key") is None
    assert received.header("accept") is None


@pytest.mark.parametrize(
    "path",
    [
        "/patients/../internal/x",
        "/patients/..%2finternal/x",
        "/patients/%2e%2e/internal",
        "/patients/./x",
        "//internal",
        "/patients//x",
        "/patients/%5c",
        "/patients/%00",
        "/patients/%0d%0aX:1",
        "/patients/\x7f",
        "/patients/\\x",
        "/patients/..",
        "/auth/%6Cogin",
        "/patients/%2d",
        "/patients/%39",
        "/patients/%41",
        "/patients/%5A",
        "/patients/%5F",
        "/patients/%7e",
    ],
)
async def test_paths_that_are_not_canonical(gateway: RunningGateway, service: StubService, path: str) -> None:
    answer = await talk(gateway.port, gateway.raw(f"GET {path} HTTP/1.1", "Connection: close"))
    assert _code(answer)[0] == 400
    assert not [request for request in service.received if "patients" in request.target or "auth" in request.target]


async def test_what_needs_encoding_passes(gateway: RunningGateway, service: StubService) -> None:
    path = "/patients/%20%25%3A%3F%40%5B%60%7B%C3%A9"
    answer = await talk(gateway.port, gateway.raw(f"GET {path} HTTP/1.1", "Connection: close"))
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert service.for_path(path)


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND", "PURGE"])
async def test_methods_that_are_not_offered(gateway: RunningGateway, method: str) -> None:
    target = "patients:80" if method == "CONNECT" else "/patients"
    answer = await talk(gateway.port, gateway.raw(f"{method} {target} HTTP/1.1"))
    assert _code(answer) == (405, "method_not_allowed")
    assert b"\r\nallow: DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT\r\n" in answer


@pytest.mark.parametrize(
    "line", ["GARBAGE /patients HTTP/1.1", "GET /patients HTTP/9.9", "GET /patients", "\x16\x03\x01"]
)
async def test_what_is_not_http(gateway: RunningGateway, line: str) -> None:
    assert _code(await talk(gateway.port, gateway.raw(line)))[0] == 400


async def test_http_1_1_needs_a_host(gateway: RunningGateway) -> None:
    assert _code(await talk(gateway.port, gateway.raw("GET /patients HTTP/1.1", host=False)))[0] == 400


async def test_websockets_are_refused_politely(gateway: RunningGateway, service: StubService) -> None:
    upgrade = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: x", "Sec-WebSocket-Version: 13"]
    answer = await talk(gateway.port, gateway.raw("GET /patients HTTP/1.1", *upgrade))
    assert _code(answer) == (400, "websocket_not_offered")
    assert service.for_path("/patients") == []


async def test_an_offer_of_http2_is_ignored(gateway: RunningGateway, service: StubService) -> None:
    upgrade = ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"]
    answer = await talk(gateway.port, gateway.raw("GET /patients HTTP/1.1", *upgrade))
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert {"upgrade", "http2-settings"}.isdisjoint(name for name, _ in service.for_path("/patients")[0].headers)


# Sizes


async def test_heads_have_a_size(gateway: RunningGateway, service: StubService) -> None:
    for lines in (
        [f"X-{number}: 1" for number in range(200)],
        [f"X-{number}: {'a' * 8000}" for number in range(10)],
        ["X: " + "a" * 400_000],
    ):
        answer = await talk(gateway.port, gateway.raw("GET /patients HTTP/1.1", *lines))
        assert _code(answer) == (431, "headers_too_large")
    long = gateway.raw(f"GET /patients?{'a' * 9000} HTTP/1.1")
    assert _code(await talk(gateway.port, long)) == (414, "url_too_long")
    assert service.for_path("/patients") == []


async def test_a_declared_body_that_is_too_large(gateway: RunningGateway, service: StubService) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(gateway.raw("POST /patients HTTP/1.1", "Content-Length: 1048577"))
    reply = await read_reply(reader)
    assert (reply.status, orjson.loads(reply.body)["code"]) == (413, "payload_too_large")
    writer.write(b"x" * 1_048_577)  # and the connection is still in step
    writer.write(gateway.raw("GET /patients/next HTTP/1.1"))
    assert (await read_reply(reader)).status == 200
    assert service.for_path("/patients") == []
    writer.close()


async def test_a_body_that_turns_out_too_large(gateway: RunningGateway, service: StubService) -> None:
    async def pieces() -> Any:
        for _ in range(20):
            yield b"x" * 100_000

    answer = await gateway.client.post("/patients", headers=gateway.bearer(), content=pieces())
    assert (answer.status_code, answer.json()["code"]) == (413, "payload_too_large")


async def test_a_webhook_may_be_larger(gateway: RunningGateway, service: StubService) -> None:
    largest = 3 * 1_048_576  # of what Meta sends
    path = "/webhooks/whatsapp"
    assert (await gateway.client.post(path, content=b"x" * largest)).status_code == 200
    assert (await gateway.client.post(path, content=b"x" * (largest + 1))).status_code == 413
    assert len(service.for_path(path)) == 1


async def test_an_endless_body_is_not_read_for_ever(gateway: RunningGateway) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(gateway.raw("POST /patients HTTP/1.1", "Content-Length: 1000000000"))

    sent = 0

    async def pour() -> None:
        nonlocal sent
        while True:
            writer.write(b"x" * 1_000_000)
            await writer.drain()
            sent += 1_000_000

    with pytest.raises(ConnectionError):
        await asyncio.wait_for(pour(), 10)
    assert sent < 100_000_000


# Slowness


async def _seconds_until_closed(port: int, first: bytes, drip: bytes = b"", every: float = 0.1) -> tuple[float, bytes]:
    """Send `first`, then one byte of `drip` after the other, until the other side closes."""
    loop = asyncio.get_running_loop()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    started = loop.time()
    writer.write(first)
    answer = asyncio.create_task(reader.read())
    async with asyncio.timeout(10):
        while not answer.done():
            if drip:
                writer.write(drip[:1])
            await asyncio.wait([answer], timeout=every)
    writer.close()
    return loop.time() - started, b"" if answer.exception() else answer.result()


async def test_silent_and_dripping_heads_are_closed(start: Start) -> None:
    gateway = await start(**QUICK)
    for first, drip in (
        (b"", b""),
        (b"GET /patients HTTP/1.1\r\n", b""),
        (b"GET /patients HTTP/1.1\r\nX: ", b"a"),
        (b"", b"\n"),
        (b"\r\n\r\n", b""),
    ):
        seconds, answer = await _seconds_until_closed(gateway.port, first, drip)
        assert 0.3 < seconds < 4, (first, drip)
        assert _code(answer) == (408, "request_timeout"), (first, drip)


async def test_an_empty_line_does_not_keep_an_idle_connection(start: Start) -> None:
    gateway = await start(**QUICK)
    seconds, answer = await _seconds_until_closed(gateway.port, gateway.raw("GET /patients HTTP/1.1"), b"\n", every=0.3)
    assert seconds < 5
    assert answer.startswith(b"HTTP/1.1 200 OK")


async def test_a_dripping_body_is_closed_and_its_service_released(start: Start, service: StubService) -> None:
    gateway = await start(**QUICK)
    request = gateway.raw("POST /patients HTTP/1.1", "Content-Length: 100000", body=b"x" * 70_000)
    seconds, answer = await _seconds_until_closed(gateway.port, request, b"x")
    assert seconds < 5
    assert _code(answer) == (408, "request_timeout")
    chunked = gateway.raw("POST /patients HTTP/1.1", "Transfer-Encoding: chunked")
    assert _code((await _seconds_until_closed(gateway.port, chunked))[1]) == (408, "request_timeout")


async def test_a_client_that_reads_nothing_is_dropped(start: Start, service: StubService) -> None:
    gateway = await start(**QUICK)
    service.answers["/patients"] = b"HTTP/1.1 200 OK\r\nContent-Length: 20000000\r\n\r\n" + b"x" * 20_000_000
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port, limit=1024)
    writer.write(gateway.raw("GET /patients HTTP/1.1"))
    await reader.readuntil(b"\r\n\r\n")
    await eventually(lambda: not gateway.server.server_state.connections)
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await reader.readexactly(20_000_000)
    writer.close()


async def test_a_steady_slow_upload_is_taken(start: Start, service: StubService) -> None:
    gateway = await start(**QUICK)
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(gateway.raw("POST /patients HTTP/1.1", "Content-Length: 2000"))
    for _ in range(10):
        writer.write(b"x" * 200)
        await asyncio.sleep(0.15)
    assert (await read_reply(reader)).status == 200
    writer.close()


async def test_connections_are_counted(start: Start) -> None:
    gateway = await start(max_connections=3)
    held = [await asyncio.open_connection("127.0.0.1", gateway.port) for _ in range(3)]
    for reader, writer in held:
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await read_reply(reader)).status == 200
    assert _code(await talk(gateway.port, b"")) == (503, "overloaded")
    for _, writer in held:
        writer.close()
