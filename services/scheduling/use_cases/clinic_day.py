"""Days as the clinic sees them: midnight to midnight in its own zone."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def clinic_date(moment: datetime, zone: str) -> date:
    return moment.astimezone(ZoneInfo(zone)).date()


def day_window(day: date, zone: str) -> tuple[datetime, datetime]:
    """[start, end) of that day in UTC."""
    midnight = datetime.combine(day, time(), ZoneInfo(zone))
    return midnight.astimezone(UTC), (midnight + timedelta(days=1)).astimezone(UTC)


def day_bounds(moment: datetime, zone: str) -> tuple[datetime, datetime]:
    """[start, end) in UTC of the clinic's day that `moment` falls on."""
    return day_window(clinic_date(moment, zone), zone)
