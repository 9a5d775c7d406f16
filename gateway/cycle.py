"""One request and its answer on a client's connection: uvicorn's cycle with its own way of writing.

Three differences. The head waits for the first piece of the body, so that most answers are one packet and one system
call. Header names and values are not checked again: they come from a strict parser or from constants. And HTTP/1.0
clients get a body that ends with the connection where uvicorn would send them chunks.
"""

from collections.abc import MutableMapping
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle


class Cycle(RequestResponseCycle):
    """ASGI's `send` for one request. An empty piece with more to come writes the head alone."""

    _unsent_head = b""
    _bytes_left: int | None = None
    """Of the declared Content-Length; None where none was declared."""

    async def send(self, message: MutableMapping[str, Any]) -> None:  # type: ignore[override]
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        if message["type"] == "http.response.start":
            self._start(message["status"], message["headers"])
        else:
            self._write(message["body"], more=message["more_body"])

    def _start(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        if self.response_started:
            raise RuntimeError("the answer has begun already")
        self.response_started = True
        self.waiting_for_100_continue = False
        lines = [STATUS_LINE[status]]
        for name, value in self.default_headers:
            lines.append(b"%b: %b\r\n" % (name, value))
        for name, value in headers:
            lines.append(b"%b: %b\r\n" % (name, value))
            if name == b"content-length":
                self._bytes_left = int(value)
        self.chunked_encoding = False
        has_no_body = self.scope["method"] == "HEAD" or status in (204, 304)
        if has_no_body:
            self._bytes_left = 0
        elif self._bytes_left is None:
            self.chunked_encoding = self.scope["http_version"] == "1.1"
            self.keep_alive = self.keep_alive and self.chunked_encoding
            if self.chunked_encoding:
                lines.append(b"transfer-encoding: chunked\r\n")
        if not self.keep_alive:
            lines.append(b"connection: close\r\n")
        lines.append(b"\r\n")
        self._unsent_head = b"".join(lines)

    def _write(self, body: bytes, *, more: bool) -> None:
        if not self.response_started or self.response_complete:
            raise RuntimeError("a body without a head, or after its end")
        data = self._framed(body, more=more)
        if self._unsent_head:
            data, self._unsent_head = self._unsent_head + data, b""
        if data:
            self.transport.write(data)
        if not more:
            self.response_complete = True
            self.message_event.set()
            if not self.keep_alive:
                self.transport.close()
            self.on_response()

    def _framed(self, body: bytes, *, more: bool) -> bytes:
        if self.chunked_encoding:
            chunk = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            return chunk if more else chunk + b"0\r\n\r\n"
        if self._bytes_left is None:
            return body
        if self.scope["method"] == "HEAD":
            return b""
        self._bytes_left -= len(body)
        if self._bytes_left < 0 or (self._bytes_left > 0 and not more):
            raise RuntimeError("the body is not as long as its Content-Length")
        return body
