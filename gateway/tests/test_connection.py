"""The connection to a service by itself, for moments that cannot be timed over a socket."""

import asyncio
from typing import Any, cast

import pytest

from gateway.upstream.connection import NotHttp, TimedOut, UpstreamConnection

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


class Wire:
    """A transport that goes nowhere."""

    def __init__(self) -> None:
        self.closed = False

    def write(self, data: bytes) -> None: ...
    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...

    def is_closing(self) -> bool:
        return self.closed

    def abort(self) -> None:
        self.closed = True


@pytest.fixture
async def connection() -> Any:
    made = UpstreamConnection()
    made.connection_made(cast("asyncio.Transport", Wire()))
    return made


async def test_an_answer_before_any_request_spoils_the_connection(connection: UpstreamConnection) -> None:
    assert connection.usable
    connection.data_received(OK)
    assert not connection.usable


async def test_an_answer_between_two_requests_spoils_the_connection(connection: UpstreamConnection) -> None:
    connection.begin(reused=False)
    connection.data_received(OK)
    assert await connection.read() == (b"{}", False)
    assert connection.finish(request_sent=True)
    assert connection.usable
    connection.data_received(OK)
    assert not connection.usable


async def test_an_unfinished_request_or_response_spoils_the_connection(connection: UpstreamConnection) -> None:
    connection.begin(reused=False)
    connection.data_received(OK)
    assert not connection.finish(request_sent=False)
    assert not connection.usable


async def test_a_response_byte_by_byte(connection: UpstreamConnection) -> None:
    chunked = b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\nX: 1\r\n\r\n"
    for response, body in ((OK, b"{}"), (chunked, b"onetwo"), (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, b"{}")):
        connection.begin(reused=False)
        for at in range(len(response)):
            connection.data_received(response[at : at + 1])
        await connection.response_head()
        assert connection.status in (200, 201)
        assert await connection.read() == (body, False)
        assert connection.finish(request_sent=True)


async def test_what_ends_an_exchange_reaches_whoever_waits(connection: UpstreamConnection) -> None:
    connection.begin(reused=False)
    waiting = asyncio.create_task(connection.response_head())
    await asyncio.sleep(0)
    connection.fail(TimedOut("deadline"))
    connection.fail(NotHttp("later"))  # the first reason stands
    with pytest.raises(TimedOut):
        await waiting
    with pytest.raises(TimedOut):
        await connection.read()
    with pytest.raises(TimedOut):
        await connection.drain()
