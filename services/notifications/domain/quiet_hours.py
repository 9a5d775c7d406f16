"""When a clinic leaves people in peace."""

from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from libs.common.aggregate import Aggregate
from services.notifications.domain.purposes import Category


class Weekday(StrEnum):
    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


_WEEK = tuple(Weekday)


class QuietHours(Aggregate):
    """One per clinic; its id is the clinic's. `days` are those on which the quiet time begins.

    An `end` that is not behind `start` lies on the next day. Off until a clinic turns it on.
    """

    enabled: bool = False
    zone: str = "Asia/Kolkata"
    start: time = time(21, 0)
    end: time = time(8, 0)
    days: list[Weekday] = list(_WEEK)
    bypass: list[Category] = [Category.OTP, Category.CRITICAL]

    def end_of_quiet(self, category: Category, now: datetime) -> datetime | None:
        """When the quiet time that covers `now` ends; None when a message of this category may go."""
        if not self.enabled or category in self.bypass:
            return None
        today = now.astimezone(ZoneInfo(self.zone)).date()
        for day in (today - timedelta(days=1), today):  # it may have begun yesterday
            begins, ends = self._on(day)
            if _WEEK[day.weekday()] in self.days and begins <= now < ends:
                return ends.astimezone(now.tzinfo)
        return None

    def _on(self, day: date) -> tuple[datetime, datetime]:
        zone = ZoneInfo(self.zone)
        last_day = day if self.start < self.end else day + timedelta(days=1)
        return datetime.combine(day, self.start, zone), datetime.combine(last_day, self.end, zone)
