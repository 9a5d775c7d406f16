"""The cron table of auth."""

from datetime import datetime, timedelta
from typing import Protocol

from libs.common.jobs import Job

KEYS_CHECKED_EVERY = timedelta(minutes=10)


class RotatesKeys(Protocol):
    """What the jobs need of the runtime."""

    async def rotate_signing_keys(self) -> None: ...


def schedule(runtime: RotatesKeys) -> list[Job]:
    """The jobs, bound to their runtime."""

    async def rotate(_due: datetime) -> None:
        await runtime.rotate_signing_keys()

    return [Job("rotate_signing_keys", rotate, every=KEYS_CHECKED_EVERY, catch_up=KEYS_CHECKED_EVERY)]
