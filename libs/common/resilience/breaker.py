"""A circuit breaker for coroutines: pybreaker counts and keeps the state, this decides who may call.

pybreaker itself knows no asyncio: a decorated coroutine "succeeds" when it is created, and never trips.
"""

import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import monotonic

import pybreaker

from libs.common.errors import Unavailable
from libs.common.telemetry import metrics
from libs.common.telemetry.logs import get_logger

log = get_logger(__name__)

_STATE_NUMBERS = {pybreaker.STATE_CLOSED: 0, pybreaker.STATE_HALF_OPEN: 1, pybreaker.STATE_OPEN: 2}


class BreakerOpen(Unavailable):
    """What is behind the breaker failed too often lately; it was not called."""

    code = "dependency_unavailable"
    title = "Something this needs is not answering"


class AsyncBreaker:
    """Opens after `fail_max` failures in a row; after `reset_timeout` seconds lets one trial through.

    `is_failure` says which exceptions count; the others show that the other side answered, so they count as
    success. A cancelled call counts as neither. `on_change(name, state)` is told of every new state.
    """

    def __init__(
        self,
        name: str,
        *,
        fail_max: int = 5,
        reset_timeout: float = 10.0,
        is_failure: Callable[[Exception], bool] = lambda _error: True,
        on_change: Callable[[str, str], None] | None = None,
    ) -> None:
        self.name = name
        self._is_failure = is_failure
        self._on_change = on_change
        self._reset_timeout = reset_timeout
        self._breaker = pybreaker.CircuitBreaker(fail_max, reset_timeout, throw_new_error_on_trip=False)
        self._metric = metrics.BREAKER_STATE.labels(name)
        self._metric.set(0)
        self._trial_from = 0.0
        self._trial_running = False

    @property
    def state(self) -> str:
        """`closed`, `open` or `half-open`."""
        return self._breaker.current_state

    @asynccontextmanager
    async def guard(self) -> AsyncIterator[None]:
        """Run the block as one call. Raises `BreakerOpen`, without running it, while the breaker is open."""
        trial = self._admit()
        try:
            yield
        except Exception as error:  # not CancelledError: a caller who left says nothing about the other side
            self._report(trial, failed=self._is_failure(error))
            raise
        else:
            self._report(trial, failed=False)
        finally:
            if trial:
                self._trial_running = False

    def _admit(self) -> bool:
        """Whether this call is the trial; raises when there must be no call."""
        if self.state == pybreaker.STATE_CLOSED:
            return False
        wait = self._trial_from - monotonic()
        if wait > 0 or self._trial_running:
            raise BreakerOpen(retry_after=max(1, math.ceil(wait)))
        if self.state == pybreaker.STATE_OPEN:
            self._breaker.half_open()
            self._changed()
        self._trial_running = True
        return True

    def _report(self, trial: bool, *, failed: bool) -> None:
        """Tell pybreaker the outcome, unless the state has moved on since this call began."""
        before = self.state
        if trial is not (before == pybreaker.STATE_HALF_OPEN) or before == pybreaker.STATE_OPEN:
            return
        try:
            self._breaker.call(_fail if failed else _succeed)
        except _Failure:
            if self.state == pybreaker.STATE_OPEN:
                self._trial_from = monotonic() + self._reset_timeout
        if self.state != before:
            self._changed()

    def _changed(self) -> None:
        self._metric.set(_STATE_NUMBERS[self.state])
        log.warning("breaker changed", breaker=self.name, state=self.state)
        if self._on_change is not None:
            self._on_change(self.name, self.state)


class _Failure(Exception):
    """Stands for the real failure while pybreaker counts it."""


def _fail() -> None:
    raise _Failure


def _succeed() -> None:
    pass
