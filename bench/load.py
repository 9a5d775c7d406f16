"""The load: an HTTP/1.1 client on raw sockets, light enough that it is never what is measured.

A closed loop (each client sends its next request after the answer to its last) shows what a server can do; an open
loop (requests are due at a constant rate, and latency counts from when they were due) shows what people would feel.
"""

import asyncio
import math
import resource
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

import httptools

GIVEN_UP_AFTER = 30.0
RETRY_AFTER = 1.0


@dataclass(slots=True)
class Answer:
    """What came back for one request."""

    status: int
    retry_after: bool
    body: bytes


@dataclass(slots=True)
class Tally:
    """What came of a load: latencies in milliseconds by status, and what the generator itself cost."""

    seconds: float = 0.0
    latencies: dict[int, list[float]] = field(default_factory=dict)
    retry_after: int = 0
    own_share: float = 0.0
    """Share of its core that the load generator used; near 1 it would measure itself."""

    def add(self, answer: Answer, seconds: float) -> None:
        self.latencies.setdefault(answer.status, []).append(seconds * 1000)
        self.retry_after += answer.retry_after

    @property
    def count(self) -> int:
        return sum(map(len, self.latencies.values()))

    @property
    def statuses(self) -> Counter[int]:
        return Counter({status: len(latencies) for status, latencies in sorted(self.latencies.items())})

    def per_second(self, *statuses: int) -> float:
        """Answers a second, of these statuses (of all, when none are named)."""
        return sum(len(self.latencies.get(status, ())) for status in statuses or self.latencies) / self.seconds

    def percentile(self, percent: int, status: int) -> float:
        """Milliseconds, over the answers of this status; NaN when there were none."""
        return _percentile(sorted(self.latencies.get(status, ())), percent)

    def felt(self, percent: int, status: int) -> float:
        """The same over all answers, for people who wanted this status: any other is as good as none at all."""
        wanted = sorted(self.latencies.get(status, ()))
        return _percentile([*wanted, *([math.inf] * (self.count - len(wanted)))], percent)

    def only(self, *statuses: int) -> "Tally":
        """Itself, when every answer had one of these statuses; else an error that shows what came instead."""
        if not self.count or set(self.latencies) - set(statuses):
            raise UnexpectedAnswers(f"expected {statuses}, got {dict(self.statuses)}")
        return self


class UnexpectedAnswers(Exception):
    """The figures would be about something else than what was asked for."""


class Connection(asyncio.Protocol):
    """One keep-alive connection, one request at a time."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[Answer] | None = None
        self._begin()

    async def exchange(self, request: bytes) -> Answer:
        """Send it and wait for the whole answer; raises ConnectionError when the server hangs up."""
        if self._transport is None or self._transport.is_closing():
            raise ConnectionError("not connected")
        self._answer = self._loop.create_future()
        self._transport.write(request)
        return await self._answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none, and works as one

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError("the server hung up"))

    def on_header(self, name: bytes, _value: bytes) -> None:
        if name.lower() == b"retry-after":
            self._retry_after = True

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        answer = Answer(self._parser.get_status_code(), self._retry_after, self._body)
        keeps = self._parser.should_keep_alive()
        self._begin()
        if not keeps and self._transport is not None:
            self._transport.close()
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(answer)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _begin(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._retry_after = False
        self._body = b""


class Clients:
    """Connections to one port; a used one is taken before a new one is opened."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[Connection] = []

    async def exchange(self, request: bytes) -> Answer:
        """One request. A connection that the server closed while it was idle is replaced."""
        while self._idle:
            connection = self._idle.pop()
            try:
                answer = await connection.exchange(request)
            except ConnectionError:
                continue
            self._idle.append(connection)
            return answer
        connection = await self.connect()
        answer = await connection.exchange(request)
        self._idle.append(connection)
        return answer

    async def connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(Connection, "127.0.0.1", self._port)
        return connection

    async def open(self, count: int) -> None:
        """Have that many connections ready."""
        self._idle += await asyncio.gather(*(self.connect() for _ in range(count)))

    def close(self) -> None:
        for connection in self._idle:
            connection.close()


@asynccontextmanager
async def _measured(port: int, clients: int) -> AsyncIterator[tuple[Clients, Tally]]:
    pool, tally = Clients(port), Tally()
    await pool.open(clients)
    started, own = time.perf_counter(), _own_cpu()
    try:
        yield pool, tally
    finally:
        tally.seconds = time.perf_counter() - started
        tally.own_share = (_own_cpu() - own) / tally.seconds
        pool.close()


async def closed_loop(
    port: int,
    requests: Iterator[bytes],
    *,
    clients: int,
    seconds: float,
    patient: bool = False,
    settling: float = 0.0,
) -> Tally:
    """`clients` at once for that long, or until there are no more requests. Patient ones wait when they are told to
    (`Retry-After`), the others come back at once. What is sent in the first `settling` seconds does not count."""
    async with _measured(port, clients) as (pool, tally):
        counted_from = time.perf_counter() + settling
        until = counted_from + seconds

        async def client() -> None:
            for request in requests:
                sent = time.perf_counter()
                answer = await pool.exchange(request)
                if sent >= counted_from:
                    tally.add(answer, time.perf_counter() - sent)
                if patient and answer.retry_after:
                    await asyncio.sleep(RETRY_AFTER)
                if time.perf_counter() > until:
                    return

        async with asyncio.timeout(settling + seconds + GIVEN_UP_AFTER):
            await asyncio.gather(*(client() for _ in range(clients)))
    tally.seconds -= settling
    return tally


async def open_loop(port: int, requests: Iterable[bytes], *, per_second: float, seconds: float) -> Tally:
    """A request every 1/`per_second` s whatever becomes of those before it."""
    async with _measured(port, 16) as (pool, tally):
        begun = time.perf_counter() + 0.1
        running: list[asyncio.Task[None]] = []

        async def send(request: bytes, due: float) -> None:
            answer = await pool.exchange(request)
            tally.add(answer, time.perf_counter() - due)

        for number, request in zip(range(int(per_second * seconds)), requests, strict=False):
            due = begun + number / per_second
            await asyncio.sleep(due - time.perf_counter())
            running.append(asyncio.create_task(send(request, due)))
        async with asyncio.timeout(GIVEN_UP_AFTER):
            await asyncio.gather(*running)
    return tally


def http(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """The bytes of a request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: clinic.local"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _percentile(ordered: list[float], percent: int) -> float:
    return ordered[min(len(ordered) * percent // 100, len(ordered) - 1)] if ordered else math.nan


def _own_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
