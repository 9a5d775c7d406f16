"""How consulting hours are written, and what slots they come to."""

from typing import Any

import pytest

from libs.contracts.roles import ADMIN
from services.scheduling.tests.builders import Clinic


async def _slots_of(clinic: Clinic, day: str, **template: Any) -> list[str]:
    """When a doctor with these hours has slots on that day of the clinic's, in UTC."""
    doctor = await clinic.colleague(**template)
    return [slot["start"] for slot in await doctor.slots(**{"from": day, "to": day, "limit": 100})]


@pytest.mark.parametrize(
    ("until", "last_day"),
    [
        ("20261201T183000Z", "2026-12-01"),  # midnight at the clinic, so not the day that begins
        ("20261202T042900Z", "2026-12-01"),  # a minute before the hours of 2 December
        ("20261202T043000Z", "2026-12-02"),
        ("20261202", "2026-12-02"),
    ],
)
async def test_a_rule_ends_where_it_says_in_utc_too(clinic: Clinic, until: str, last_day: str) -> None:
    rule = {"rrule": f"FREQ=DAILY;UNTIL={until}"}
    days = ["2026-11-30", "2026-12-01", "2026-12-02", "2026-12-03"]
    assert [day for day in days if await _slots_of(clinic, day, **rule)] == [day for day in days if day <= last_day]


async def test_hours_may_last_until_midnight(clinic: Clinic) -> None:
    night = {"sessions": [{"start": "23:00", "end": "00:00"}], "slot_minutes": 30}
    assert await _slots_of(clinic, "2026-12-01", **night) == ["2026-12-01T17:30:00Z", "2026-12-01T18:00:00Z"]
    early = {"sessions": [{"start": "00:00", "end": "01:00"}], "slot_minutes": 30}
    assert await _slots_of(clinic, "2026-12-01", **early) == ["2026-11-30T18:30:00Z", "2026-11-30T19:00:00Z"]
    assert (await clinic.add_template(**night)).status == 201
    over = await clinic.add_template(sessions=[{"start": "23:30", "end": "23:45"}])
    assert over.code == "template_overlaps"


@pytest.mark.parametrize("start", [75600, "75600", "9:00", "19:00Z", "19:00+05:30", "24:00", "19:00:00.5", None])
async def test_a_time_of_day_is_written_as_such(clinic: Clinic, start: object) -> None:
    refused = await clinic.add_template(sessions=[{"start": start, "end": "23:00"}])
    assert refused.status == 422
    assert refused.body["errors"] == [
        {"pointer": "/sessions/0/start", "detail": "must be a time of the clinic's day, such as 09:00"}
    ]


async def test_the_description_says_how_a_time_of_day_is_written(clinic: Clinic) -> None:
    whole = await clinic.service.call("GET", "/openapi.json", token=clinic.staff(ADMIN))
    for session in ("SessionRequest", "SessionView"):
        start = whole.body["components"]["schemas"][session]["properties"]["start"]
        assert start["pattern"].startswith("^([01][0-9]")
        assert "format" not in start
