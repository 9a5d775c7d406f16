"""When it is quiet, on the clinic's clock."""

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from services.notifications.domain.purposes import Category
from services.notifications.domain.quiet_hours import QuietHours, Weekday


def quiet(**changes: object) -> QuietHours:
    return QuietHours.model_validate({"id": "cln_1", "clinic_id": "cln_1", "enabled": True, **changes})


def end(hours: QuietHours, local: str, category: Category = Category.TRANSACTIONAL) -> str | None:
    """When the quiet ends for a message at this local time, in local time too."""
    zone = ZoneInfo(hours.zone)
    found = hours.end_of_quiet(category, datetime.fromisoformat(local).replace(tzinfo=zone).astimezone(UTC))
    return None if found is None else found.astimezone(zone).strftime("%d %H:%M")


@pytest.mark.parametrize(
    ("at", "ends"),
    [
        ("2026-11-25T20:59:59", None),
        ("2026-11-25T21:00:00", "26 08:00"),
        ("2026-11-25T23:59:59", "26 08:00"),
        ("2026-11-26T00:00:00", "26 08:00"),
        ("2026-11-26T07:59:59", "26 08:00"),
        ("2026-11-26T08:00:00", None),
    ],
)
def test_over_midnight(at: str, ends: str | None) -> None:
    assert end(quiet(), at) == ends


def test_within_a_day() -> None:
    siesta = quiet(start=time(13), end=time(15))
    assert end(siesta, "2026-11-25T14:00:00") == "25 15:00"
    assert end(siesta, "2026-11-25T15:00:00") is None


def test_days_are_those_it_begins_on() -> None:
    saturday_night = quiet(days=[Weekday.SAT])
    assert end(saturday_night, "2026-11-28T22:00:00") == "29 08:00"
    assert end(saturday_night, "2026-11-29T07:00:00") == "29 08:00"
    assert end(saturday_night, "2026-11-29T22:00:00") is None
    assert end(saturday_night, "2026-11-28T07:00:00") is None


def test_equal_times_are_a_whole_day() -> None:
    assert end(quiet(start=time(9), end=time(9)), "2026-11-25T09:00:00") == "26 09:00"


def test_urgent_ones_pass_and_the_clinic_says_which() -> None:
    assert end(quiet(), "2026-11-25T22:00:00", Category.OTP) is None
    assert end(quiet(), "2026-11-25T22:00:00", Category.CRITICAL) is None
    assert end(quiet(bypass=["otp"]), "2026-11-25T22:00:00", Category.CRITICAL) == "26 08:00"


def test_off_is_off() -> None:
    assert end(quiet(enabled=False), "2026-11-25T22:00:00") is None


def test_the_clock_may_jump_meanwhile() -> None:
    """In Berlin the clock goes back an hour in the night of 25 October 2026: eight o'clock is eight o'clock."""
    assert end(quiet(zone="Europe/Berlin"), "2026-10-24T22:00:00") == "25 08:00"
