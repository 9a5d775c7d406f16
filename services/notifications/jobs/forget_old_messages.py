"""Forget messages when their time is over: nobody asks for them any more, and they tell who was treated when."""

from datetime import datetime
from typing import Protocol

from libs.common.telemetry.logs import get_logger

_log = get_logger(__name__)


class OldMessages(Protocol):
    async def forget(self, created_before: datetime) -> int:
        """Delete what was created before that moment and is through; returns how many."""
        ...


async def forget_old_messages(messages: OldMessages, created_before: datetime) -> None:
    """What still waits, or has something to announce, stays until the next run. Safe to run at any time."""
    count = await messages.forget(created_before)
    if count:
        _log.info("messages forgotten", count=count)
