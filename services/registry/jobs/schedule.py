"""The cron table of the registry."""

from datetime import datetime, timedelta
from typing import Protocol

from libs.common.crypto.rotation import KeyRotation, renew_data_keys, rewrap_fields
from libs.common.jobs import Job
from services.registry.persistence.search_keys import SearchKeys

NIGHTLY = "30 20 * * *"
"""02:00 in India."""
YEARLY = "0 20 1 4 *"
"""The evening before, in time for the nightly run."""


class Parts(Protocol):
    """What jobs need of the runtime."""

    rotation: KeyRotation
    search_keys: SearchKeys


def schedule(runtime: Parts) -> list[Job]:
    """The jobs, bound to their runtime."""

    async def rewrap(_due: datetime) -> None:
        await rewrap_fields(runtime.rotation)

    async def renew(_due: datetime) -> None:
        await renew_data_keys(runtime.rotation)

    async def renew_keys(_due: datetime) -> None:
        await runtime.search_keys.renew()

    return [
        Job("rewrap_fields", rewrap, cron=NIGHTLY, catch_up=timedelta(hours=12)),
        Job("renew_search_keys", renew_keys, cron=NIGHTLY, catch_up=timedelta(hours=12)),
        Job("renew_data_keys", renew, cron=YEARLY, catch_up=timedelta(days=7)),
    ]
