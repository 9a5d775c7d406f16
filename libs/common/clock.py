"""Time is injected: production reads the system's clock, tests hold it still."""

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Anything that can say what time it is."""

    def now(self) -> datetime:
        """The current moment, timezone-aware, in UTC, cut to milliseconds (MongoDB keeps no more)."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        moment = datetime.now(UTC)
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
