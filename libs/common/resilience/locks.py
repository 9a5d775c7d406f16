"""Redis locks as a courtesy: they answer the second caller early, and are simply absent while Redis is away.

What must never happen twice is guarded by a unique index; no correctness hangs on these locks.
"""

import asyncio
import contextvars
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import RedisError

from libs.common.errors import Conflict
from libs.common.resilience.breaker import AsyncBreaker, BreakerOpen
from libs.common.telemetry import metrics
from libs.common.telemetry.tracing import client_span

TIMEOUT_SECONDS = 0.2

# All names or none, in one step of Redis: KEYS are the names, ARGV the value and the milliseconds to live.
_ACQUIRE = """
for _, name in ipairs(KEYS) do
  local holder = redis.call('GET', name)
  if holder then return holder end
end
for _, name in ipairs(KEYS) do redis.call('SET', name, ARGV[1], 'PX', ARGV[2]) end
return false
"""
_RELEASE = """
for _, name in ipairs(KEYS) do
  if redis.call('GET', name) == ARGV[1] then redis.call('DEL', name) end
end
"""


class LockTaken(Conflict):
    """Somebody else holds one of the names; `holder` is the `owner` they gave."""

    code = "locked"
    title = "Somebody else is doing this right now"

    def __init__(self, holder: str) -> None:
        super().__init__()
        self.holder = holder


class _TracedRedis(Redis):
    """Its commands show as spans of a traced request, by name only."""

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        with client_span(f"redis {args[0]}", {"db.system.name": "redis"}):
            return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]


def connect_redis(url: str, *, timeout: float = TIMEOUT_SECONDS, max_connections: int = 50) -> Redis:
    """A client that gives up soon: it waits at most `timeout` seconds each for a free connection, for connecting, and
    for the answer.

    It retries nothing, and answers are `str`. A subscriber polls with `get_message(timeout=...)`; `listen()` would
    time out.
    """
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=max_connections,
        timeout=timeout,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        decode_responses=True,
    )
    return _TracedRedis.from_pool(pool)


class Locks:
    """Named locks in one Redis."""

    def __init__(self, redis: Redis) -> None:
        self._pipeline = _SharedPipeline(redis)
        self._process = secrets.token_hex(8)
        self._numbers = count()

    @asynccontextmanager
    async def hold(self, names: Sequence[str], *, ttl: float, owner: str) -> AsyncIterator[bool]:
        """Hold all `names` for the block, at most `ttl` seconds. Yields whether they are really held.

        Raises `LockTaken` at once when one of them is taken. While Redis does not answer, the block runs
        without. The release is not waited for; this process's later requests come after it.
        """
        value = f"{self._process}{next(self._numbers):x}:{owner}"  # unique: nobody else's lock is released
        held = await self._acquire(names, ttl, value)
        if not held:
            metrics.LOCK_DEGRADED.inc()
        try:
            yield held
        finally:
            if held:
                self._release(names, value)

    async def _acquire(self, names: Sequence[str], ttl: float, value: str) -> bool:
        with client_span("redis lock", {"db.system.name": "redis"}):
            try:
                holder = await self._pipeline.send("EVAL", _ACQUIRE, len(names), *names, value, int(ttl * 1000))
            except (RedisError, TimeoutError, BreakerOpen):
                return False
            except asyncio.CancelledError:  # by now it may have been granted
                self._release(names, value)
                raise
        if holder is not None:
            raise LockTaken(str(holder).partition(":")[2])
        return True

    def _release(self, names: Sequence[str], value: str) -> None:
        self._pipeline.send("EVAL", _RELEASE, len(names), *names, value)


class _SharedPipeline:
    """Sends what concurrent tasks ask of Redis in shared round trips, one after the other, behind a breaker.

    A command of its own through redis-py costs about four times as much CPU as its share of a pipeline.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._breaker = AsyncBreaker("redis_locks", fail_max=2, reset_timeout=1.0)
        self._waiting: list[tuple[tuple[Any, ...], asyncio.Future[Any]]] = []
        self._sender: asyncio.Task[None] | None = None

    def send(self, *command: Any) -> asyncio.Future[Any]:
        """The answer to come. It fails as soon as Redis is known not to answer."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Any] = loop.create_future()
        if self._sender is None:
            self._sender = loop.create_task(self._send_all(), context=contextvars.Context())
        elif self._breaker.state != "closed":  # the trial that is under way may take the whole timeout
            _fail(answer, BreakerOpen())
            return answer
        self._waiting.append((command, answer))
        return answer

    async def _send_all(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                try:
                    replies = await self._exchange([command for command, _ in batch])
                except Exception as error:  # noqa: BLE001 - whatever it is, it goes to those who wait
                    for _, answer in batch + self._waiting:  # the next would only wait as long again
                        _fail(answer, error)
                    self._waiting = []
                else:
                    for (_, answer), reply in zip(batch, replies, strict=True):
                        _settle(answer, reply)
        finally:
            self._sender = None

    async def _exchange(self, commands: list[tuple[Any, ...]]) -> list[Any]:
        async with self._breaker.guard(), asyncio.timeout(TIMEOUT_SECONDS):
            pipeline = self._redis.pipeline(transaction=False)
            for command in commands:
                pipeline.execute_command(*command)
            return await pipeline.execute(raise_on_error=False)


def _settle(answer: asyncio.Future[Any], reply: Any) -> None:
    if isinstance(reply, Exception):
        _fail(answer, reply)
    elif not answer.done():
        answer.set_result(reply)


def _fail(answer: asyncio.Future[Any], error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)
        answer.exception()  # marks it as seen: nobody waits for a release
