"""One keep-alive connection to a service: a request goes out, its response streams in, nothing is kept whole."""

import asyncio
from math import inf
from typing import cast

import httptools

Headers = list[tuple[bytes, bytes]]

MAX_HEAD_BYTES = 65_536
HIGH_WATER = 65_536
"""Unread response bytes beyond which the service is asked to wait."""


class UpstreamError(Exception):
    """The exchange with the service failed."""


class ConnectFailed(UpstreamError):
    """There was no connection to send on."""


class BrokenOff(UpstreamError):
    """The service closed the connection in the middle.

    `was_idle`: it had served before and not one byte of this response had come, so it may have closed on its own.
    """

    def __init__(self, *, was_idle: bool) -> None:
        super().__init__("connection closed")
        self.was_idle = was_idle


class NotHttp(UpstreamError):
    """What came back is not an HTTP response, or one that can be read in two ways."""


class TimedOut(UpstreamError):
    """The deadline passed."""


class ClientGone(asyncio.CancelledError):
    """The client hung up: nobody waits for the answer, which is what cancellation means."""


class UpstreamConnection(asyncio.Protocol):
    """`begin`, `write` and `drain` the request, then `response_head` and `read` until nothing more comes.

    All of them raise what `fail` was given, or an `UpstreamError`. `deadline` is looked at by the pool's sweep.
    """

    transport: asyncio.Transport

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._write_paused = False
        self._closed = False
        self._spoiled = False
        self.idle_since = 0.0
        self._busy = False
        self._start_over(reused=False)

    def _start_over(self, *, reused: bool) -> None:
        self.status = 0
        self.headers: Headers = []
        self.deadline = inf
        self._reused = reused
        self._head_ready = False
        self._head_bytes = 0
        self._interim = False
        self._complete = False
        self._until_close = False
        self._answered = False
        self._keep_alive = False
        self._body: list[bytes] = []
        self._body_bytes = 0
        self._read_paused = False
        self._failure: BaseException | None = None

    # What the proxy calls

    @property
    def usable(self) -> bool:
        """Idle, open and in step: the next exchange may use it."""
        return not (self._busy or self._closed or self._spoiled or self.transport.is_closing())

    @property
    def has_news(self) -> bool:
        """`read` would not wait."""
        return bool(self._body) or self._complete

    def begin(self, *, reused: bool) -> None:
        """Start an exchange, never a HEAD: this expects the body that a response's length announces."""
        self._start_over(reused=reused)
        self._busy = True

    def write(self, data: bytes) -> None:
        if not self._closed:
            self.transport.write(data)

    async def drain(self) -> None:
        """Wait while the service reads more slowly than we write."""
        while self._write_paused and self._failure is None:
            self._writable = self._loop.create_future()
            await self._writable
        if self._failure is not None:
            raise self._failure

    async def response_head(self) -> None:
        """Wait until `status` and `headers` are those of the final response."""
        while not self._head_ready:
            await self._news()

    async def read(self) -> tuple[bytes, bool]:
        """The next piece of the body (empty only at the end) and whether more comes."""
        while not self._body and not self._complete:
            await self._news()
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        self._body.clear()
        self._body_bytes = 0
        if self._read_paused:
            self._read_paused = False
            self.transport.resume_reading()
        if self._failure is not None:
            raise self._failure
        return body, not self._complete

    def fail(self, error: BaseException) -> None:
        """End the exchange with this error; the connection is of no more use."""
        if self._busy and self._failure is None:
            self._failure = error
        self._spoiled = True
        self.transport.abort()
        self._wake()

    def abandon(self) -> None:
        """The client is gone: the service need not go on."""
        self.fail(ClientGone())

    def finish(self, *, request_sent: bool) -> bool:
        """The exchange is over; True when both sides are through with it and the connection can serve another one."""
        self._busy = False
        self.deadline = inf
        self.idle_since = self._loop.time()
        if request_sent and self._complete and self._keep_alive and self.usable:
            return True
        self._spoiled = True
        self.transport.abort()
        return False

    async def _news(self) -> None:
        if self._failure is not None:
            raise self._failure
        self._waiter = self._loop.create_future()
        await self._waiter
        if self._failure is not None:
            raise self._failure

    def _wake(self) -> None:
        for future in (self._waiter, self._writable):
            if future is not None and not future.done():
                future.set_result(None)

    # What the transport calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if not self._busy or self._complete:
            # Bytes nobody asked for would be taken for the next request's answer.
            self._spoiled = True
            self.transport.abort()
            return
        self._answered = True
        if not self._head_ready:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self.fail(NotHttp(str(error)))
            return
        if not self._head_ready and self._head_bytes > MAX_HEAD_BYTES:
            self.fail(NotHttp("response head too large"))

    def eof_received(self) -> None:
        return None

    def connection_lost(self, error: Exception | None) -> None:
        self._closed = True
        if self._busy and not self._complete and self._failure is None:
            if self._until_close and error is None:
                self._complete = True
            else:
                self._failure = BrokenOff(was_idle=self._reused and not self._answered)
        self._wake()

    def pause_writing(self) -> None:
        self._write_paused = True

    def resume_writing(self) -> None:
        self._write_paused = False
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)

    # What the parser calls

    def on_message_begin(self) -> None:
        if self._complete:
            self._spoiled = True

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._head_ready:  # afterwards they are trailers, which are hop by hop
            self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        if self._complete:
            return
        status = self._parser.get_status_code()
        if not 100 <= status <= 599 or status == 101:
            raise ValueError("status")
        self._interim = status < 200
        if self._interim:
            self.headers.clear()
            return
        self.status = status
        self._head_ready = True
        self._keep_alive = self._parser.should_keep_alive()
        if not self._keep_alive and status not in (204, 304):
            self._until_close = not any(name in (b"content-length", b"transfer-encoding") for name, _ in self.headers)
        self._wake()

    def on_body(self, data: bytes) -> None:
        if self._complete:
            self._spoiled = True
            return
        self._body.append(data)
        self._body_bytes += len(data)
        if self._body_bytes > HIGH_WATER and not self._read_paused:
            self._read_paused = True
            self.transport.pause_reading()
        self._wake()

    def on_message_complete(self) -> None:
        if not self._interim and not self._complete:
            self._complete = True
            self._wake()
