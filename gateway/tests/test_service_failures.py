"""A service that is away, slow, or talks nonsense: the client hears which, and the next request is not harmed."""

import asyncio
import socket
from functools import partial
from typing import Any

import pytest

from gateway.tests.conftest import RunningGateway, Start
from gateway.tests.stubs import OK, Received, StubService, read_reply
from libs.common.testing.waiting import eventually

GARBAGE = [
    b"this is not HTTP\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    b"HTTP/1.1 700 Odd\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nBad Name: 1\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX: " + b"a" * 400_000 + b"\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * 60_000,
]


@pytest.mark.parametrize("answer", GARBAGE, ids=range(len(GARBAGE)))
async def test_an_answer_that_is_not_http_is_a_502(
    gateway: RunningGateway, service: StubService, answer: bytes
) -> None:
    service.answers["/patients/1"] = answer
    reply = await gateway.client.get("/patients/1", headers=gateway.bearer())
    assert (reply.status_code, reply.json()["code"]) == (502, "bad_gateway")
    assert reply.json()["request_id"] == reply.headers["x-request-id"]
    assert (await gateway.client.get("/patients/2", headers=gateway.bearer())).content == b"{}"


@pytest.mark.parametrize("poison", [b"200 OK\r\nContent-Length: 6\r\n\r\npoison", b"204 No Content\r\n\r\n", b"2"])
async def test_bytes_after_a_response_never_answer_the_next_request(
    gateway: RunningGateway, service: StubService, poison: bytes
) -> None:
    service.answers["/patients/1"] = OK + b"HTTP/1.1 " + poison
    for _ in range(3):
        assert (await gateway.client.get("/patients/1", headers=gateway.bearer())).content == b"{}"
        assert (await gateway.client.get("/patients/2", headers=gateway.bearer())).content == b"{}"


async def test_a_late_second_response_never_answers_the_next_request(
    gateway: RunningGateway, service: StubService
) -> None:
    poisoned = asyncio.Event()

    async def twice(_request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(OK)
        await writer.drain()
        await asyncio.sleep(0.05)  # the first answer is through, the connection is idle
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")
        await writer.drain()
        poisoned.set()

    service.answers["/patients/1"] = twice
    assert (await gateway.client.get("/patients/1", headers=gateway.bearer())).content == b"{}"
    await poisoned.wait()
    for _ in range(3):
        assert (await gateway.client.get("/patients/2", headers=gateway.bearer())).content == b"{}"


async def test_an_answer_cut_short_is_not_passed_off_as_whole(gateway: RunningGateway, service: StubService) -> None:
    async def cut(request: Received, writer: asyncio.StreamWriter) -> None:
        framing = b"Content-Length: 100" if request.target.endswith("1") else b"Transfer-Encoding: chunked"
        writer.write(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n5\r\nhello\r\n")
        await writer.drain()
        writer.close()

    service.answers |= {"/patients/1": cut, "/patients/2": cut}
    for path in ("/patients/1", "/patients/2"):
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(gateway.raw(f"GET {path} HTTP/1.1"))
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError, ValueError)):
            await read_reply(reader)
        writer.close()


async def test_a_service_that_breaks_off_is_a_502(gateway: RunningGateway, service: StubService) -> None:
    async def hang_up(_request: Received, writer: asyncio.StreamWriter) -> None:
        writer.close()

    service.answers["/patients/1"] = hang_up
    reply = await gateway.client.get("/patients/1", headers=gateway.bearer())
    assert (reply.status_code, reply.json()["code"]) == (502, "bad_gateway")


async def _stale(gateway: RunningGateway, service: StubService, **request: Any) -> tuple[int, int]:
    """An idle connection closes at the moment a request is sent on it; the status, and how often it arrived."""
    assert (await gateway.client.get("/patients/warm", headers=gateway.bearer())).status_code == 200
    used = service.for_path("/patients/warm")[-1].connection

    async def close_the_old_one(received: Received, writer: asyncio.StreamWriter) -> None:
        if received.connection == used:
            writer.close()
        else:
            writer.write(OK)

    service.answers["/patients/1"] = close_the_old_one
    reply = await gateway.client.request(url="/patients/1", **request)
    return reply.status_code, len(service.for_path("/patients/1"))


async def test_a_stale_connection_is_replaced_when_twice_does_no_harm(
    gateway: RunningGateway, service: StubService
) -> None:
    assert await _stale(gateway, service, method="GET", headers=gateway.bearer()) == (200, 2)
    service.received.clear()
    keyed = {**gateway.bearer(), "Idempotency-Key": "k"}
    assert await _stale(gateway, service, method="POST", headers=keyed, content=b"{}") == (200, 2)
    assert service.for_path("/patients/1")[1].body == b"{}"


async def test_a_stale_connection_is_not_replaced_when_twice_might(
    gateway: RunningGateway, service: StubService
) -> None:
    assert await _stale(gateway, service, method="POST", headers=gateway.bearer(), content=b"{}") == (502, 1)


async def test_a_fresh_connection_is_not_tried_again(gateway: RunningGateway, service: StubService) -> None:
    async def hang_up(_request: Received, writer: asyncio.StreamWriter) -> None:
        writer.close()

    service.answers["/patients/1"] = hang_up
    await gateway.client.get("/patients/1", headers=gateway.bearer())
    assert len(service.for_path("/patients/1")) == 1


async def test_an_idle_connection_is_closed_before_the_service_does(start: Start, service: StubService) -> None:
    gateway = await start(idle_connection_seconds=0.2)
    await gateway.client.get("/patients/1", headers=gateway.bearer())
    await eventually(lambda: service.open == 0)


async def test_a_service_that_does_not_answer_is_a_504(start: Start, service: StubService) -> None:
    gateway = await start(first_byte_seconds=0.3)

    async def never(request: Received, _writer: asyncio.StreamWriter) -> None:
        await request.reader.read()

    service.answers["/patients/1"] = never
    reply = await gateway.client.get("/patients/1", headers=gateway.bearer())
    assert (reply.status_code, reply.json()["code"]) == (504, "gateway_timeout")


async def test_an_answer_that_never_ends_is_cut(start: Start, service: StubService) -> None:
    gateway = await start(total_seconds=0.5)

    async def drip(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while not request.reader.at_eof():
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    service.answers["/patients/1"] = drip
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(gateway.raw("GET /patients/1 HTTP/1.1"))
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        async with asyncio.timeout(5):
            await read_reply(reader)
    writer.close()


async def test_a_refusal_before_the_body_is_read_comes_through(gateway: RunningGateway, service: StubService) -> None:
    async def refuse(_request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\n{}")
        await writer.drain()
        await asyncio.Event().wait()

    service.answers["/patients"] = refuse
    service.read_body = False
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(gateway.raw("POST /patients HTTP/1.1", "Content-Length: 900000", body=b"x" * 300_000))
    assert (await read_reply(reader)).status == 401
    writer.close()


async def test_a_service_that_is_away_is_a_503_and_its_breaker_opens(start: Start, service: StubService) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        away = f"http://127.0.0.1:{unused.getsockname()[1]}"
        gateway = await start(registry_url=away, breaker_failures=3, breaker_reset_seconds=0.3)
        codes = []
        for _ in range(5):
            reply = await gateway.client.get("/patients/1", headers=gateway.bearer())
            assert reply.status_code == 503
            assert int(reply.headers["retry-after"]) >= 1
            codes.append(reply.json()["code"])
        assert codes[0] == "upstream_unavailable"
        assert codes[-1] == "dependency_unavailable"
        ready = (await gateway.client.get("/readyz")).json()
        assert ready["ready"] is True
        assert ready["services"]["registry"]["breaker"] == "open"
        assert (await gateway.client.get("/slots", headers=gateway.bearer())).status_code == 200


async def test_a_breaker_closes_again_by_itself(start: Start, service: StubService) -> None:
    gateway = await start(breaker_failures=2, breaker_reset_seconds=0.2)

    async def hang_up(_request: Received, writer: asyncio.StreamWriter) -> None:
        writer.close()

    service.answers["/patients/1"] = hang_up
    for _ in range(4):
        await gateway.client.get("/patients/1", headers=gateway.bearer())
    assert (await gateway.client.get("/patients/2", headers=gateway.bearer())).status_code == 503
    for _ in range(100):
        if (await gateway.client.get("/patients/2", headers=gateway.bearer())).status_code == 200:
            break
        await asyncio.sleep(0.05)
    assert (await gateway.client.get("/readyz")).json()["services"]["registry"]["breaker"] == "closed"


def _arrived(service: StubService, count: int) -> bool:
    return len(service.for_path("/patients/1")) == count


async def test_clients_that_leave_do_not_open_the_breaker(start: Start, service: StubService) -> None:
    gateway = await start(breaker_failures=2)

    async def never(request: Received, _writer: asyncio.StreamWriter) -> None:
        await request.reader.read()

    service.answers["/patients/1"] = never
    for number in range(6):
        _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(gateway.raw("GET /patients/1 HTTP/1.1"))
        await eventually(partial(_arrived, service, number + 1))
        writer.close()
    assert (await gateway.client.get("/patients/2", headers=gateway.bearer())).status_code == 200


async def test_uploads_that_stop_do_not_open_the_breaker(start: Start) -> None:
    gateway = await start(breaker_failures=2, first_byte_seconds=0.2, body_seconds=1.0)

    async def stop_in_the_middle() -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(gateway.raw("POST /patients HTTP/1.1", "Content-Length: 100000", body=b"x" * 70_000))
        reply = await read_reply(reader)
        writer.close()
        return reply.status

    assert await asyncio.gather(*(stop_in_the_middle() for _ in range(3))) == [408] * 3
    assert (await gateway.client.get("/readyz")).json()["services"]["registry"]["breaker"] == "closed"


async def test_clients_that_read_slowly_do_not_open_the_breaker(start: Start, service: StubService) -> None:
    gateway = await start(breaker_failures=1, total_seconds=0.3)
    service.answers["/patients/1"] = b"HTTP/1.1 200 OK\r\nContent-Length: 20000000\r\n\r\n" + b"x" * 20_000_000
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port, limit=1024)
    writer.write(gateway.raw("GET /patients/1 HTTP/1.1"))
    await reader.readuntil(b"\r\n\r\n")
    await asyncio.sleep(1.5)
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await reader.readexactly(20_000_000)
    writer.close()
    assert (await gateway.client.get("/patients/2", headers=gateway.bearer())).status_code == 200
