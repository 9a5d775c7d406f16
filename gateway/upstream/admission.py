"""How many requests a service gets at once, and which of the others wait: early refusals instead of late answers.

Two rules. The number in flight follows latency (additive increase, multiplicative decrease, as TCP does), because
more parallel work than a service can do only makes everyone wait inside it. And a queue is for bursts: as long as it
empties now and then everybody in it is served, but once it has not been empty for `burst_seconds` it is an overload,
and newcomers wait `overload_wait_seconds` at most (controlled delay, see https://queue.acm.org/detail.cfm?id=2839461).
An empty queue is not its end, because refusals empty it as well: it is over when nobody has been refused for a second,
or when the service has had places to spare for a tenth of one.
"""

import asyncio
import math
from collections import deque
from dataclasses import dataclass

from gateway.problems import Overloaded

_SMOOTHING = 0.1
_CUT = 0.85
_PAUSE_BETWEEN_CUTS = 0.25
_CALM = 1.0
_SPARE = 0.1


@dataclass(frozen=True, slots=True)
class AdmissionPolicy:
    """Counts are requests, times seconds."""

    min_in_flight: int
    max_in_flight: int
    max_waiting: int
    latency_goal: float
    burst: float
    overload_wait: float
    longest_wait: float


class Admission:
    """`enter` before a request, `leave` after it, for one service."""

    def __init__(self, policy: AdmissionPolicy) -> None:
        self._policy = policy
        self._loop = asyncio.get_running_loop()
        self._queue: deque[asyncio.Future[None]] = deque()
        self._last_empty = self._loop.time()
        self._latency = 0.0
        self._limit = float(policy.max_in_flight) / 2
        self._last_cut = 0.0
        self._last_refusal = -math.inf
        self._last_full = -math.inf
        self.in_flight = 0
        self.refused = 0

    @property
    def waiting(self) -> int:
        return len(self._queue)

    @property
    def limit(self) -> int:
        """How many may be in flight right now."""
        return int(self._limit)

    async def enter(self) -> None:
        """Return when the request may go; raises `Overloaded` when it would wait too long."""
        limit = self.limit
        if self.in_flight < limit and not self._queue:
            self.in_flight += 1
            if self.in_flight == limit and self._loop.time() - self._last_full > _SPARE:
                self._last_refusal = -math.inf
            return
        now = self._loop.time()
        if not self._queue:
            self._last_empty = now
        overloaded = now - self._last_empty > self._policy.burst or now - self._last_refusal < _CALM
        if len(self._queue) >= self._policy.max_waiting:
            raise self._refusal()
        turn: asyncio.Future[None] = self._loop.create_future()
        self._queue.append(turn)
        timer = self._loop.call_later(
            self._policy.overload_wait if overloaded else self._policy.longest_wait, self._give_up, turn
        )
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self.leave(None)  # the turn had come, nobody takes it
            raise
        finally:
            timer.cancel()

    def leave(self, seconds: float | None) -> None:
        """The request is done and took this long in the service (None: it says nothing about the service)."""
        if self.in_flight >= self.limit:
            self._last_full = self._loop.time()
        self.in_flight -= 1
        if seconds is not None:
            self._learn(seconds)
        while self._queue and self.in_flight < self.limit:
            turn = self._queue.popleft()
            if not turn.done():
                self.in_flight += 1
                turn.set_result(None)
        if not self._queue:
            self._last_empty = self._loop.time()

    def _give_up(self, turn: asyncio.Future[None]) -> None:
        if not turn.done():
            self._queue.remove(turn)
            turn.set_exception(self._refusal())

    def _refusal(self) -> Overloaded:
        self.refused += 1
        self._last_refusal = self._loop.time()
        return Overloaded(retry_after=1)

    def _learn(self, seconds: float) -> None:
        policy = self._policy
        self._latency += (seconds - self._latency) * _SMOOTHING
        if self._latency > policy.latency_goal:
            now = self._loop.time()
            if now - self._last_cut > _PAUSE_BETWEEN_CUTS:
                self._last_cut = now
                self._limit = max(policy.min_in_flight, self._limit * _CUT)
        elif self._queue or self.in_flight >= self.limit - 1:
            self._limit = min(policy.max_in_flight, self._limit + 1 / self._limit)
