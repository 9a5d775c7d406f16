"""Slot templates: when a doctor sees patients, as a recurrence in the clinic's own time."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Self
from zoneinfo import ZoneInfo

from dateutil.rrule import rrule, rrulestr
from pydantic import BaseModel, ConfigDict, Field, model_validator

from libs.common.aggregate import Aggregate
from services.scheduling.domain.errors import TemplateInvalid
from services.scheduling.domain.slot import CELL, LONGEST_BUFFER, LONGEST_SLOT, Mode, Slot

_PARTS = {"FREQ", "INTERVAL", "BYDAY", "BYMONTHDAY", "COUNT", "UNTIL", "WKST"}
_OVERLAPS_LOOKED_FOR = timedelta(weeks=8)
_FREQUENCIES = {"DAILY": timedelta(days=1), "WEEKLY": timedelta(weeks=1), "MONTHLY": None}
_UTC_UNTIL = re.compile(r"UNTIL=(\d{8}T\d{6})Z", re.IGNORECASE)
_INTERVAL = re.compile(r"[1-9][0-9]{0,2}")
MOST_SLOT_MINUTES, MOST_BUFFER_MINUTES = LONGEST_SLOT // timedelta(minutes=1), LONGEST_BUFFER // timedelta(minutes=1)


class Session(BaseModel):
    """Consulting hours on each day of the recurrence, in the clinic's time: 09:00 to 13:00. An `end` of 00:00 is the
    end of the day."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: time
    end: time

    def minutes(self) -> tuple[int, int]:
        """Start and end, counted from midnight."""
        return _minutes(self.start), _minutes(self.end) or 24 * 60

    def hours(self, day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """Opening and closing on that day, in UTC."""
        closing_day = day + timedelta(days=1) if self.end == time() else day
        opens, closes = datetime.combine(day, self.start, zone), datetime.combine(closing_day, self.end, zone)
        return opens.astimezone(UTC), closes.astimezone(UTC)


class SlotTemplate(Aggregate):
    """`rrule` (RFC 5545) gives the days from `valid_from` to `valid_until`, both included; `exdates` are left out. An
    UNTIL in UTC lets through the days whose first session starts by then."""

    doctor_id: str
    zone: str = "Asia/Kolkata"
    rrule: str = "FREQ=DAILY"
    valid_from: date
    valid_until: date | None = None
    exdates: list[date] = []
    sessions: list[Session] = Field(min_length=1, max_length=6)
    slot_minutes: int = Field(15, ge=5, le=MOST_SLOT_MINUTES)
    buffer_before_minutes: int = Field(0, ge=0, le=MOST_BUFFER_MINUTES)
    buffer_after_minutes: int = Field(0, ge=0, le=MOST_BUFFER_MINUTES)
    capacity: int = Field(1, ge=1, le=50)
    modes: list[Mode] = Field(default=[Mode.IN_PERSON], min_length=1)
    room_id: str | None = None
    active: bool = True

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        five_minutes = int(CELL.total_seconds() // 60)
        minutes = [self.slot_minutes, self.buffer_before_minutes, self.buffer_after_minutes]
        minutes += [bound for session in self.sessions for bound in session.minutes()]
        if any(value % five_minutes for value in minutes) or any(
            bound.second or bound.microsecond for session in self.sessions for bound in (session.start, session.end)
        ):
            raise TemplateInvalid("All times and lengths are multiples of five minutes")
        if any(bound.tzinfo for session in self.sessions for bound in (session.start, session.end)):
            raise TemplateInvalid("Sessions are in the clinic's time: leave the offset out, as in 09:00")
        ordered = sorted(session.minutes() for session in self.sessions)
        if any(start >= end for start, end in ordered) or any(
            end > start for (_, end), (start, _) in pairwise(ordered)
        ):
            raise TemplateInvalid("Sessions end after they start, and do not overlap")
        if self.valid_until is not None and self.valid_until < self.valid_from:
            raise TemplateInvalid("valid_until lies before valid_from")
        try:
            ZoneInfo(self.zone)
        except (KeyError, ValueError, OSError):
            raise TemplateInvalid(f"{self.zone!r} is not a time zone such as Asia/Kolkata") from None
        _rule(self._rule_in_days(), self.valid_from)
        return self

    def retire(self) -> None:
        """No more slots from this template; what is booked stays booked."""
        self.active = False

    def leave_out(self, day: date) -> None:
        """An exception: no slots on that day."""
        if day not in self.exdates:
            self.exdates.append(day)

    def slots_between(self, start: datetime, end: datetime) -> Iterator[Slot]:
        """The slots that start in [start, end), in order. The cost is that of the window, however far away it is."""
        if not self.active:
            return
        zone = ZoneInfo(self.zone)
        for day in self._open_days(start.astimezone(zone).date(), end.astimezone(zone).date()):
            yield from self._slots_on(day, zone, start, end)

    def overlaps(self, other: "SlotTemplate", today: date) -> bool:
        """Whether the consulting hours of the two meet in the eight weeks from the day on which both are in force."""
        first = max(today, self.valid_from, other.valid_from)
        last = first + _OVERLAPS_LOOKED_FOR
        hours = sorted([*self._hours(first, last), *other._hours(first, last)])
        return any(closes > opens for (_, closes), (opens, _) in pairwise(hours))

    def _hours(self, first: date, last: date) -> Iterator[tuple[datetime, datetime]]:
        zone = ZoneInfo(self.zone)
        for day in self._open_days(first, last):
            for session in self.sessions:
                yield session.hours(day, zone)

    def _open_days(self, first: date, last: date) -> Iterator[date]:
        """The days in [first, last] on which the doctor sees patients."""
        first = max(first, self.valid_from)
        last = last if self.valid_until is None else min(last, self.valid_until)
        return (day for day in _days(self._rule_in_days(), self.valid_from, first, last) if day not in self.exdates)

    def _rule_in_days(self) -> str:
        """`rrule` with an UNTIL in UTC written as the last day it lets through."""
        found = _UTC_UNTIL.search(self.rrule)
        if found is None:
            return self.rrule
        try:
            until = datetime.strptime(found.group(1), "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
            local = until.astimezone(ZoneInfo(self.zone))
            begun = local.time() >= min(session.start for session in self.sessions)
            last = local.date() if begun else local.date() - timedelta(days=1)
        except (ValueError, OverflowError) as error:
            raise TemplateInvalid(f"rrule: {error}") from None
        return _UTC_UNTIL.sub(f"UNTIL={last:%Y%m%d}", self.rrule)

    def _slots_on(self, day: date, zone: ZoneInfo, earliest: datetime, latest: datetime) -> Iterator[Slot]:
        length = timedelta(minutes=self.slot_minutes)
        before = timedelta(minutes=self.buffer_before_minutes)
        after = timedelta(minutes=self.buffer_after_minutes)
        step = before + length + after
        for session in sorted(self.sessions, key=lambda session: session.start):
            opens, closes = session.hours(day, zone)
            start = opens + before
            start += max(0, -((start - earliest) // step)) * step  # past those before `earliest`, rounded up
            while start + length + after <= closes and start < latest:
                yield Slot(
                    clinic_id=self.clinic_id,
                    template_id=self.id,
                    doctor_id=self.doctor_id,
                    start=start,
                    end=start + length,
                    blocked_from=start - before,
                    blocked_until=start + length + after,
                    capacity=self.capacity,
                    modes=frozenset(self.modes),
                    room_id=self.room_id,
                )
                start += step


def _minutes(moment: time) -> int:
    return moment.hour * 60 + moment.minute


@lru_cache(maxsize=2048)
def _rule(text: str, first: date) -> rrule:
    parts = _parts(text)
    if not parts.keys() <= _PARTS or parts.get("FREQ") not in _FREQUENCIES:
        raise TemplateInvalid(
            f"rrule: FREQ is one of {', '.join(_FREQUENCIES)}, the rest {', '.join(sorted(_PARTS))}; or exdates"
        )
    if not _INTERVAL.fullmatch(parts.get("INTERVAL", "1")):
        raise TemplateInvalid("rrule: INTERVAL is a number from 1 to 999")
    try:
        parsed = rrulestr(text, dtstart=datetime.combine(first, time()))
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise TemplateInvalid(f"rrule: {error}") from None
    if not isinstance(parsed, rrule) or next(iter(parsed), None) is None:
        raise TemplateInvalid("rrule: there is no such day")
    return parsed


def _parts(text: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.removeprefix("RRULE:").split(";"))
    return {name.strip().upper(): value.strip().upper() for name, _, value in pairs}


@lru_cache(maxsize=4096)
def _days(text: str, valid_from: date, first: date, last: date) -> tuple[date, ...]:
    """The recurrence's days in [first, last]. The rule is started near the window, so distance costs nothing."""
    rule, parts = _rule(text, valid_from), _parts(text)
    step = _FREQUENCIES[parts["FREQ"]]
    if step is not None and "COUNT" not in parts:
        period = step * int(parts.get("INTERVAL", "1"))
        skipped = max(0, (first - valid_from) // period - 1)
        rule = rule.replace(dtstart=datetime.combine(valid_from + skipped * period, time()))
    window = rule.between(datetime.combine(first, time()), datetime.combine(last, time()), inc=True)
    return tuple(moment.date() for moment in window)
