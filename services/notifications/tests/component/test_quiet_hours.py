"""Quiet hours: messages wait for the morning, codes do not, and what is over by then is told to the desk."""

from datetime import UTC, datetime
from typing import Any

from libs.contracts.roles import ADMIN, FRONT_DESK
from services.notifications.tests.builders import Desk

EVENING_IN_INDIA = datetime(2026, 11, 25, 16, 0, tzinfo=UTC)  # 21:30
QUIET = {"zone": "Asia/Kolkata", "start": "21:00", "end": "08:00"}


async def _in_the_evening(desk: Desk, **changes: object) -> None:
    answer = await desk.call("PUT", "/notifications/quiet-hours", token=desk.staff(ADMIN), json={**QUIET, **changes})
    assert answer.status == 200, answer.body
    desk.service.clock.advance(seconds=(EVENING_IN_INDIA - desk.now).total_seconds())


async def test_a_confirmation_waits_until_the_quiet_hours_end(desk: Desk) -> None:
    patient = desk.patient()
    await _in_the_evening(desk)
    await desk.books(patient)
    await desk.sender.send_due_now()
    assert await desk.arrived() == []
    [told] = await desk.told(patient)
    assert (told["status"], told["next_attempt_at"]) == ("DEFERRED", "2026-11-26T02:30:00Z")
    [event] = await desk.service.announced("NOTIFICATION_DEFERRED")
    assert event.data["until"] == "2026-11-26T02:30:00Z"
    await desk.after(hours=10, minutes=29)
    assert await desk.arrived() == []
    await desk.after(minutes=1)
    assert len(await desk.arrived()) == 1


async def test_an_offer_that_is_over_by_the_morning_never_goes_out_and_the_desk_hears_at_once(desk: Desk) -> None:
    patient = desk.patient()
    await _in_the_evening(desk)
    await desk.offers(patient)
    await desk.sender.send_due_now()
    [event] = await desk.service.announced("NOTIFICATION_FAILED")
    assert (event.data["patient_id"], event.data["error_code"]) == (patient, "expired")
    await desk.after(hours=10, minutes=30)
    [told] = await desk.told(patient)
    again = await desk.call("POST", f"/notifications/{told['id']}/retry")
    assert (again.status, again.code) == (409, "not_repeatable")
    await desk.sender.send_due_now()
    assert await desk.arrived() == []


async def test_a_code_goes_out_at_any_hour(desk: Desk) -> None:
    await _in_the_evening(desk)
    await desk.code_is_requested()
    await desk.sender.send_due_now()
    assert len(await desk.arrived()) == 1


async def test_other_clinics_and_other_days_are_not_quiet(desk: Desk) -> None:
    await _in_the_evening(desk, days=["mon", "tue", "thu", "fri", "sat", "sun"])  # it is Wednesday
    await desk.books(desk.patient())
    await desk.sender.send_due_now()
    assert len(await desk.arrived()) == 1


async def test_they_are_off_until_somebody_sets_them(desk: Desk) -> None:
    answer = await desk.call("GET", "/notifications/quiet-hours")
    assert (answer.body["enabled"], answer.headers["etag"]) == (False, '"0"')
    refused = await desk.call("PUT", "/notifications/quiet-hours", token=desk.staff(FRONT_DESK), json=QUIET)
    assert (refused.status, refused.code) == (403, "forbidden")


async def test_settings_that_make_no_sense_are_refused(desk: Desk) -> None:
    admin = desk.staff(ADMIN)
    wrong: list[dict[str, Any]] = [{"zone": "Mars/Olympus"}, {"start": "25:00"}, {"days": []}, {"bypass": ["all"]}]
    for change in (*wrong, {"start": None}, {"end": 8}, {"extra": 1}, {"end": "21:00"}):
        answer = await desk.call("PUT", "/notifications/quiet-hours", token=admin, json={**QUIET, **change})
        assert answer.status == 422, change


async def test_two_admins_do_not_overwrite_each_other(desk: Desk) -> None:
    admin = desk.staff(ADMIN)
    stale = {"If-Match": '"0"'}
    first = await desk.call("PUT", "/notifications/quiet-hours", token=admin, json=QUIET, headers=stale)
    second = await desk.call("PUT", "/notifications/quiet-hours", token=admin, json=QUIET, headers=stale)
    assert (first.status, second.status, second.code) == (200, 412, "stale_version")
