"""How many requests somebody may make in a minute, counted over all gateways.

A sliding window of two fixed ones: the minute that runs, plus what is left of the one before. Every gateway counts in
its own memory and four times a second adds what is new to Redis, which answers with the sum over all gateways. So a
request costs no round trip (asking Redis each time would double the gateway's CPU), and the price is bounded: between
two exchanges a gateway does not see what the others let through, so at most `gateways x a quarter second's requests`
pass beyond the limit. Where that is too much (logins), `count_exactly` asks Redis before it lets the request through.

While Redis is away every gateway goes on by what it has counted itself.
"""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from redis.asyncio import Redis
from redis.exceptions import RedisError

from gateway.problems import RateLimited

log = logging.getLogger(__name__)

MINUTE = 60.0
EXCHANGE_EVERY = 0.25
RETRY_AFTER_FAILURE = 1.0
MAX_WINDOWS = 20_000

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Limit:
    """`per_minute` requests for each subject; 0 is no limit."""

    name: str
    per_minute: int


class SharedCounts(Protocol):
    """Sums over all gateways."""

    async def add(self, news: Sequence[tuple[Key, int, int]]) -> list[tuple[int, int]]:
        """For each (key, minute, count): add the count, answer the sums of that minute and of the one before."""
        ...


class Window:
    """What one subject has used: `previous` and `shared` as last agreed, `unsent` since then."""

    __slots__ = ("minute", "previous", "shared", "unsent")

    def __init__(self, minute: int) -> None:
        self.minute = minute
        self.previous = 0
        self.shared = 0
        self.unsent = 0

    def roll(self, minute: int) -> None:
        self.previous = self.shared + self.unsent if minute == self.minute + 1 else 0
        self.shared = self.unsent = 0
        self.minute = minute

    def used(self, seconds_in: float) -> float:
        return self.previous * (1 - seconds_in / MINUTE) + self.shared + self.unsent

    def wait(self, limit: int, seconds_in: float) -> int:
        """Whole seconds until one more request fits."""
        current = self.shared + self.unsent
        if current >= limit:  # not in this minute; in the next one, as this one slides out
            return math.ceil(MINUTE - seconds_in + MINUTE * (1 - (limit - 1) / current))
        return max(1, math.ceil(MINUTE * (1 - (limit - 1 - current) / max(self.previous, 1)) - seconds_in))


class RateLimits:
    """Counts requests; `run` keeps the counts of all gateways together."""

    def __init__(self, shared: SharedCounts, now: Callable[[], float] = time.time) -> None:
        self._shared = shared
        self._now = now
        self._windows: dict[Key, Window] = {}
        self._changed: set[Key] = set()
        self._away_until = 0.0

    def count(self, limit: Limit, subject: str) -> None:
        """Count one request; raises `RateLimited` (and does not count it) when there is no room."""
        if limit.per_minute == 0:
            return
        now = self._now()
        key = (limit.name, subject)
        window = self._window(key, int(now // MINUTE))
        if window.used(now % MINUTE) + 1 > limit.per_minute:
            raise RateLimited(limit=limit.per_minute, retry_after=window.wait(limit.per_minute, now % MINUTE))
        window.unsent += 1
        self._changed.add(key)

    async def count_exactly(self, limit: Limit, subject: str) -> None:
        """As `count`, and sure of it: requests that other gateways let through at this moment count too."""
        self.count(limit, subject)
        key = (limit.name, subject)
        if limit.per_minute == 0 or not await self.exchange([key]):
            return
        now = self._now()
        window = self._windows[key]
        if window.used(now % MINUTE) > limit.per_minute:
            raise RateLimited(limit=limit.per_minute, retry_after=window.wait(limit.per_minute, now % MINUTE))

    async def exchange(self, keys: Sequence[Key]) -> bool:
        """Tell Redis what is new about these keys and learn the sums; False when it is away."""
        if self._now() < self._away_until:
            return False
        news = [(key, self._windows[key]) for key in keys if key in self._windows]
        sent = [(key, window.minute, window.unsent) for key, window in news]
        self._changed.difference_update(keys)
        for _, window in news:  # moved before the wait, so that nothing is sent twice
            window.shared += window.unsent
            window.unsent = 0
        try:
            sums = await self._shared.add(sent)
        except (RedisError, OSError, TimeoutError) as error:
            self._away_until = self._now() + RETRY_AFTER_FAILURE
            log.warning("limits count alone: Redis is away", extra={"error_type": type(error).__name__})
            self._take_back(news, sent)
            return False
        for (_, window), (_, minute, _), (current, previous) in zip(news, sent, sums, strict=True):
            if window.minute == minute:  # sums only grow: a smaller one is an older answer, or an emptied Redis
                window.shared = max(window.shared, current)
                window.previous = max(window.previous, previous)
        return True

    def _take_back(self, news: list[tuple[Key, Window]], sent: list[tuple[Key, int, int]]) -> None:
        for (key, window), (_, minute, count) in zip(news, sent, strict=True):
            if window.minute == minute:
                window.shared -= count
                window.unsent += count
                self._changed.add(key)

    async def run(self) -> None:
        """Exchange for as long as the process lives."""
        while True:
            await asyncio.sleep(EXCHANGE_EVERY)
            if self._changed:
                await self.exchange(list(self._changed))
            self._forget(int(self._now() // MINUTE))

    def _window(self, key: Key, minute: int) -> Window:
        window = self._windows.get(key)
        if window is None:
            if len(self._windows) >= MAX_WINDOWS:
                oldest = next(iter(self._windows))
                del self._windows[oldest]
                self._changed.discard(oldest)
            window = self._windows[key] = Window(minute)
        elif window.minute != minute:
            window.roll(minute)
        return window

    def _forget(self, minute: int) -> None:
        for key in [key for key, window in self._windows.items() if window.minute < minute - 1]:
            del self._windows[key]
            self._changed.discard(key)


class RedisCounts:
    """`SharedCounts` in Redis: one counter per key and minute, gone two minutes later."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis = redis
        self._prefix = prefix

    async def add(self, news: Sequence[tuple[Key, int, int]]) -> list[tuple[int, int]]:
        async with self._redis.pipeline(transaction=False) as pipeline:
            for (limit, subject), minute, count in news:
                name = f"{self._prefix}{limit}:{subject}:"
                pipeline.incrby(f"{name}{minute}", count)
                pipeline.expire(f"{name}{minute}", int(2 * MINUTE) + 5)
                pipeline.get(f"{name}{minute - 1}")
            answers = await pipeline.execute()
        return [(int(answers[at]), int(answers[at + 2] or 0)) for at in range(0, len(answers), 3)]
