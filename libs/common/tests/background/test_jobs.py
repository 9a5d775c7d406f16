"""Each occurrence of a job runs once, however many replicas look at the clock and whatever dies in between."""

import asyncio
from datetime import UTC, datetime, timedelta
from unittest.mock import patch
from zoneinfo import ZoneInfo

import pytest

from libs.common.jobs import JOB_RUN_INDEXES, JOB_RUNS, Job, JobRunner
from libs.common.testing.clock import FrozenClock
from libs.common.testing.waiting import eventually
from libs.common.tests.background.things import Db, running

INDIA = ZoneInfo("Asia/Kolkata")


@pytest.fixture
async def runs(db: Db) -> list[datetime]:
    await db[JOB_RUNS].create_indexes(list(JOB_RUN_INDEXES))
    return []


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(datetime(2026, 11, 25, 3, 30, 20, tzinfo=UTC))  # 09:00:20 in India


def recording(runs: list[datetime], every: timedelta = timedelta(minutes=1)) -> Job:
    async def run(due_at: datetime) -> None:
        runs.append(due_at)

    return Job("tidy", run, every=every)


async def history(db: Db) -> list[dict[str, object]]:
    return await db[JOB_RUNS].find({}).sort("due_at", 1).to_list()


@pytest.mark.parametrize(
    ("job", "due"),
    [
        ({"cron": "0 9 * * *", "zone": INDIA}, datetime(2026, 11, 25, 3, 30, tzinfo=UTC)),
        ({"cron": "0 9 * * *"}, datetime(2026, 11, 24, 9, 0, tzinfo=UTC)),
        ({"cron": "*/5 * * * *"}, datetime(2026, 11, 25, 3, 30, tzinfo=UTC)),
        ({"every": timedelta(seconds=15)}, datetime(2026, 11, 25, 3, 30, 15, tzinfo=UTC)),
        ({"every": timedelta(days=1)}, datetime(2026, 11, 25, tzinfo=UTC)),
    ],
)
def test_when_a_job_was_last_due(job: dict[str, object], due: datetime, clock: FrozenClock) -> None:
    assert Job("tidy", asyncio.sleep, **job).last_due(clock.now()) == due  # type: ignore[arg-type]


def test_an_occurrence_is_due_in_the_second_it_names() -> None:
    job = Job("tidy", asyncio.sleep, cron="30 3 * * *")  # type: ignore[arg-type]
    due = datetime(2026, 11, 25, 3, 30, tzinfo=UTC)
    assert job.last_due(due) == due
    assert job.last_due(due - timedelta(milliseconds=1)) == due - timedelta(days=1)


@pytest.mark.parametrize("schedule", [{}, {"cron": "* * * * *", "every": timedelta(1)}, {"cron": "61 * * * *"}])
def test_a_job_without_a_possible_schedule_is_refused(schedule: dict[str, object]) -> None:
    with pytest.raises(Exception, match=r"either|minute"):
        Job("tidy", asyncio.sleep, **schedule)  # type: ignore[arg-type]


async def test_each_occurrence_runs_once_over_replicas(db: Db, runs: list[datetime], clock: FrozenClock) -> None:
    replicas = [JobRunner(db, [recording(runs)], clock=clock) for _ in range(5)]
    for _ in range(4):
        await asyncio.gather(*(replica.run_due_now() for replica in replicas))
        await asyncio.gather(*(replica.run_due_now() for replica in replicas))
        clock.advance(minutes=1)
    assert [due.minute for due in runs] == [30, 31, 32, 33]
    assert [row["outcome"] for row in await history(db)] == ["ok"] * 4


async def test_the_history_says_what_happened_without_quoting_anybody(
    db: Db, runs: list[datetime], clock: FrozenClock
) -> None:
    async def fail(_: datetime) -> None:
        raise KeyError("+919812345678")

    runner = JobRunner(db, [Job("tidy", fail, every=timedelta(minutes=1))], clock=clock)
    assert await runner.run_due_now() == ["tidy"]
    assert await runner.run_due_now() == []
    (row,) = await history(db)
    assert row["outcome"] == "failed"
    assert str(row["error"]).startswith("KeyError at test_jobs.py:")
    assert "98123" not in str(row)
    assert row["started_at"] == row["finished_at"] == clock.now()
    clock.advance(minutes=1)
    assert await runner.run_due_now() == ["tidy"]


async def test_old_history_goes_by_itself_and_running_rows_do_not(db: Db, runs: list[datetime]) -> None:
    indexes = await db[JOB_RUNS].index_information()
    assert indexes["expires"]["expireAfterSeconds"] == 90 * 24 * 3600
    assert [key for key, _ in indexes["expires"]["key"]] == ["finished_at"]


async def test_a_crashed_run_is_taken_over_once_its_lease_has_lapsed(
    db: Db, runs: list[datetime], clock: FrozenClock
) -> None:
    started = asyncio.Event()

    async def hang(_: datetime) -> None:
        started.set()
        await asyncio.Event().wait()

    crashing = JobRunner(db, [Job("tidy", hang, every=timedelta(hours=1))], clock=clock, lease_seconds=30)
    crashed = asyncio.create_task(crashing.run_due_now())
    await started.wait()
    with patch.object(crashing, "_hand_back"):  # it dies without a word
        crashed.cancel()
        await asyncio.gather(crashed, return_exceptions=True)
    other = JobRunner(db, [recording(runs, timedelta(hours=1))], clock=clock)
    assert await other.run_due_now() == []
    clock.advance(seconds=29)
    assert await other.run_due_now() == []
    clock.advance(seconds=2)
    assert await other.run_due_now() == ["tidy"]
    (row,) = await history(db)
    assert runs == [datetime(2026, 11, 25, 3, 0, tzinfo=UTC)]
    assert (row["attempts"], row["outcome"]) == (2, "ok")


async def test_a_run_whose_lease_was_lost_is_stopped(db: Db, runs: list[datetime], clock: FrozenClock) -> None:
    stopped = asyncio.Event()

    async def hang(_: datetime) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    runner = JobRunner(db, [Job("tidy", hang, every=timedelta(hours=1))], clock=clock, lease_seconds=0.06)
    task = asyncio.create_task(runner.run_due_now())
    await eventually(lambda: db[JOB_RUNS].count_documents({}))
    await db[JOB_RUNS].update_one({}, {"$set": {"holder": "another"}})
    await task
    assert stopped.is_set()
    (row,) = await history(db)
    assert row["holder"] == "another"
    assert "outcome" not in row


async def test_a_lapsed_run_that_still_goes_on_does_not_speak_for_the_one_that_took_it_over(
    db: Db, runs: list[datetime], clock: FrozenClock
) -> None:
    first_may_end, second_may_end = asyncio.Event(), asyncio.Event()

    async def work(due_at: datetime) -> None:
        runs.append(due_at)
        await (first_may_end if len(runs) == 1 else second_may_end).wait()

    runner = JobRunner(db, [Job("tidy", work, every=timedelta(hours=1))], clock=clock, lease_seconds=30)
    first = asyncio.create_task(runner.run_due_now())
    await eventually(lambda: len(runs) == 1)
    clock.advance(seconds=31)  # the process stalled: its lease was not renewed
    second = asyncio.create_task(runner.run_due_now())
    await eventually(lambda: len(runs) == 2)
    first_may_end.set()
    await first
    (row,) = await history(db)
    assert "outcome" not in row
    second_may_end.set()
    await second
    (row,) = await history(db)
    assert (row["attempts"], row["outcome"]) == (2, "ok")


async def test_a_long_run_keeps_its_lease(db: Db, runs: list[datetime]) -> None:
    go_on = asyncio.Event()

    async def work(due_at: datetime) -> None:
        runs.append(due_at)
        await go_on.wait()

    class Ticking:
        def now(self) -> datetime:
            return datetime.now(UTC)

    jobs = [Job("tidy", work, every=timedelta(days=1), catch_up=timedelta(days=1))]
    one, two = (JobRunner(db, jobs, clock=Ticking(), lease_seconds=0.3) for _ in range(2))
    task = asyncio.create_task(one.run_due_now())
    await eventually(lambda: runs)
    began = asyncio.get_running_loop().time()
    while asyncio.get_running_loop().time() - began < 1:
        assert await two.run_due_now() == []
    go_on.set()
    await task
    assert len(runs) == 1


async def test_occurrences_of_one_job_do_not_overlap(db: Db, runs: list[datetime], clock: FrozenClock) -> None:
    go_on = asyncio.Event()

    async def work(due_at: datetime) -> None:
        runs.append(due_at)
        await go_on.wait()

    job = Job("tidy", work, every=timedelta(minutes=1))
    one, two = (JobRunner(db, [job], clock=clock, lease_seconds=3600) for _ in range(2))
    first = asyncio.create_task(one.run_due_now())
    await eventually(lambda: runs)
    clock.advance(minutes=3)
    assert await two.run_due_now() == []
    go_on.set()
    await first
    assert await two.run_due_now() == ["tidy"]
    assert [due.minute for due in runs] == [30, 33]  # of the missed ones, the latest


async def test_an_occurrence_missed_long_ago_is_not_made_up_for(
    db: Db, runs: list[datetime], clock: FrozenClock
) -> None:
    daily = recording(runs, timedelta(days=1))  # due at midnight UTC, three and a half hours ago
    assert await JobRunner(db, [daily], clock=clock).run_due_now() == []
    patient = Job("tidy", daily.run, every=timedelta(days=1), catch_up=timedelta(hours=6))
    assert await JobRunner(db, [patient], clock=clock).run_due_now() == ["tidy"]


async def test_a_runner_that_is_told_to_stop_finishes_and_one_that_is_cancelled_hands_back(
    db: Db, runs: list[datetime], clock: FrozenClock
) -> None:
    go_on = asyncio.Event()

    async def work(due_at: datetime) -> None:
        runs.append(due_at)
        await go_on.wait()

    job = Job("tidy", work, every=timedelta(minutes=1))
    impatient = JobRunner(db, [job], clock=clock, tick_seconds=0.01)
    task = asyncio.create_task(impatient.run(asyncio.Event()))
    await eventually(lambda: runs)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    async with running(JobRunner(db, [job], clock=clock, tick_seconds=0.01)):  # takes it over at once
        await eventually(lambda: len(runs) == 2)
        asyncio.get_running_loop().call_soon(go_on.set)
    (row,) = await history(db)
    assert row["outcome"] == "ok"
