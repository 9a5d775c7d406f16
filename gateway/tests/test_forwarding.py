"""What a service receives, and what a client gets back."""

import asyncio
import contextlib
import re
from typing import Any

import pytest

from gateway.tests.conftest import RunningGateway, Start, json_answer
from gateway.tests.stubs import Received, StubService, read_reply, talk
from libs.common.ids import id_pattern

CLAIMED = {
    "X-User-Id": "usr_root",
    "X-User": "root",
    "X-Actor": "root",
    "X-Clinic-Id": "cln_other",
    "X-Role": "admin",
    "X-Forwarded-User": "root",
    "X-Internal-Call": "1",
    "X_User": "root",
    "X-Forwarded-For": "10.0.0.1",
    "X-Forwarded-Host": "evil",
    "Forwarded": "for=10.0.0.1",
    "Traceparent": "00-11111111111111111111111111111111-2222222222222222-01",
    "Cookie": "session=1",
    "X-Original-Url": "/internal",
    "X-Http-Method-Override": "DELETE",
}


async def test_identity_headers_from_outside_reach_nobody(gateway: RunningGateway, service: StubService) -> None:
    answer = await gateway.client.get("/patients/pat_1?x=1&y=%20", headers={**gateway.bearer(), **CLAIMED})
    assert answer.status_code == 200
    (request,) = service.for_path("/patients/pat_1")
    assert request.target == "/patients/pat_1?x=1&y=%20"
    names = {name for name, _ in request.headers}
    assert names == {
        "host",
        "authorization",
        "accept",
        "accept-encoding",
        "user-agent",
        "x-request-id",
        "x-forwarded-for",
        "x-forwarded-proto",
        "traceparent",
    }
    assert request.header("x-forwarded-for") == "127.0.0.1"
    assert request.header("x-forwarded-proto") == "http"
    assert "11111111" not in (request.header("traceparent") or "")


async def test_a_header_named_by_connection_stays_behind(gateway: RunningGateway, service: StubService) -> None:
    await talk(gateway.port, gateway.raw("GET /patients/p HTTP/1.1", "Accept: x", "Connection: close, Accept"))
    (request,) = service.for_path("/patients/p")
    assert request.header("accept") is None
    assert request.header("connection") is None


async def test_a_route_lets_through_the_headers_it_names(gateway: RunningGateway, service: StubService) -> None:
    headers = {"X-Hub-Signature-256": "sha256=1", "X-Signature": "2", "X-Bootstrap-Token": "3"}
    body = b'{"raw": "\xff bytes"}'
    await gateway.client.post("/webhooks/whatsapp", headers=headers, content=body)
    (request,) = service.for_path("/webhooks/whatsapp")
    assert request.header("x-hub-signature-256") == "sha256=1"
    assert request.header("x-signature") is None
    assert request.header("x-bootstrap-token") is None
    assert request.body == body


async def test_the_clients_request_id_is_kept_when_it_is_harmless(
    gateway: RunningGateway, service: StubService
) -> None:
    kept = await gateway.client.get("/patients/1", headers={**gateway.bearer(), "X-Request-ID": "my-id:12345"})
    assert kept.headers["x-request-id"] == "my-id:12345"
    assert service.for_path("/patients/1")[0].header("x-request-id") == "my-id:12345"
    made = await gateway.client.get("/patients/2", headers={**gateway.bearer(), "X-Request-ID": "a b\t<script>"})
    assert re.match(id_pattern("req"), made.headers["x-request-id"])
    assert service.for_path("/patients/2")[0].header("x-request-id") == made.headers["x-request-id"]


async def test_response_headers_between_two_hops_stay_behind(gateway: RunningGateway, service: StubService) -> None:
    service.answers["/patients/1"] = (
        b'HTTP/1.1 201 Created\r\nServer: secret/1.0\r\nX-Request-ID: theirs\r\nETag: "3"\r\nLocation: /patients/1\r\n'
        b"Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nContent-Length: 2\r\n\r\n{}"
    )
    answer = await gateway.client.get("/patients/1", headers=gateway.bearer())
    assert answer.status_code == 201
    assert answer.headers["etag"] == '"3"'
    assert answer.headers["location"] == "/patients/1"
    assert answer.headers.get_list("x-request-id") != ["theirs"]
    assert not {"server", "x-hop", "keep-alive"} & set(answer.headers)
    assert answer.content == b"{}"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_every_method_with_a_body(gateway: RunningGateway, service: StubService, method: str) -> None:
    answer = await gateway.client.request(method, "/patients/1", headers=gateway.bearer(), content=b"x" * 1000)
    assert answer.status_code == 200
    (request,) = service.for_path("/patients/1")
    assert (request.method, request.body) == (method, b"x" * 1000)


async def test_a_chunked_body_goes_on_chunked(gateway: RunningGateway, service: StubService) -> None:
    async def body() -> Any:
        for piece in (b"one", b"two" * 30_000, b"three"):
            yield piece

    answer = await gateway.client.post("/patients", headers=gateway.bearer(), content=body())
    assert answer.status_code == 200
    (request,) = service.for_path("/patients")
    assert request.header("transfer-encoding") == "chunked"
    assert request.header("content-length") is None
    assert request.body == b"one" + b"two" * 30_000 + b"three"


async def test_head_no_content_and_not_modified(gateway: RunningGateway, service: StubService) -> None:
    service.answers["/patients/head"] = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 1000
    chunks = b"Transfer-Encoding: chunked\r\n\r\n3\r\none\r\n0\r\n\r\n"
    service.answers["/patients/chunks"] = b"HTTP/1.1 200 OK\r\n" + chunks
    service.answers["/patients/none"] = b"HTTP/1.1 204 No Content\r\n\r\n"
    service.answers["/patients/same"] = b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\nContent-Length: 77\r\n\r\n'
    for _ in range(2):  # twice: the connection must be in step afterwards
        head = await gateway.client.head("/patients/head", headers=gateway.bearer())
        assert (head.status_code, head.headers["content-length"], head.content) == (200, "1000", b"")
        assert (await gateway.client.head("/patients/chunks", headers=gateway.bearer())).content == b""
        assert (await gateway.client.get("/patients/none", headers=gateway.bearer())).status_code == 204
        same = await gateway.client.get("/patients/same", headers=gateway.bearer())
        assert (same.status_code, same.headers["etag"]) == (304, '"1"')
        assert (await gateway.client.get("/patients/plain", headers=gateway.bearer())).content == b"{}"
    used = {request.connection for request in service.received if request.target.startswith("/patients")}
    assert len(used) == 1
    assert {request.method for request in service.for_path("/patients/head")} == {"GET"}


async def test_head_is_among_what_a_405_allows(gateway: RunningGateway, service: StubService) -> None:
    not_allowed = b"HTTP/1.1 405 Method Not Allowed\r\nAllow: %b\r\nContent-Length: 0\r\n\r\n"
    service.answers["/patients/read"] = not_allowed % b"GET"
    service.answers["/patients/write"] = not_allowed % b"POST"
    read = await gateway.client.put("/patients/read", headers=gateway.bearer())
    assert (read.status_code, read.headers["allow"]) == (405, "GET, HEAD")
    write = await gateway.client.head("/patients/write", headers=gateway.bearer())
    assert (write.status_code, write.headers["allow"]) == (405, "POST")


async def test_continue_and_early_hints_are_swallowed(gateway: RunningGateway, service: StubService) -> None:
    service.answers["/patients/1"] = (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    )
    answer = await gateway.client.get("/patients/1", headers=gateway.bearer())
    assert (answer.status_code, answer.content) == (200, b"ok")
    assert "link" not in answer.headers


async def test_trailers_are_dropped(gateway: RunningGateway, service: StubService) -> None:
    service.answers["/patients/1"] = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
        b"5\r\nhello\r\n0\r\nX-Sum: 1\r\nX-User: root\r\n\r\n"
    )
    for _ in range(2):
        answer = await gateway.client.get("/patients/1", headers=gateway.bearer())
        assert (answer.status_code, answer.content) == (200, b"hello")
        assert not {"x-sum", "trailer", "x-user"} & set(answer.headers)


async def test_a_body_that_ends_with_the_connection(gateway: RunningGateway, service: StubService) -> None:
    async def until_close(_request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 5000)
        await writer.drain()
        writer.close()

    service.answers["/patients/1"] = until_close
    answer = await gateway.client.get("/patients/1", headers=gateway.bearer())
    assert (answer.status_code, answer.content) == (200, b"x" * 5000)


async def test_an_old_client_gets_no_chunks(gateway: RunningGateway, service: StubService) -> None:
    service.answers["/patients/1"] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    answer = await talk(gateway.port, gateway.raw("GET /patients/1 HTTP/1.0"))
    assert answer.endswith(b"\r\n\r\nhello")
    assert b"transfer-encoding" not in answer.lower()


async def test_expect_continue_is_answered_by_the_gateway(gateway: RunningGateway, service: StubService) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(gateway.raw("POST /patients HTTP/1.1", "Content-Length: 5", "Expect: 100-continue"))
    assert (await read_reply(reader)).status == 100
    writer.write(b"hello")
    assert (await read_reply(reader)).status == 200
    writer.close()
    (request,) = service.for_path("/patients")
    assert (request.body, request.header("expect")) == (b"hello", None)


async def test_a_response_begins_before_it_is_complete(gateway: RunningGateway, service: StubService) -> None:
    go_on = asyncio.Event()

    async def slowly(_request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
        await go_on.wait()
        writer.write(b"0123456789")

    service.answers["/patients/1"] = slowly
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(gateway.raw("GET /patients/1 HTTP/1.1"))
    async with asyncio.timeout(5):
        assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")
    go_on.set()
    assert await reader.readexactly(10) == b"0123456789"
    writer.close()


async def test_connections_to_the_service_are_kept(gateway: RunningGateway, service: StubService) -> None:
    for _ in range(20):
        assert (await gateway.client.get("/patients/1", headers=gateway.bearer())).status_code == 200
    assert len({request.connection for request in service.for_path("/patients/1")}) == 1


async def test_pipelined_requests_are_answered_in_order(gateway: RunningGateway, service: StubService) -> None:
    for number in range(3):
        service.answers[f"/patients/{number}"] = json_answer({"number": number})
    requests = [gateway.raw(f"GET /patients/{number} HTTP/1.1") for number in range(2)]
    answer = await talk(
        gateway.port, b"".join([*requests, gateway.raw("GET /patients/2 HTTP/1.1", "Connection: close")])
    )
    assert [answer.find(b'{"number":%d}' % number) for number in range(3)] == sorted(
        answer.find(b'{"number":%d}' % number) for number in range(3)
    )
    assert answer.count(b"HTTP/1.1 200 OK") == 3


async def test_a_big_download_waits_for_a_slow_client(start: Start, service: StubService) -> None:
    """The service is asked to wait: the gateway must not hold what the client does not read."""
    gateway = await start()
    sent = 0

    async def flood(_request: Received, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 52428800\r\n\r\n")
        for _ in range(800):
            writer.write(b"x" * 65_536)
            await writer.drain()
            sent += 65_536

    service.answers["/patients/1"] = flood
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port, limit=1024)
    writer.write(gateway.raw("GET /patients/1 HTTP/1.1"))
    await reader.readuntil(b"\r\n\r\n")
    before = -1
    while before != sent:  # until nothing moves any more
        before = sent
        await asyncio.sleep(0.2)
    assert sent < 30_000_000  # socket buffers, no more
    total = 0
    while total < 52_428_800:
        total += len(await reader.read(1 << 20))
    writer.close()


async def test_a_big_upload_waits_for_a_slow_service(start: Start, service: StubService) -> None:
    gateway = await start(max_body_bytes=100_000_000)
    go_on = asyncio.Event()
    service.before_body = go_on.wait
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(gateway.raw("POST /patients HTTP/1.1", "Content-Length: 52428800"))
    sent = 0

    async def pour() -> None:
        nonlocal sent
        for _ in range(800):
            writer.write(b"x" * 65_536)
            await writer.drain()
            sent += 65_536

    pouring = asyncio.create_task(pour())
    before = -1
    while before != sent or sent == 0:
        before = sent
        await asyncio.sleep(0.2)
    assert sent < 30_000_000
    go_on.set()
    assert (await read_reply(reader)).status == 200
    await pouring
    assert service.bytes_read == 52_428_800
    writer.close()


async def test_a_client_that_leaves_is_not_worked_for(gateway: RunningGateway, service: StubService) -> None:
    arrived, left = asyncio.Event(), asyncio.Event()

    async def until_nobody_listens(request: Received, _writer: asyncio.StreamWriter) -> None:
        arrived.set()
        with contextlib.suppress(ConnectionResetError):
            assert await request.reader.read() == b""
        left.set()

    service.answers["/patients/1"] = until_nobody_listens
    _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(gateway.raw("GET /patients/1 HTTP/1.1"))
    await arrived.wait()
    writer.close()
    async with asyncio.timeout(5):
        await left.wait()
