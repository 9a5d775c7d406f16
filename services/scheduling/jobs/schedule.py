"""The cron table of scheduling."""

from datetime import datetime, timedelta

from libs.common.jobs import Job
from libs.common.runtime import Runtime
from services.scheduling.jobs.expire_holds import expire_due_holds
from services.scheduling.use_cases.ports import SchedulingTx

HOLDS_CHECKED_EVERY = timedelta(seconds=5)


def schedule(runtime: Runtime[SchedulingTx]) -> list[Job]:
    """The jobs, bound to their runtime."""

    async def expire_holds(_due: datetime) -> None:
        await expire_due_holds(runtime)

    return [Job("expire_holds", expire_holds, every=HOLDS_CHECKED_EVERY, catch_up=HOLDS_CHECKED_EVERY)]
