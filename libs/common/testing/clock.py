"""A clock that stands still until a test moves it."""

from datetime import UTC, datetime, timedelta


class FrozenClock:
    """Starts at a Wednesday morning in India, unless told otherwise."""

    def __init__(self, at: datetime | None = None) -> None:
        self._now = at or datetime(2026, 11, 25, 3, 30, tzinfo=UTC)

    def now(self) -> datetime:
        return self._now

    def advance(self, **duration: float) -> None:
        """`clock.advance(minutes=10)`."""
        self._now += timedelta(**duration)
