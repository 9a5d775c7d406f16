"""One request's way through: body in, answer out, both streamed at the pace of the slower side."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from gateway.protocol import ClientConnection
from gateway.upstream.connection import BrokenOff, ClientGone, UpstreamConnection, UpstreamError
from gateway.upstream.pool import Upstream
from libs.common.errors import PayloadTooLarge, Problem

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds from the last byte sent to the first byte back, and for the whole exchange."""

    first_byte: float
    total: float


class RequestBody:
    """The client's body in the framing it came in; raises `PayloadTooLarge` beyond `limit` bytes."""

    def __init__(self, receive: Receive, *, limit: int, chunked: bool) -> None:
        self._receive = receive
        self._left = limit
        self._limit = limit
        self._chunked = chunked

    async def next(self) -> tuple[bytes, bool]:
        """Bytes for the wire, and whether more will come."""
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        data: bytes = message["body"]
        more: bool = message["more_body"]
        self._left -= len(data)
        if self._left < 0:
            raise PayloadTooLarge(f"This route takes at most {self._limit} bytes")
        if self._chunked:
            data = (b"%x\r\n%b\r\n" % (len(data), data) if data else b"") + (b"" if more else b"0\r\n\r\n")
        return data, more


class Exchange:
    """`send_request`, then read `connection`, then `close`; a context manager so that `close` is never forgotten."""

    def __init__(self, upstream: Upstream, client: ClientConnection, deadlines: Deadlines) -> None:
        self._upstream = upstream
        self._client = client
        self._deadlines = deadlines
        self._loop = client.loop
        self._connection: UpstreamConnection | None = None
        self._rest: asyncio.Task[None] | None = None

    async def send_request(
        self, method: str, head: bytes, body: RequestBody | None, *, replayable: bool
    ) -> UpstreamConnection:
        """Send it and return the connection when its response head is there.

        A connection that was idle may close at the very moment it is used. Then the request goes out once more on a
        fresh one, if nothing came back, its body is still in hand, and doing it twice does no harm.
        """
        first, more = await body.next() if body is not None else (b"", False)
        try:
            return await self._attempt(method, head + first, body if more else None, fresh=False)
        except BrokenOff as broken:
            if more or not (broken.was_idle and replayable):
                raise
        self.close()
        return await self._attempt(method, head + first, None, fresh=True)

    async def _attempt(self, method: str, data: bytes, rest: RequestBody | None, *, fresh: bool) -> UpstreamConnection:
        connection, reused = await self._upstream.take(fresh=fresh)
        self._connection = connection
        if self._client.gone:
            raise ClientGone
        connection.begin(head_only=method == "HEAD", reused=reused)
        self._client.on_lost = connection.abandon
        connection.deadline = self._loop.time() + self._deadlines.first_byte
        connection.write(data)
        if rest is not None:
            self._rest = self._loop.create_task(self._send_rest(connection, rest))
        await connection.response_head()
        connection.deadline = self._loop.time() + self._deadlines.total
        return connection

    async def _send_rest(self, connection: UpstreamConnection, body: RequestBody) -> None:
        """Errors reach whoever reads the response: through the connection."""
        try:
            more = True
            while more:
                await connection.drain()
                piece, more = await body.next()
                connection.deadline = self._loop.time() + self._deadlines.first_byte
                connection.write(piece)
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
