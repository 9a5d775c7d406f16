"""Dates of birth and ages; many patients know only the latter."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

_CLINICS_ARE_IN = ZoneInfo("Asia/Kolkata")


def local_date(now: datetime) -> date:
    """The day it is at the clinic: a child born after midnight is not born tomorrow."""
    return now.astimezone(_CLINICS_ARE_IN).date()


def age_on(day: date, birth_date: date) -> int:
    """Completed years."""
    return day.year - birth_date.year - ((day.month, day.day) < (birth_date.month, birth_date.day))


def born_years_before(day: date, years: int) -> date:
    """A date of birth that makes somebody exactly `years` old on `day`."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:  # 29 February
        return day.replace(year=day.year - years, day=28)
