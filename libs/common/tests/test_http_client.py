"""Outbound calls against a real socket that answers, refuses, stalls and breaks off as scripted."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from libs.common.resilience import http_client
from libs.common.resilience.breaker import BreakerOpen
from libs.common.resilience.http_client import (
    OutboundClient,
    PrivateAddress,
    UpstreamRejected,
    UpstreamUnavailable,
)
from libs.common.telemetry.logs import bind_context, clear_context

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
STALL = b"stall"
DRIP = b"drip"
BREAK_OFF = b""


def answer(status: int, *headers: str, body: str = "") -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"content-length: {len(body)}", "connection: close", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


class Upstream:
    """Gives the scripted answers in turn, then 200; keeps the requests."""

    def __init__(self) -> None:
        self.script: list[bytes] = []
        self.requests: list[str] = []
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await self._answer(reader, writer)
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.requests.append((await reader.readuntil(b"\r\n\r\n")).decode())
        reply = self.script.pop(0) if self.script else OK
        if reply == STALL:
            await reader.read()
        elif reply == DRIP:
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
            while not reader.at_eof():
                writer.write(b"x")
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(reader.read(1), 0.02)
        else:
            writer.write(reply)


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    upstream = Upstream()
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0)
    upstream.port = server.sockets[0].getsockname()[1]
    yield upstream
    server.close()


@pytest.fixture
async def client(upstream: Upstream) -> AsyncIterator[OutboundClient]:
    client = OutboundClient("vendor", upstream.url, timeout=0.3)
    yield client
    await client.close()


async def test_a_safe_request_is_tried_three_times_and_no_more(upstream: Upstream, client: OutboundClient) -> None:
    upstream.script = [answer(503), answer(502)]
    assert (await client.request("GET", "/x")).status_code == 200
    upstream.script = [answer(503)] * 9
    with pytest.raises(UpstreamUnavailable) as failed:
        await client.request("GET", "/x")
    assert failed.value.upstream_status == 503
    assert len(upstream.requests) == 3 + 3


async def test_a_post_is_repeated_only_under_an_idempotency_key(upstream: Upstream, client: OutboundClient) -> None:
    upstream.script = [answer(503)]
    with pytest.raises(UpstreamUnavailable):
        await client.request("POST", "/x", json={"a": 1})
    assert len(upstream.requests) == 1
    upstream.script = [answer(503), BREAK_OFF]
    await client.request("POST", "/x", json={"a": 1}, idempotency_key="key-1")
    assert [request.count("idempotency-key: key-1") for request in map(str.lower, upstream.requests)] == [0, 1, 1, 1]


async def test_a_refusal_is_not_repeated_and_tells_the_code(upstream: Upstream, client: OutboundClient) -> None:
    upstream.script = [answer(422, body='{"code":"template_unknown"}'), answer(404, body="<html>")]
    with pytest.raises(UpstreamRejected) as refused:
        await client.request("GET", "/x")
    assert (refused.value.upstream_status, refused.value.body_code) == (422, "template_unknown")
    with pytest.raises(UpstreamRejected) as refused:
        await client.request("GET", "/x")
    assert (refused.value.upstream_status, refused.value.body_code) == (404, None)
    assert len(upstream.requests) == 2


async def test_a_500_is_not_repeated(upstream: Upstream, client: OutboundClient) -> None:
    upstream.script = [answer(500)]
    with pytest.raises(UpstreamUnavailable) as failed:
        await client.request("GET", "/x")
    assert failed.value.maybe_done
    assert len(upstream.requests) == 1


async def test_retry_after_is_waited_for(upstream: Upstream, client: OutboundClient) -> None:
    upstream.script = [answer(429, "retry-after: 1")]
    started = time.monotonic()
    await client.request("GET", "/x")
    assert time.monotonic() - started >= 1


async def test_a_long_retry_after_is_passed_on_at_once(upstream: Upstream, client: OutboundClient) -> None:
    upstream.script = [answer(429, "retry-after: 60")]
    with pytest.raises(UpstreamUnavailable) as failed:
        await client.request("GET", "/x")
    assert failed.value.retry_after == 60
    assert not failed.value.maybe_done
    assert len(upstream.requests) == 1


@pytest.mark.parametrize("slow", [STALL, DRIP])
async def test_the_timeout_bounds_the_whole_answer(upstream: Upstream, client: OutboundClient, slow: bytes) -> None:
    upstream.script = [slow]
    started = time.monotonic()
    with pytest.raises(UpstreamUnavailable) as failed:
        await client.request("POST", "/x")
    assert time.monotonic() - started < 0.6
    assert failed.value.maybe_done


async def test_nobody_there_means_nothing_was_done() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        client = OutboundClient("nobody", f"http://127.0.0.1:{unused.getsockname()[1]}")
        with pytest.raises(UpstreamUnavailable) as failed:
            await client.request("POST", "/x")
    assert not failed.value.maybe_done
    await client.close()


async def test_the_breaker_spares_who_is_down_but_not_who_refuses(upstream: Upstream, client: OutboundClient) -> None:
    upstream.script = [answer(404)] * 6 + [answer(429, "retry-after: 9")] * 6
    for _ in range(6):
        with pytest.raises(UpstreamRejected):
            await client.request("GET", "/x")
    for _ in range(6):
        with pytest.raises(UpstreamUnavailable):
            await client.request("GET", "/x")
    upstream.script = [answer(503)] * 5
    for _ in range(5):
        with pytest.raises(UpstreamUnavailable):
            await client.request("POST", "/x")
    called = len(upstream.requests)
    with pytest.raises(BreakerOpen):
        await client.request("GET", "/x")
    assert len(upstream.requests) == called


async def test_the_request_id_and_the_token_go_along(upstream: Upstream) -> None:
    async def token() -> str:
        return "secret"

    client = OutboundClient("registry", upstream.url, token=token)
    bind_context(request_id="req_1")
    try:
        await client.request("GET", "/x")
    finally:
        clear_context()
        await client.close()
    head = upstream.requests[0].lower()
    assert "x-request-id: req_1\r\n" in head
    assert "authorization: bearer secret\r\n" in head


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "10.0.0.1", "169.254.169.254", "[::1]", "[::ffff:127.0.0.1]", "224.0.0.1"]
)
async def test_addresses_of_our_own_network_are_refused(upstream: Upstream, host: str) -> None:
    client = OutboundClient("webhooks", public_only=True)
    with pytest.raises(PrivateAddress):
        await client.request("GET", f"http://{host}:{upstream.port}/")
    assert upstream.requests == []
    await client.close()


async def test_a_name_cannot_point_elsewhere_after_the_check(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up: list[Any] = []

    async def getaddrinfo(host: str, *_: Any, **__: Any) -> list[Any]:
        looked_up.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(http_client, "_is_public", lambda _address: True)
    client = OutboundClient("webhooks", public_only=True)
    await client.request("GET", f"http://clinic.test:{upstream.port}/")
    assert looked_up == ["clinic.test"]
    assert f"host: clinic.test:{upstream.port}\r\n" in upstream.requests[0].lower()
    await client.close()


async def test_only_http_is_spoken_to_addresses_that_people_enter() -> None:
    client = OutboundClient("webhooks", public_only=True)
    with pytest.raises(PrivateAddress):
        await client.request("GET", "file://example.com/etc/passwd")
    await client.close()
