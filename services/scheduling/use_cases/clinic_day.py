"""Days as the clinic sees them: midnight to midnight in its own zone."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from libs.common.errors import FieldError, Unprocessable

_WINDOW = timedelta(days=14)
_LONGEST_WINDOW = timedelta(days=92)


def clinic_date(moment: datetime, zone: str) -> date:
    return moment.astimezone(ZoneInfo(zone)).date()


def day_window(day: date, zone: str) -> tuple[datetime, datetime]:
    """[start, end) of that day in UTC."""
    midnight = datetime.combine(day, time(), ZoneInfo(zone))
    return midnight.astimezone(UTC), (midnight + timedelta(days=1)).astimezone(UTC)


def day_bounds(moment: datetime, zone: str) -> tuple[datetime, datetime]:
    """[start, end) in UTC of the clinic's day that `moment` falls on."""
    return day_window(clinic_date(moment, zone), zone)


def search_window(
    start: datetime | date | None, end: datetime | date | None, *, zone: str, now: datetime
) -> tuple[datetime, datetime]:
    """[start, end) in UTC: from now and two weeks long unless said otherwise. Plain dates are days of the clinic's,
    both included. Raises `Unprocessable` when the window is empty or longer than 92 days."""
    begins = now if start is None else _edge(start, zone, 0)
    ends = begins + _WINDOW if end is None else _edge(end, zone, 1)
    if begins >= ends:
        raise Unprocessable(errors=[FieldError(pointer="/query/to", detail="must be after `from`")])
    if ends - begins > _LONGEST_WINDOW:
        raise Unprocessable(
            errors=[FieldError(pointer="/query/to", detail=f"must be within {_LONGEST_WINDOW.days} days of `from`")]
        )
    return begins, ends


def _edge(value: datetime | date, zone: str, side: int) -> datetime:
    return value if isinstance(value, datetime) else day_window(value, zone)[side]
