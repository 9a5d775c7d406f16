"""A service as the gateway knows it: its address, its keep-alive connections, its breaker, and its share of work."""

import asyncio
import socket
from collections import deque
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from gateway.problems import ClientTooSlow
from gateway.upstream.admission import Admission
from gateway.upstream.connection import ConnectFailed, NotHttp, TimedOut, UpstreamConnection, UpstreamError
from libs.common.resilience.breaker import AsyncBreaker

MAX_FETCHED_BYTES = 8_388_608


class Upstream:
    """Connections are taken newest first, so that a quiet hour leaves few of them open.

    There is no bound here: `admission` lets fewer requests in than a bound would be.
    """

    def __init__(
        self,
        name: str,
        url: str,
        admission: Admission,
        breaker: AsyncBreaker,
        *,
        connect_seconds: float,
        idle_seconds: float,
    ) -> None:
        parts = urlsplit(url)
        self.name = name
        self.host = parts.hostname or ""
        self.tls = parts.scheme == "https"
        self.port = parts.port or (443 if self.tls else 80)
        self.authority = f"{self.host}:{self.port}".encode()
        self.loop = asyncio.get_running_loop()
        self.admission = admission
        self.breaker = breaker
        self._connect_seconds = connect_seconds
        self._idle_seconds = idle_seconds
        self._doubted = False
        self._idle: deque[UpstreamConnection] = deque()
        self._busy: set[UpstreamConnection] = set()

    async def call(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do the work as one call under the breaker; raises `BreakerOpen` while that is open.

        While nothing fails a success tells the breaker nothing new, and is not reported: on every request it would
        be a tenth of the gateway's own time.
        """
        if self._doubted:
            async with self.breaker.guard():
                await work()
            self._doubted = self.breaker.state != "closed"
            return
        try:
            await work()
        except UpstreamError:
            self._doubted = True
            async with self.breaker.guard():
                raise

    async def take(self, *, fresh: bool = False) -> tuple[UpstreamConnection, bool]:
        """A connection and whether it was used before; raises `ConnectFailed`. `fresh` opens a new one."""
        while self._idle and not fresh:
            connection = self._idle.pop()
            if connection.usable:
                self._busy.add(connection)
                return connection, True
        try:
            async with asyncio.timeout(self._connect_seconds):
                _, connection = await self.loop.create_connection(
                    UpstreamConnection,
                    await self._address(),
                    self.port,
                    ssl=self.tls or None,
                    server_hostname=self.host if self.tls else None,
                )
        except (OSError, TimeoutError) as error:
            raise ConnectFailed(type(error).__name__) from error
        self._busy.add(connection)
        return connection, False

    async def _address(self) -> str:
        """Looked up in a thread: uvloop's own lookup, cancelled or under way, can keep the loop from ever closing."""
        found = await self.loop.run_in_executor(None, socket.getaddrinfo, self.host, None, 0, socket.SOCK_STREAM)
        return str(found[0][4][0])

    def give_back(self, connection: UpstreamConnection, *, request_sent: bool) -> None:
        """Every taken connection comes back, whatever happened to its exchange."""
        self._busy.discard(connection)
        if connection.finish(request_sent=request_sent):
            self._idle.append(connection)

    async def get(self, path: str, seconds: float = 5.0) -> bytes:
        """What the service itself says (keys, OpenAPI); raises `UpstreamError` for anything but a 200."""
        connection, _ = await self.take(fresh=True)
        try:
            connection.begin(reused=False)
            connection.deadline = self.loop.time() + seconds
            connection.write(b"GET %b HTTP/1.1\r\nhost: %b\r\n\r\n" % (path.encode(), self.authority))
            await connection.response_head()
            if connection.status != 200:
                raise NotHttp(f"status {connection.status}")
            pieces, size, more = [], 0, True
            while more:
                piece, more = await connection.read()
                pieces.append(piece)
                size += len(piece)
                if size > MAX_FETCHED_BYTES:
                    raise NotHttp("too large")
            return b"".join(pieces)
        finally:
            self.give_back(connection, request_sent=True)

    def sweep(self, now: float) -> None:
        """Fail exchanges whose deadline has passed, close connections that were idle too long."""
        for connection in [connection for connection in self._busy if now > connection.deadline]:
            # An answer that lies here unread waits for its client, and says nothing against the service.
            connection.fail(ClientTooSlow() if connection.has_news else TimedOut("deadline"))
        while self._idle and (now - self._idle[0].idle_since > self._idle_seconds or not self._idle[0].usable):
            self._idle.popleft().abandon()

    def close(self) -> None:
        """Close the idle connections; busy ones close when their exchange ends."""
        while self._idle:
            self._idle.pop().abandon()
