"""Slots, templates, leave: what a calendar offers and what it refuses."""

import asyncio
from itertools import pairwise
from typing import Any

from libs.common.testing.service_under_test import Answer
from libs.contracts.roles import ADMIN, DOCTOR
from services.scheduling.tests.builders import TODAY, Clinic

_FIRST_OF_DECEMBER = {"start": "2026-12-01T00:00:00+05:30", "end": "2026-12-02T00:00:00+05:30"}


async def test_slots_come_in_pages_without_gaps(clinic: Clinic) -> None:
    whole = [slot["slot_id"] for slot in await clinic.slots(limit=100)]
    paged: list[str] = []
    cursor = None
    while True:
        query = {"doctor_id": clinic.doctor_id, "limit": 30, **({"cursor": cursor} if cursor else {})}
        answer = await clinic.service.call("GET", "/slots", token=clinic.staff(), params=query)
        paged += [slot["slot_id"] for slot in answer.body["items"]]
        cursor = answer.body["next_cursor"]
        if cursor is None or len(paged) >= 100:
            break
    assert paged[:100] == whole


async def test_held_and_booked_slots_say_so(clinic: Clinic) -> None:
    first, second, third = [slot["slot_id"] for slot in (await clinic.slots())[:3]]
    await clinic.book(first)
    await clinic.book(second, patient="ravi", hold=True)
    status = {slot["slot_id"]: slot["status"] for slot in await clinic.slots()}
    assert (status[first], status[second], status[third]) == ("BOOKED", "HELD", "FREE")


async def test_overlapping_slots_of_other_lengths_cannot_both_be_booked(clinic: Clinic) -> None:
    await clinic.add_template(slot_minutes=25, sessions=[{"start": "10:05", "end": "18:00"}], allow_overlap=True)
    slots = (await clinic.slots(limit=60))[:40]
    answers = await asyncio.gather(*(clinic.try_to_book(s["slot_id"], f"p{n}") for n, s in enumerate(slots)))
    booked = [a.body for a in answers if a.status == 201]
    spans = sorted((b["start"], b["end"]) for b in booked)
    assert booked
    assert all(earlier[1] <= later[0] for earlier, later in pairwise(spans))


async def test_a_shared_slot_takes_as_many_as_it_has_seats(clinic: Clinic) -> None:
    await clinic.add_template(capacity=5, slot_minutes=30, sessions=[{"start": "19:00", "end": "19:30"}])
    [shared] = [s["slot_id"] for s in await clinic.slots(limit=100) if s["slot_id"].endswith("n")][:1]
    answers = await asyncio.gather(*(clinic.try_to_book(shared, f"p{n}") for n in range(12)))
    assert sorted(answer.status for answer in answers) == [201] * 5 + [409] * 7


async def test_a_room_is_not_used_twice_at_a_time(clinic: Clinic) -> None:
    hours = [{"start": "20:00", "end": "20:15"}]
    await clinic.add_template(room_id="room-1", sessions=hours)
    other = await clinic.colleague(room_id="room-1", sessions=hours)
    mine = next(s["slot_id"] for s in await clinic.slots(limit=100) if s["room_id"] == "room-1")
    theirs = next(s["slot_id"] for s in await other.slots(limit=100) if s["room_id"] == "room-1")
    await clinic.book(mine)
    assert (await clinic.try_to_book(theirs, "ravi")).code == "slot_taken"


async def test_leave_shows_its_plan_before_it_cancels_anybody(clinic: Clinic) -> None:
    booked = await clinic.book()
    leave = {"doctor_id": clinic.doctor_id, "start": "2026-11-25T00:00:00Z", "end": "2026-11-26T00:00:00Z"}
    plan = await clinic.take_leave(**leave)
    assert plan.code == "leave_conflicts"
    assert [line["appointment_id"] for line in plan.body["affected"]] == [booked["id"]]
    done = await clinic.take_leave(**leave, conflicts="cancel")
    assert done.status == 201
    seen = await clinic.service.call("GET", f"/appointments/{booked['id']}", token=clinic.staff())
    assert seen.body["status"] == "CANCELLED"
    assert (await clinic.try_to_book(booked["slot_id"])).code == "slot_closed"


async def test_doctors_write_their_own_calendar_only(clinic: Clinic) -> None:
    colleague = await clinic.colleague()
    refused = await clinic.take_leave(DOCTOR, **_FIRST_OF_DECEMBER, doctor_id=colleague.doctor_id)
    assert (refused.status, refused.code) == (404, "doctor_unknown")


async def test_a_doctor_who_names_nobody_takes_leave_themselves(clinic: Clinic) -> None:
    assert (await clinic.take_leave(DOCTOR, **_FIRST_OF_DECEMBER)).body["doctor_id"] == clinic.doctor_id
    assert (await clinic.take_leave(DOCTOR, **_FIRST_OF_DECEMBER, whole_clinic=True)).code == "forbidden"


async def test_closing_the_whole_clinic_has_to_be_said(clinic: Clinic) -> None:
    unclear: list[dict[str, Any]] = [{}, {"whole_clinic": True, "doctor_id": clinic.doctor_id}]
    for leave in unclear:
        refused = await clinic.take_leave(**_FIRST_OF_DECEMBER, **leave)
        assert (refused.status, refused.body["errors"][0]["pointer"]) == (422, "/doctor_id")
    closed = await clinic.take_leave(**_FIRST_OF_DECEMBER, whole_clinic=True)
    assert (closed.status, closed.body["doctor_id"]) == (201, None)
    assert await clinic.slots(**{"from": "2026-12-01", "to": "2026-12-01"}) == []


async def test_leave_in_the_past_is_refused(clinic: Clinic) -> None:
    past = {"start": "2026-11-01T00:00:00Z", "end": "2026-11-25T03:30:00Z"}
    refused = await clinic.take_leave(**past, doctor_id=clinic.doctor_id)
    assert (refused.status, refused.body["errors"][0]["pointer"]) == (422, "/end")


async def test_a_plain_date_is_the_clinics_day(clinic: Clinic) -> None:
    day = await clinic.slots(**{"from": "2026-12-01", "to": "2026-12-01", "limit": 200})
    assert (len(day), day[0]["start"], day[-1]["end"]) == (32, "2026-12-01T04:30:00Z", "2026-12-01T12:30:00Z")
    late = {"start": "2026-11-30T18:00:00Z", "end": "2026-11-30T18:30:00Z"}  # the last half hour of 30 November
    await clinic.take_leave(**late, doctor_id=clinic.doctor_id)
    for asked, found in (("2026-11-30", 1), ("2026-12-01", 0)):
        params = {"from": asked, "to": asked}
        listed = await clinic.service.call("GET", "/leaves", token=clinic.staff(), params=params)
        assert len(listed.body["items"]) == found


async def test_what_is_no_window_is_refused_with_a_sentence(clinic: Clinic) -> None:
    for query, pointer, sentence in (
        ({"from": "2026-12-01T00:00:00"}, "/query/from", "add the zone, such as 2026-12-01T00:00:00+05:30"),
        ({"from": "2026-13-01"}, "/query/from", "month"),
        ({"to": "1026-12-01"}, "/query/to", "must be in a year between 2000 and 2200"),
        ({"from": "2026-12-02", "to": "2026-12-01"}, "/query/to", "must be after `from`"),
        ({"from": "2026-12-01", "to": "2027-12-01"}, "/query/to", "must be within 92 days of `from`"),
    ):
        for path, more in (("/slots", {"doctor_id": clinic.doctor_id}), ("/leaves", {})):
            answer = await clinic.service.call("GET", path, token=clinic.staff(), params={**more, **query})
            [error] = answer.body["errors"]
            assert (answer.status, error["pointer"]) == (422, pointer)
            assert sentence in error["detail"]


async def test_hours_that_meet_others_of_the_doctors_have_to_be_meant(clinic: Clinic) -> None:
    same = await clinic.add_template()
    assert (same.status, same.code) == (409, "template_overlaps")
    evening = [{"start": "18:00", "end": "20:00"}]
    for apart in ({"sessions": evening}, {"valid_from": "2026-11-25", "valid_until": "2026-11-25", "exdates": [TODAY]}):
        assert (await clinic.add_template(**apart)).status == 201, apart
    late = await clinic.add_template(rrule="FREQ=WEEKLY;BYDAY=FR", sessions=[{"start": "19:55", "end": "21:00"}])
    assert late.code == "template_overlaps"
    assert (await clinic.add_template(allow_overlap=True)).status == 201
    first = same.body["template_id"]
    await clinic.service.call("POST", f"/slot-templates/{first}/retire", token=clinic.staff(ADMIN))
    assert (await clinic.add_template()).body["template_id"] != first


async def test_a_template_that_makes_no_sense_is_refused_with_a_reason(clinic: Clinic) -> None:
    for changes in (
        {"rrule": "FREQ=SECONDLY"},
        {"rrule": "FREQ=DAILY;BYMONTHDAY=31;BYDAY=XX"},
        {"rrule": "nonsense"},
        {"rrule": "FREQ=MONTHLY;INTERVAL=0"},
        {"rrule": "FREQ=MONTHLY;INTERVAL=-1"},
        {"rrule": "FREQ=DAILY;INTERVAL=1000000000"},
        {"rrule": "FREQ=DAILY;UNTIL=20261399T183000Z"},
        {"rrule": "FREQ=DAILY;UNTIL=00010101T000000Z"},
        {"rrule": "FREQ=DAILY;UNTIL=20261101T183000Z"},
        {"sessions": [{"start": "10:00", "end": "00:00"}, {"start": "23:00", "end": "23:30"}]},
        {"slot_minutes": 7},
        {"sessions": [{"start": "12:00", "end": "10:00"}]},
        {"sessions": [{"start": "10:00", "end": "12:00"}, {"start": "11:00", "end": "13:00"}]},
        {"valid_until": "2020-01-01"},
    ):
        answer = await clinic.add_template(**changes)
        assert (answer.status, answer.code) == (422, "slot_template_invalid"), changes
        assert answer.body["detail"]


async def test_a_rule_of_the_policy_changes_alone_and_some_can_be_switched_off(clinic: Clinic) -> None:
    async def change(**rules: object) -> Answer:
        return await clinic.service.call("PATCH", "/booking-policies", token=clinic.staff(ADMIN), json=rules)

    assert (await change(hold_minutes=5, deposit_after_no_shows=2)).body["deposit_after_no_shows"] == 2
    changed = await change(hold_minutes=None, deposit_after_no_shows=None, zone="Asia/Dubai")
    assert changed.status == 200
    assert (changed.body["hold_minutes"], changed.body["deposit_after_no_shows"]) == (5, None)
    assert changed.body["zone"] == "Asia/Dubai"
    assert (await change(zone="Mars/Olympus")).status == 422
    stale = await clinic.service.call(
        "PATCH", "/booking-policies", token=clinic.staff(ADMIN), json={"hold_minutes": 7}, headers={"If-Match": '"1"'}
    )
    assert (stale.status, stale.code) == (412, "stale_version")


async def test_rooms_of_the_same_name_in_two_clinics_are_two_rooms(clinic: Clinic, another_clinic: Clinic) -> None:
    hours = [{"start": "20:00", "end": "20:15"}]
    for each in (clinic, another_clinic):
        await each.add_template(room_id="room-1", sessions=hours)
        slot = next(s["slot_id"] for s in await each.slots(limit=100) if s["room_id"] == "room-1")
        await each.book(slot)


async def test_an_appointment_stays_in_its_clinic(clinic: Clinic, another_clinic: Clinic) -> None:
    for each in (clinic, another_clinic):
        each.patient("gita")
    booked = await clinic.book(patient="gita")
    elsewhere = await another_clinic.free_slot()
    moved = await clinic.move(booked["id"], "reschedule", token=clinic.account("gita"), slot_id=elsewhere)
    assert (moved.status, moved.code) == (404, "slot_unknown")


async def test_a_buffer_shows_wherever_the_look_begins(clinic: Clinic) -> None:
    await clinic.add_template(
        sessions=[{"start": "20:00", "end": "23:00"}], slot_minutes=30, buffer_after_minutes=30, allow_overlap=True
    )
    await clinic.add_template(sessions=[{"start": "20:00", "end": "23:00"}], allow_overlap=True)
    evening = [s for s in await clinic.slots(limit=100) if s["start"] >= "2026-11-25T14:30:00Z"]
    long = next(s for s in evening if s["end"] == "2026-11-25T15:00:00Z" and s["start"] == "2026-11-25T14:30:00Z")
    await clinic.book(long["slot_id"])
    [status] = [s["status"] for s in await clinic.slots(**{"from": "2026-11-25T15:15:00Z"}, limit=1)]
    assert status == "BOOKED"
