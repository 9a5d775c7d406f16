"""Make the search keys anew that were made by older rules."""

from typing import Protocol

from libs.common.telemetry.logs import get_logger

_log = get_logger(__name__)


class Renewing(Protocol):
    """What the job needs of search keys."""

    async def renew(self) -> int: ...


async def renew_search_keys(search_keys: Renewing) -> int:
    """All clinics; returns how many patients have new keys. Safe to run at any time."""
    count = await search_keys.renew()
    if count:
        _log.info("search keys renewed", count=count)
    return count
