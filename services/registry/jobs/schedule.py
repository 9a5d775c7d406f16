"""The cron table of the registry."""

from datetime import datetime, timedelta
from typing import Protocol

from libs.common.jobs import Job
from services.registry.jobs.renew_data_keys import Rotation, renew_data_keys
from services.registry.jobs.rewrap_fields import rewrap_fields

NIGHTLY = "30 20 * * *"
"""02:00 in India."""
YEARLY = "0 20 1 4 *"
"""The evening before, in time for the nightly run."""


class HasRotation(Protocol):
    rotation: Rotation


def schedule(runtime: HasRotation) -> list[Job]:
    """The jobs, bound to their runtime."""

    async def rewrap(_due: datetime) -> None:
        await rewrap_fields(runtime.rotation)

    async def renew(_due: datetime) -> None:
        await renew_data_keys(runtime.rotation)

    return [
        Job("rewrap_fields", rewrap, cron=NIGHTLY, catch_up=timedelta(hours=12)),
        Job("renew_data_keys", renew, cron=YEARLY, catch_up=timedelta(days=7)),
    ]
