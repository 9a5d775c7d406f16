"""Slots, templates, leave: what a calendar offers and what it refuses."""

import asyncio
from itertools import pairwise

from libs.common.testing.service_under_test import Answer
from libs.contracts.roles import ADMIN, DOCTOR
from services.scheduling.tests.builders import Clinic


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
    await clinic.add_template(slot_minutes=25, sessions=[{"start": "10:05", "end": "18:00"}])
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
    other = Clinic(clinic.service, clinic.patients, clinic.doctors, id=clinic.id)
    await other.open(room_id="room-1", sessions=hours)
    mine = next(s["slot_id"] for s in await clinic.slots(limit=100) if s["room_id"] == "room-1")
    theirs = next(s["slot_id"] for s in await other.slots(limit=100) if s["room_id"] == "room-1")
    await clinic.book(mine)
    assert (await clinic.try_to_book(theirs, "ravi")).code == "slot_taken"


async def test_leave_shows_its_plan_before_it_cancels_anybody(clinic: Clinic) -> None:
    booked = await clinic.book()
    leave = {"doctor_id": clinic.doctor_id, "start": "2026-11-25T00:00:00Z", "end": "2026-11-26T00:00:00Z"}
    plan = await clinic.service.call("POST", "/leaves", token=clinic.staff(ADMIN), json=leave)
    assert plan.code == "leave_conflicts"
    assert [line["appointment_id"] for line in plan.body["affected"]] == [booked["id"]]
    done = await clinic.service.call(
        "POST", "/leaves", token=clinic.staff(ADMIN), json={**leave, "conflicts": "cancel"}
    )
    assert done.status == 201
    seen = await clinic.service.call("GET", f"/appointments/{booked['id']}", token=clinic.staff())
    assert seen.body["status"] == "CANCELLED"
    assert (await clinic.try_to_book(booked["slot_id"])).code == "slot_closed"


async def test_doctors_write_their_own_calendar_only(clinic: Clinic) -> None:
    colleague = Clinic(clinic.service, clinic.patients, clinic.doctors, id=clinic.id)
    await colleague.open()
    body = {"doctor_id": colleague.doctor_id, "start": "2026-12-01T00:00:00Z", "end": "2026-12-02T00:00:00Z"}
    refused = await clinic.service.call("POST", "/leaves", token=clinic.staff(DOCTOR), json=body)
    assert (refused.status, refused.code) == (404, "doctor_unknown")


async def test_a_template_that_makes_no_sense_is_refused_with_a_reason(clinic: Clinic) -> None:
    for changes in (
        {"rrule": "FREQ=SECONDLY"},
        {"rrule": "FREQ=DAILY;BYMONTHDAY=31;BYDAY=XX"},
        {"rrule": "nonsense"},
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
