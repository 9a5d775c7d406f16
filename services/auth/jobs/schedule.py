"""The cron table of auth."""

from datetime import datetime, timedelta
from typing import Protocol

from libs.common.crypto.rotation import KeyRotation, renew_data_keys, rewrap_fields
from libs.common.jobs import Job

KEYS_CHECKED_EVERY = timedelta(minutes=10)
NIGHTLY = "40 20 * * *"
"""02:10 in India."""
YEARLY = "10 20 1 4 *"
"""In time for the nightly run."""


class RotatesKeys(Protocol):
    """What the jobs need of the runtime."""

    rotation: KeyRotation

    async def rotate_signing_keys(self) -> None: ...


def schedule(runtime: RotatesKeys) -> list[Job]:
    """The jobs, bound to their runtime."""

    async def rotate(_due: datetime) -> None:
        await runtime.rotate_signing_keys()

    async def rewrap(_due: datetime) -> None:
        await rewrap_fields(runtime.rotation)

    async def renew(_due: datetime) -> None:
        await renew_data_keys(runtime.rotation)

    return [
        Job("rotate_signing_keys", rotate, every=KEYS_CHECKED_EVERY, catch_up=KEYS_CHECKED_EVERY),
        Job("rewrap_fields", rewrap, cron=NIGHTLY, catch_up=timedelta(hours=12)),
        Job("renew_data_keys", renew, cron=YEARLY, catch_up=timedelta(days=7)),
    ]
