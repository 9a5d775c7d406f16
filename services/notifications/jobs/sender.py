"""Sends what is due, in lanes: each vendor has its own, urgent messages have their own, and each has its own width.

A vendor that hangs fills its lane and nothing else. A commit in this or another process wakes the sender; polling
is the truth.
"""

import asyncio
from collections import Counter

from pymongo.errors import PyMongoError

from libs.common.messaging.outbox import OutboxWaker
from libs.common.mongo.transact import Transactor
from libs.common.resilience.waiting import backoff, pause
from libs.common.security.caller import system_caller
from libs.common.telemetry.logs import get_logger
from services.notifications.domain.purposes import LANES
from services.notifications.jobs.dispatch import Dispatcher
from services.notifications.use_cases.claim_message import Claim
from services.notifications.use_cases.ports import Due, NotificationsTx
from services.notifications.use_cases.queries import FindDue, find_due

POLL_SECONDS = 0.5
_STALLED_AFTER = 60.0
_log = get_logger(__name__)


class Sender:
    """A part of the worker; any number of them may run on one database. `width`: sends at once per lane."""

    def __init__(
        self,
        transact: Transactor[NotificationsTx],
        dispatcher: Dispatcher,
        waker: OutboxWaker,
        *,
        service: str,
        width: int,
    ) -> None:
        self._transact = transact
        self._dispatcher = dispatcher
        self._waker = waker
        self._everywhere = system_caller(service, None)
        self._width = width
        self._busy: Counter[str] = Counter()
        self._running: set[asyncio.Task[None]] = set()
        self._look = asyncio.Event()
        self._alive_at: float | None = None
        self.ready = False

    @property
    def healthy(self) -> bool:
        """False when the loop hangs."""
        return self._alive_at is None or asyncio.get_running_loop().time() - self._alive_at < _STALLED_AFTER

    async def run(self, stop: asyncio.Event) -> None:
        """Send until `stop` is set, then finish what has begun. Cancel it to give that up, into doubt."""
        waking = [
            asyncio.create_task(self._waker.listen()),
            asyncio.create_task(self._look_when_woken()),
            asyncio.create_task(self._look_at(stop)),
        ]
        failures = 0
        try:
            while not stop.is_set():
                self._alive_at = asyncio.get_running_loop().time()
                self._look.clear()
                try:
                    while not stop.is_set() and await self._start_due():
                        pass
                    failures, self.ready = 0, True
                except PyMongoError as error:
                    failures, self.ready = failures + 1, False
                    _log.warning("no sends without the database", error_type=type(error).__name__)
                    await pause(backoff(failures), unless=stop)
                await self._look.wait()
            await self._finish()
        finally:
            for task in (*waking, *self._running):
                task.cancel()
            await asyncio.gather(*waking, *self._running, return_exceptions=True)

    async def send_due_now(self) -> None:
        """Send what is due by the clock, and what becomes due by that; return when it is done."""
        while await self._start_due() or self._running:
            await self._finish()

    async def _look_when_woken(self) -> None:
        while True:
            await self._waker.wait(POLL_SECONDS)
            self._look.set()

    async def _look_at(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._look.set()

    async def _start_due(self) -> bool:
        """Claim and start what fits into the lanes now; returns whether looking again may find more."""
        free = {lane: self._width - self._busy[lane] for lane in LANES if self._busy[lane] < self._width}
        if not free:
            return False
        picked = await self._transact.read(find_due, FindDue(lanes=free), by=self._everywhere)
        claimed = await asyncio.gather(*(self._claim(due) for due in picked))
        return any(claimed)

    async def _claim(self, due: Due) -> bool:
        """Start it, if it is ours now. Returns False when nothing could be done about it at this time."""
        try:
            claim = await self._dispatcher.claim(due)
        except PyMongoError:
            raise
        except Exception as error:  # noqa: BLE001 - one odd message must not stop the others
            _log.error("message not claimed", aggregate_id=due.id, exc_info=error)
            return False
        if claim is not None:
            self._start(claim, due.lane)
        return True

    def _start(self, claim: Claim, lane: str) -> None:
        self._busy[lane] += 1
        task = asyncio.create_task(self._dispatcher.carry_out(claim))
        self._running.add(task)

        def ended(_: asyncio.Task[None]) -> None:
            self._busy[lane] -= 1
            self._running.discard(task)
            self._look.set()

        task.add_done_callback(ended)

    async def _finish(self) -> None:
        while self._running:
            await asyncio.wait(self._running)
