"""A service that answers byte for byte what a test says, and clients that send byte for byte what a test says."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"


@dataclass
class Received:
    """One request as the service saw it."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes
    connection: int
    reader: asyncio.StreamReader

    def header(self, name: str) -> str | None:
        values = [value for known, value in self.headers if known == name]
        assert len(values) <= 1, f"{name} came {len(values)} times"
        return values[0] if values else None


Answer = Callable[[Received, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class StubService:
    """`answers[path]` is what it sends for a path: bytes, or a coroutine function that writes them."""

    port: int = 0
    answers: dict[str, bytes | Answer] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)
    bytes_read: int = 0
    connections: int = 0
    open: int = 0
    before_body: Callable[[], Awaitable[object]] | None = None
    read_body: bool = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def for_path(self, path: str) -> list[Received]:
        return [request for request in self.received if request.target.partition("?")[0] == path]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        number = self.connections
        try:
            while True:
                request = await self._read(reader, number)
                answer = self.answers.get(request.target.partition("?")[0], OK)
                if isinstance(answer, bytes):
                    writer.write(answer)
                    await writer.drain()
                else:
                    await answer(request, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.open -= 1
            writer.close()

    async def _read(self, reader: asyncio.StreamReader, number: int) -> Received:
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")[:-2]
        method, target, _ = first.split(" ")
        headers = [(line.partition(":")[0].lower(), line.partition(":")[2].strip()) for line in lines]
        request = Received(method, target, headers, b"", number, reader)
        self.received.append(request)
        if self.before_body is not None:
            await self.before_body()
        if self.read_body:
            if request.header("transfer-encoding") == "chunked":
                await self._read_chunks(reader, request)
            else:
                left = int(request.header("content-length") or 0)
                while left:
                    piece = await reader.read(min(left, 65_536))
                    if not piece:
                        raise asyncio.IncompleteReadError(b"", left)
                    left -= len(piece)
                    self.bytes_read += len(piece)
                    if len(request.body) < 1_000_000:
                        request.body += piece
        return request

    async def _read_chunks(self, reader: asyncio.StreamReader, request: Received) -> None:
        while True:
            size = int((await reader.readline()).strip(), 16)
            request.body += (await reader.readexactly(size + 2))[:-2]
            self.bytes_read += size
            if size == 0:
                return


@asynccontextmanager
async def running_stub() -> AsyncIterator[StubService]:
    stub = StubService()
    server = await asyncio.start_server(stub.serve, "127.0.0.1", 0, limit=262_144)
    stub.port = server.sockets[0].getsockname()[1]
    try:
        yield stub
    finally:
        server.close()


@dataclass
class Reply:
    """An HTTP response as it came over the wire."""

    status: int
    headers: dict[str, str]
    body: bytes


async def read_reply(reader: asyncio.StreamReader, *, head_only: bool = False) -> Reply:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")[:-2]
    headers = {line.partition(":")[0].lower(): line.partition(":")[2].strip() for line in lines}
    status = int(first.split(" ")[1])
    if head_only or status in (204, 304) or status < 200:
        return Reply(status, headers, b"")
    if headers.get("transfer-encoding") == "chunked":
        body = b""
        while size := int((await reader.readline()).strip(), 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readexactly(2)
        return Reply(status, headers, body)
    if "content-length" in headers:
        return Reply(status, headers, await reader.readexactly(int(headers["content-length"])))
    return Reply(status, headers, await reader.read())


async def talk(port: int, data: bytes, *, seconds: float = 10.0) -> bytes:
    """Send the bytes and read until the other side closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(data)
        async with asyncio.timeout(seconds):
            return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()
