"""Work that is due at certain times, done once although several replicas are there to do it.

Every replica looks at its clock; whoever inserts the row of an occurrence first runs it. The row is a lease that
is renewed while the job runs, so another replica finishes what a crashed one began, and afterwards it is history.
"""

import asyncio
import traceback
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

from cronsim import CronSim
from pymongo import ASCENDING, DESCENDING, IndexModel, ReturnDocument
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError, PyMongoError

from libs.common.clock import Clock
from libs.common.ids import new_id
from libs.common.resilience.waiting import backoff, pause
from libs.common.telemetry import metrics
from libs.common.telemetry.logs import bind_context, get_logger

JOB_RUNS = "job_runs"
JOB_RUN_INDEXES = (
    IndexModel([("running", ASCENDING)], name="running", unique=True, sparse=True),
    IndexModel([("lease_until", ASCENDING)], name="lease_until", sparse=True),
    IndexModel([("job", ASCENDING), ("due_at", DESCENDING)], name="history"),
    IndexModel([("finished_at", ASCENDING)], name="expires", expireAfterSeconds=90 * 24 * 3600),
)

_TICK_SECONDS = 1.0
_STALLED_AFTER = 60.0
_RUNS = metrics.counter("job_runs", "Runs of scheduled jobs", "job", "outcome")
_log = get_logger(__name__)

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Job:
    """What to run and when: `cron` (five fields, in `zone`) or `every` (counted from the epoch, so that all
    replicas agree).

    `run` gets the time the occurrence was due, which after a takeover may be a while ago. It must bear being
    started again after a crash in its middle. A run that raises is recorded as failed and not repeated; the next
    occurrence comes anyway. While one occurrence runs, the following ones of the same job wait, and of those that
    were missed only the latest is made up for, if it was due within `catch_up`.
    """

    name: str
    run: Callable[[datetime], Awaitable[object]]
    cron: str | None = None
    every: timedelta | None = None
    zone: tzinfo = UTC
    catch_up: timedelta = field(default=timedelta(hours=1))

    def __post_init__(self) -> None:
        if (self.cron is None) == (self.every is None):
            raise ValueError(f"job {self.name}: give either cron or every")
        self.last_due(datetime(2026, 1, 1, tzinfo=UTC))  # an impossible cron expression fails at start-up

    def last_due(self, now: datetime) -> datetime:
        """The latest occurrence at or before `now`, in UTC."""
        if self.every is not None:
            epoch = datetime(1970, 1, 1, tzinfo=UTC)
            return now - (now - epoch) % self.every
        just_after = now.astimezone(self.zone).replace(microsecond=0) + timedelta(seconds=1)
        return next(CronSim(str(self.cron), just_after, reverse=True)).astimezone(UTC)


class JobRunner:
    """Runs a service's jobs; one per worker process."""

    def __init__(
        self,
        db: AsyncDatabase[Row],
        jobs: Sequence[Job],
        *,
        clock: Clock,
        lease_seconds: float = 30.0,
        tick_seconds: float = _TICK_SECONDS,
    ) -> None:
        self._runs = db[JOB_RUNS]
        self._jobs = {job.name: job for job in jobs}
        self._clock = clock
        self._lease = timedelta(seconds=lease_seconds)
        self._tick_seconds = tick_seconds
        self._settled: dict[str, datetime] = {}
        self._alive_at: float | None = None
        self.ready = False

    @property
    def healthy(self) -> bool:
        """False when the loop hangs."""
        return self._alive_at is None or asyncio.get_running_loop().time() - self._alive_at < _STALLED_AFTER

    async def run(self, stop: asyncio.Event) -> None:
        """Look for due work every second until `stop` is set, then finish what runs. Cancel it to give that up;
        another replica then begins it again."""
        running: set[asyncio.Task[None]] = set()
        failures = 0
        try:
            while not stop.is_set():
                self._alive_at = asyncio.get_running_loop().time()
                wait = self._tick_seconds
                try:
                    for row in await self._claim_due():
                        task = asyncio.create_task(self._execute(row))
                        running.add(task)
                        task.add_done_callback(running.discard)
                    failures, self.ready = 0, True
                except PyMongoError as error:
                    failures, self.ready = failures + 1, False
                    wait = backoff(failures)
                    _log.warning("no jobs without the database", error_type=type(error).__name__)
                await pause(wait, unless=stop)
            while running:
                await asyncio.wait(running)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def run_due_now(self) -> list[str]:
        """Run what is due by the clock and return when it is done: the names of the jobs that ran."""
        rows = await self._claim_due()
        await asyncio.gather(*(self._execute(row) for row in rows))
        return [row["job"] for row in rows]

    async def _claim_due(self) -> list[Row]:
        now = self._clock.now()
        claimed = []
        while lapsed := await self._take_over(now):
            claimed.append(lapsed)
        for job in self._jobs.values():
            due = job.last_due(now)
            if self._settled.get(job.name) != due and now - due <= job.catch_up:
                row = await self._claim(job, due, now)
                if row is not None:
                    claimed.append(row)
        return claimed

    async def _claim(self, job: Job, due: datetime, now: datetime) -> Row | None:
        """The row of this occurrence if it is ours to run; `running` is unique, one occurrence at a time."""
        row: Row = {
            "_id": f"{job.name}@{due.isoformat(timespec='milliseconds')}",
            "job": job.name,
            "running": job.name,
            "due_at": due,
            "started_at": now,
            "lease_until": now + self._lease,
            "holder": new_id("run"),
            "attempts": 1,
        }
        try:
            await self._runs.insert_one(row)
        except DuplicateKeyError:
            if await self._runs.find_one({"_id": row["_id"]}, {"_id": 1}) is not None:
                self._settled[job.name] = due
            return None
        self._settled[job.name] = due
        return row

    async def _take_over(self, now: datetime) -> Row | None:
        """A run whose holder stopped renewing its lease: another process, or this one while it was stalled."""
        lapsed = {"lease_until": {"$lt": now}, "running": {"$in": list(self._jobs)}}
        claim = {
            "$set": {"holder": new_id("run"), "started_at": now, "lease_until": now + self._lease},
            "$inc": {"attempts": 1},
        }
        return await self._runs.find_one_and_update(lapsed, claim, return_document=ReturnDocument.AFTER)

    async def _execute(self, row: Row) -> None:
        job = self._jobs[row["job"]]
        bind_context(request_id=new_id("req"), actor_id=f"job:{job.name}")
        started = asyncio.get_running_loop().time()
        outcome, error = "ok", None
        work = asyncio.ensure_future(job.run(row["due_at"]))
        renewing = asyncio.create_task(self._renew(row, work))
        try:
            await work
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():  # we are stopping; otherwise the lease was lost
                await self._hand_back(row)
                raise
            _log.warning("this run was taken over", job=job.name, run_id=row["_id"])
            return
        except Exception as failure:  # noqa: BLE001 - whatever a job raises is its outcome
            outcome, error = "failed", _where(failure)
            _log.error("job failed", job=job.name, run_id=row["_id"], exc_info=failure)
        finally:
            renewing.cancel()
        await self._finish(row, outcome, error)
        _RUNS.labels(job.name, outcome).inc()
        took = (asyncio.get_running_loop().time() - started) * 1000
        _log.info("job ran", job=job.name, run_id=row["_id"], outcome=outcome, latency_ms=round(took, 1))

    async def _renew(self, row: Row, work: "asyncio.Future[object]") -> None:
        """Keep the lease while `work` goes on; stop the work when the lease is not ours any more."""
        while True:
            await asyncio.sleep(self._lease.total_seconds() / 3)
            until = {"$set": {"lease_until": self._clock.now() + self._lease}}
            try:
                kept = await self._runs.update_one({"_id": row["_id"], "holder": row["holder"]}, until)
            except PyMongoError as error:
                _log.warning("lease not renewed", run_id=row["_id"], error_type=type(error).__name__)
                continue
            if kept.matched_count == 0:
                work.cancel()
                return

    async def _finish(self, row: Row, outcome: str, error: str | None) -> None:
        result = {"finished_at": self._clock.now(), "outcome": outcome, "error": error}
        done = {"$set": result, "$unset": {"running": "", "lease_until": ""}}
        try:
            await self._runs.update_one({"_id": row["_id"], "holder": row["holder"]}, done)
        except PyMongoError as failure:
            _log.error("run not recorded, it will be repeated", run_id=row["_id"], exc_info=failure)

    async def _hand_back(self, row: Row) -> None:
        """Let another replica begin the run again at once."""
        lapsed = {"$set": {"lease_until": self._clock.now() - self._lease}}
        try:
            await self._runs.update_one({"_id": row["_id"], "holder": row["holder"]}, lapsed)
        except PyMongoError as failure:
            _log.warning("run not handed back, its lease will lapse", run_id=row["_id"], exc_info=failure)


def _where(failure: BaseException) -> str:
    """The error's type and place; its message may quote personal data."""
    frames = traceback.extract_tb(failure.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(failure).__name__}{place}"
