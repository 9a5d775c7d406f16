"""The server side of a client's connection: uvicorn's protocol plus what it lacks, deadlines and strictness."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from gateway.cycle import Cycle
from gateway.framing import flaw_in_headers
from gateway.problems import (
    ClientTooSlow,
    HeadTooLarge,
    MethodNotSupported,
    Overloaded,
    UrlTooLong,
    rendered,
)
from gateway.request_ids import new_request_id
from libs.common.errors import BadRequest, Problem

METHODS = frozenset({b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS"})
MAX_URL_BYTES = 8_192
MAX_DISCARDED_BYTES = 8_388_608
"""How much of a body is still read after its request was refused, so that the client gets to read the refusal."""

LINGER_SECONDS = 1.0
"""For a client to take note of a refusal, before its connection is cut."""


class WebSocketsNotOffered(BadRequest):
    code = "websocket_not_offered"
    title = "WebSockets are not offered here"


@dataclass(frozen=True, slots=True)
class ConnectionPolicy:
    """Sizes in bytes, times in seconds; see `GatewaySettings`."""

    max_connections: int
    max_head_bytes: int
    max_headers: int
    head_seconds: float
    body_seconds: float
    body_bytes_per_second: int
    stalled_seconds: float
    keep_alive_seconds: float


@dataclass(slots=True)
class Lifecycle:
    """What the whole process is doing. `draining`: every connection closes with its next answer."""

    draining: bool = False


class ClientConnection(HttpToolsProtocol):
    """One client. The server calls `sweep` twice a second; the app finds this object in the scope's extensions.

    `on_lost` is called once when the client goes away during a request.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        policy: ConnectionPolicy,
        lifecycle: Lifecycle,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.lifecycle = lifecycle
        self.policy = policy
        self.on_lost: Callable[[], None] | None = None
        self._extensions = {"gateway.connection": self}
        self._in_head = False
        self._in_body = False
        self._since = self._idle_since = 0.0
        self._head_bytes = 0
        self._body_bytes = 0
        self._discarded_bytes = 0
        self._refused = False
        self._stalled_since: float | None = None

    @property
    def gone(self) -> bool:
        """The client has left, or is being sent away."""
        return self.transport.is_closing() or self.cycle.disconnected

    def abort(self) -> None:
        """Cut the connection: the client sees that what it has is not the whole answer."""
        self.transport.abort()

    # From the transport

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()
        if len(self.connections) > self.policy.max_connections:
            self._refuse(Overloaded("Too many connections", retry_after=1))

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        lost, self.on_lost = self.on_lost, None
        if lost is not None:
            lost()

    def data_received(self, data: bytes) -> None:
        if self._refused:
            self._discard(len(data))
            return
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > self.policy.max_head_bytes and not self._refused:
            self._refuse(HeadTooLarge())

    def pause_writing(self) -> None:
        self._stalled_since = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        self._stalled_since = None
        super().resume_writing()

    # From the parser

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if not self._in_head:
            self._await_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # afterwards it is a trailer, which must not join the headers the app reads
            name = name.lower()
            if name == b"expect" and value.lower() == b"100-continue":
                self.expect_100_continue = True
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """As uvicorn's, for our cycle, with the checks before anything of the request is believed."""
        method = self.parser.get_method()
        if method not in METHODS:
            self._refuse_parsing(MethodNotSupported(sorted(known.decode() for known in METHODS)))
        if len(self.url) > MAX_URL_BYTES:
            self._refuse_parsing(UrlTooLong())
        version, policy = self.parser.get_http_version(), self.policy
        flaw = flaw_in_headers(self.headers, version, max_bytes=policy.max_head_bytes, max_headers=policy.max_headers)
        if flaw is not None:
            self._refuse_parsing(flaw)
        upgrade = self.parser.should_upgrade()
        if upgrade and self._get_upgrade() == b"websocket":
            self._refuse_parsing(WebSocketsNotOffered())
        if version not in ("1.1", "1.0"):
            self._refuse_parsing(BadRequest("Only HTTP/1.1 and HTTP/1.0 are spoken here"))
        url = httptools.parse_url(self.url)
        self._in_head = False
        self._in_body = True
        self._body_bytes = self._discarded_bytes = 0
        self._since = self.loop.time()
        scope = self.scope
        scope["method"] = method.decode()
        scope["http_version"] = version
        scope["raw_path"] = url.path or b""
        scope["path"] = (url.path or b"").decode("ascii")  # as it came: nothing here reads the decoded path
        scope["query_string"] = url.query or b""
        scope["extensions"] = self._extensions  # type: ignore[typeddict-item]
        before = self.cycle
        self.cycle = Cycle(
            scope=scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=version == "1.1"
            and self.parser.should_keep_alive()
            and not (upgrade or self.lifecycle.draining),
            on_response=self.on_response_complete,
        )
        if before is None or before.response_complete:
            self._start_asgi_task(self.cycle, self.app)
        else:  # pipelined: its turn comes with the end of the answer before it
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        super().on_body(body)
        if self.cycle.response_complete:
            self._discard(len(body))

    def _discard(self, size: int) -> None:
        self._discarded_bytes += size
        if self._discarded_bytes > MAX_DISCARDED_BYTES:
            self.abort()

    def on_message_complete(self) -> None:
        self._in_body = False
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """As uvicorn's, without its timer for idle connections: `sweep` closes them too."""
        self.on_lost = None
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self._idle_since = self.loop.time()
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())

    # Deadlines

    def sweep(self, now: float) -> None:
        """Close what is slower than the policy allows."""
        if self.transport is None or self.transport.is_closing():
            return
        policy = self.policy
        if self._refused:
            if now - self._since > LINGER_SECONDS:
                self.abort()
        elif self._stalled_since is not None and now - self._stalled_since > policy.stalled_seconds:
            self.abort()
        elif self._in_head:
            if now - self._since > policy.head_seconds:
                self._expire()
        elif self._in_body:
            self._sweep_body(now)
        elif self.cycle.response_complete and now - self._idle_since > policy.keep_alive_seconds:
            self.transport.close()

    def _sweep_body(self, now: float) -> None:
        if self.flow.read_paused:  # we are the slow ones
            self._since, self._body_bytes = now, 0
        elif now - self._since > self.policy.body_seconds:
            if self._body_bytes < self.policy.body_bytes_per_second * self.policy.body_seconds:
                self._expire()
            self._since, self._body_bytes = now, 0

    def _await_head(self) -> None:
        self._in_head = True
        self._head_bytes = 0
        self._since = self.loop.time()

    def _expire(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            if self.cycle.response_started:
                self.abort()
                return
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self._refuse(ClientTooSlow())

    # Refusals below HTTP semantics: answered here, then closed, because the rest of the stream cannot be trusted

    def send_400_response(self, msg: str) -> None:
        """uvicorn's answer to what its parser refuses."""
        if not self._refused:
            self._refuse(BadRequest("The request is not valid HTTP/1.1"))

    def _unsupported_upgrade_warning(self) -> None:
        pass  # h2c and the like: answered as plain HTTP/1.1, which the client is told by the missing 101

    def _refuse_parsing(self, problem: Problem) -> None:
        """Refuse and stop the parser."""
        self._refuse(problem)
        raise httptools.HttpParserError(problem.code)

    def _refuse(self, problem: Problem) -> None:
        self._refused = True
        answering = self.cycle is not None and not self.cycle.response_complete and not self.cycle.disconnected
        if answering or self.transport.is_closing():
            self.abort()  # bytes in the middle of another answer would be read as part of it
            return
        request_id = new_request_id()
        status, headers, body = rendered(problem, request_id)
        headers += [(b"x-request-id", request_id.encode()), (b"connection", b"close")]
        lines = [b"%b: %b\r\n" % header for header in headers]
        self.transport.write(b"".join([STATUS_LINE[status], *lines, b"\r\n", body]))
        # Closing on unread bytes resets the connection and the client may never read the refusal. So only our half
        # ends now; the rest does when the client ends its own, or when its time is up.
        self.transport.write_eof()
        self._since = self.loop.time()
