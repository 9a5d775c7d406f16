"""One request's way through: body in, answer out, both streamed at the pace of the slower side."""

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from math import inf
from typing import Any

from gateway.protocol import ClientConnection
from gateway.upstream.connection import BrokenOff, ClientGone, UpstreamConnection, UpstreamError
from gateway.upstream.pool import Upstream
from libs.common.errors import PayloadTooLarge, Problem

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

OPENING_BYTES = 65_536
"""Of a body, what is in hand before its service is asked for anything: bodies up to this size are there whole."""

IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds from the last byte sent to the first byte back, and from there to the last one."""

    first_byte: float
    total: float


class RequestBody:
    """The client's body in the framing it came in; raises `PayloadTooLarge` beyond `limit` bytes.

    `open` it first: `opening` is its beginning, and `next` gives the pieces after it as long as there is `more`.
    """

    def __init__(self, receive: Receive, *, limit: int, chunked: bool) -> None:
        self._receive = receive
        self._left = limit
        self._limit = limit
        self._chunked = chunked
        self.opening = b""
        self.more = True

    async def open(self) -> None:
        """Wait for the first `OPENING_BYTES`, or for all of a smaller body."""
        while self.more and len(self.opening) < OPENING_BYTES:
            self.opening += await self.next()

    async def next(self) -> bytes:
        """Bytes for the wire."""
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        data: bytes = message["body"]
        self.more = message["more_body"]
        self._left -= len(data)
        if self._left < 0:
            raise PayloadTooLarge(f"This route takes at most {self._limit} bytes")
        if self._chunked:
            data = (b"%x\r\n%b\r\n" % (len(data), data) if data else b"") + (b"" if self.more else b"0\r\n\r\n")
        return data


class Exchange:
    """`send_request`, then read `connection`, then `close`; a context manager so that `close` is never forgotten."""

    def __init__(self, upstream: Upstream, client: ClientConnection, deadlines: Deadlines) -> None:
        self._upstream = upstream
        self._client = client
        self._deadlines = deadlines
        self._loop = client.loop
        self._connection: UpstreamConnection | None = None
        self._rest: asyncio.Task[None] | None = None
        self._sent_at = 0.0

    def seconds_since_sent(self) -> float:
        """Since the last piece of the request went out."""
        return time.perf_counter() - self._sent_at

    async def send_request(self, head: bytes, body: RequestBody | None, *, replayable: bool) -> UpstreamConnection:
        """Send it, its body opened, and return the connection when its response head is there.

        A connection that was idle may close at the very moment it is used. Then the request goes out once more on a
        fresh one, if nothing came back, its body is still in hand, and doing it twice does no harm.
        """
        if body is not None:
            head += body.opening
        rest = body if body is not None and body.more else None
        try:
            return await self._attempt(head, rest, fresh=False)
        except BrokenOff as broken:
            if rest is not None or not (broken.was_idle and replayable):
                raise
        self.close()
        return await self._attempt(head, None, fresh=True)

    async def _attempt(self, data: bytes, rest: RequestBody | None, *, fresh: bool) -> UpstreamConnection:
        connection, reused = await self._upstream.take(fresh=fresh)
        self._connection = connection
        if self._client.gone:
            raise ClientGone
        connection.begin(reused=reused)
        self._client.on_lost = connection.abandon
        self._write(connection, data)
        if rest is not None:
            self._rest = self._loop.create_task(self._send_rest(connection, rest))
        await connection.response_head()
        connection.deadline = self._loop.time() + self._deadlines.total
        return connection

    def _write(self, connection: UpstreamConnection, data: bytes) -> None:
        self._sent_at = time.perf_counter()
        answering = connection.status != 0
        seconds = self._deadlines.total if answering else self._deadlines.first_byte
        connection.deadline = self._loop.time() + seconds
        connection.write(data)

    async def _send_rest(self, connection: UpstreamConnection, body: RequestBody) -> None:
        """Errors reach whoever reads the response: through the connection."""
        try:
            while body.more:
                await connection.drain()
                connection.deadline = inf  # the client's time, not the service's: its own connection has deadlines
                self._write(connection, await body.next())
        except (Problem, ClientGone) as error:
            connection.fail(error)
        except UpstreamError:
            return  # the reading side has it too

    def close(self) -> None:
        """Give the connection back, or cut it when one of the two directions is unfinished."""
        self._client.on_lost = None
        sent = self._rest is None or self._rest.done()
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None
        if self._connection is not None:
            self._upstream.give_back(self._connection, request_sent=sent)
            self._connection = None

    def __enter__(self) -> "Exchange":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


async def stream_response(connection: UpstreamConnection, start: Message, send: Send) -> None:
    """Send the head and then the body as it comes; `send` waits while the client reads slowly."""
    await send(start)
    if not connection.has_news:  # nothing to go with the head yet: it need not wait
        await send({"type": "http.response.body", "body": b"", "more_body": True})
    more = True
    while more:
        body, more = await connection.read()
        await send({"type": "http.response.body", "body": body, "more_body": more})
