"""The life of an appointment through the API: hold, confirm, move, cancel, check in, no-show."""

import asyncio
from typing import Any

from libs.contracts.roles import ADMIN, DOCTOR, NURSE
from services.scheduling.jobs.expire_holds import expire_due_holds
from services.scheduling.tests.builders import Clinic


async def test_a_hold_is_confirmed_in_time(clinic: Clinic) -> None:
    held = await clinic.book(hold=True)
    assert held["status"] == "HELD"
    assert held["hold_expires_at"] is not None
    confirmed = await clinic.move(held["id"], "confirm")
    assert (confirmed.status, confirmed.body["status"]) == (200, "CONFIRMED")


async def test_a_hold_that_ran_out_cannot_be_confirmed_and_frees_its_slot(clinic: Clinic) -> None:
    slot = await clinic.free_slot()
    held = await clinic.book(slot, hold=True)
    clinic.service.clock.advance(minutes=11)
    assert (await clinic.move(held["id"], "confirm")).code == "hold_expired"
    await expire_due_holds(clinic.service.runtime)
    seen = await clinic.service.call("GET", f"/appointments/{held['id']}", token=clinic.staff())
    assert seen.body["status"] == "EXPIRED"
    await clinic.book(slot, patient="ravi")


async def test_a_hold_longer_than_its_slot_cannot_be_confirmed_afterwards(clinic: Clinic) -> None:
    await clinic.service.call("PATCH", "/booking-policies", token=clinic.staff(ADMIN), json={"hold_minutes": 1440})
    held = await clinic.book(hold=True)
    clinic.service.clock.advance(hours=8)
    refused = await clinic.move(held["id"], "confirm")
    assert (refused.status, refused.code) == (409, "too_late")


async def test_confirm_and_expiry_at_once_end_in_one_of_the_two(clinic: Clinic) -> None:
    held = await clinic.book(hold=True)
    clinic.service.clock.advance(minutes=9, seconds=59)
    confirmed, _ = await asyncio.gather(clinic.move(held["id"], "confirm"), _expire_later(clinic))
    seen = await clinic.service.call("GET", f"/appointments/{held['id']}", token=clinic.staff())
    assert seen.body["status"] == ("CONFIRMED" if confirmed.status == 200 else "EXPIRED")


async def _expire_later(clinic: Clinic) -> None:
    clinic.service.clock.advance(seconds=2)
    await expire_due_holds(clinic.service.runtime)


async def test_a_cancelled_slot_is_free_again(clinic: Clinic) -> None:
    slot = await clinic.free_slot()
    booked = await clinic.book(slot)
    cancelled = await clinic.move(booked["id"], "cancel", reason="better")
    assert cancelled.body["status"] == "CANCELLED"
    again = await clinic.move(booked["id"], "cancel")
    assert (again.code, again.body["status"], again.body["current_status"]) == ("state_forbids", 409, "CANCELLED")
    await clinic.book(slot, patient="ravi")


async def test_rescheduling_into_a_taken_slot_keeps_the_old_one(clinic: Clinic) -> None:
    mine, taken = await clinic.free_slot(0), await clinic.free_slot(1)
    booked = await clinic.book(mine)
    await clinic.book(taken, patient="ravi")
    refused = await clinic.move(booked["id"], "reschedule", slot_id=taken)
    assert refused.code == "slot_taken"
    assert (await clinic.try_to_book(mine, "meena")).code == "slot_taken"


async def test_rescheduling_frees_the_old_slot_and_takes_the_new_one(clinic: Clinic) -> None:
    old, new = await clinic.free_slot(0), await clinic.free_slot(1)
    booked = await clinic.book(old)
    moved = await clinic.move(booked["id"], "reschedule", slot_id=new)
    assert (moved.status, moved.body["slot_id"]) == (200, new)
    await clinic.book(old, patient="ravi")
    assert (await clinic.try_to_book(new, "meena")).code == "slot_taken"
    [event] = await _events(clinic, booked["id"], "APPOINTMENT_RESCHEDULED")
    assert event.data["previous_start"] == booked["start"].replace("+00:00", "Z")


async def _events(clinic: Clinic, appointment_id: str, kind: str) -> list[Any]:
    return [e for e in await clinic.service.announced(kind) if e.aggregate.id == appointment_id]


async def test_people_are_numbered_in_the_order_they_arrive(clinic: Clinic) -> None:
    booked = [await clinic.book(patient=name) for name in ("asha", "ravi", "meena")]
    arrivals = await asyncio.gather(*(clinic.move(one["id"], "check-in") for one in booked))
    assert sorted(answer.body["token_number"] for answer in arrivals) == [1, 2, 3]
    queue = await clinic.service.call(
        "GET", "/queue", token=clinic.staff(), params={"doctor_id": clinic.doctor_id, "date": booked[0]["start"][:10]}
    )
    assert [entry["token_number"] for entry in queue.body["waiting"]] == [1, 2, 3]
    seen_by_patient = await clinic.service.call(
        "GET",
        "/queue",
        token=clinic.account("asha"),
        params={"doctor_id": clinic.doctor_id, "date": booked[0]["start"][:10]},
    )
    assert {entry["patient_id"] for entry in seen_by_patient.body["waiting"]} == {None}


async def test_patients_check_themselves_in_on_the_day_at_the_clinic(clinic: Clinic) -> None:
    tomorrow = {"from": "2026-11-26T00:00:00Z"}
    booked = await clinic.book((await clinic.slots(**tomorrow))[0]["slot_id"])
    clinic.service.clock.advance(hours=14, minutes=59)  # 23:59 at the clinic, the evening before
    early = await clinic.move(booked["id"], "check-in", token=clinic.account("asha"))
    assert (early.status, early.code) == (409, "too_early")
    assert "26 November 2026" in early.body["detail"]
    clinic.service.clock.advance(minutes=1)
    assert (await clinic.move(booked["id"], "check-in", token=clinic.account("asha"))).status == 200


async def test_nobody_checks_in_once_the_day_is_over(clinic: Clinic) -> None:
    booked = await clinic.book()
    clinic.service.clock.advance(hours=15)
    for token in (clinic.staff(), clinic.account("asha")):
        late = await clinic.move(booked["id"], "check-in", token=token)
        assert (late.status, late.code) == (409, "too_late")
        assert "25 November 2026" in late.body["detail"]


async def test_the_desk_checks_in_as_early_as_the_policy_lets(clinic: Clinic) -> None:
    tomorrow = {"from": "2026-11-26T00:00:00Z"}
    booked = await clinic.book((await clinic.slots(**tomorrow))[0]["slot_id"])
    await clinic.service.call(
        "PATCH", "/booking-policies", token=clinic.staff(ADMIN), json={"check_in_opens_minutes": 60}
    )
    assert (await clinic.move(booked["id"], "check-in")).code == "too_early"
    await clinic.service.call(
        "PATCH", "/booking-policies", token=clinic.staff(ADMIN), json={"check_in_opens_minutes": None}
    )
    assert (await clinic.move(booked["id"], "check-in")).status == 200


async def test_from_the_waiting_room_to_done(clinic: Clinic) -> None:
    booked = await clinic.book()
    assert (await clinic.move(booked["id"], "start", token=clinic.staff(DOCTOR))).code == "state_forbids"
    await clinic.move(booked["id"], "check-in")
    started = await clinic.move(booked["id"], "start", token=clinic.staff(DOCTOR))
    assert started.body["status"] == "IN_CONSULTATION"
    done = await clinic.move(booked["id"], "complete", token=clinic.staff(NURSE))
    assert done.body["status"] == "COMPLETED"


async def test_a_no_show_waits_for_the_grace_and_counts(clinic: Clinic) -> None:
    booked = await clinic.book()
    assert (await clinic.move(booked["id"], "no-show")).code == "too_early"
    clinic.service.clock.advance(hours=8)
    marked = await clinic.move(booked["id"], "no-show")
    assert marked.body["status"] == "NO_SHOW"
    [event] = await _events(clinic, booked["id"], "APPOINTMENT_NO_SHOW")
    assert event.data["strikes"] == 1


async def test_after_strikes_a_patient_only_gets_holds(clinic: Clinic) -> None:
    policy = {"deposit_after_no_shows": 1, "no_show_grace_minutes": 0}
    await clinic.service.call("PATCH", "/booking-policies", token=clinic.staff(ADMIN), json=policy)
    missed = await clinic.book()
    clinic.service.clock.advance(hours=2)
    assert (await clinic.move(missed["id"], "no-show")).status == 200
    again = await clinic.try_to_book(await clinic.free_slot(), token=clinic.account("asha"))
    assert (again.status, again.body["status"]) == (201, "HELD")
    refused = await clinic.move(again.body["id"], "confirm", token=clinic.account("asha"))
    assert (refused.status, refused.code) == (409, "deposit_required")
    assert (await clinic.move(again.body["id"], "confirm")).body["status"] == "CONFIRMED"
    kept = await clinic.book(await clinic.free_slot(), hold=True)  # by the desk, until the deposit is paid
    assert (await clinic.move(kept["id"], "confirm", token=clinic.account("asha"))).code == "deposit_required"
    assert (await clinic.book(await clinic.free_slot()))["status"] == "CONFIRMED"


async def test_a_hold_of_their_own_choice_is_theirs_to_confirm(clinic: Clinic) -> None:
    held = await clinic.book(hold=True, token=clinic.account("asha"))
    confirmed = await clinic.move(held["id"], "confirm", token=clinic.account("asha"))
    assert (confirmed.status, confirmed.body["status"]) == (200, "CONFIRMED")


async def test_a_hold_stored_before_deposits_were_kept_is_theirs_to_confirm(clinic: Clinic) -> None:
    held = await clinic.book(hold=True)
    appointments = clinic.service.runtime.db["appointments"]
    await appointments.update_one({"_id": held["id"]}, {"$unset": {"needs_deposit": ""}})
    assert (await clinic.move(held["id"], "confirm", token=clinic.account("asha"))).status == 200


async def test_patients_cannot_cancel_late_but_the_desk_can(clinic: Clinic) -> None:
    booked = await clinic.book()  # 10:00; it is 09:00, and the cut-off is an hour
    clinic.service.clock.advance(minutes=30)
    refused = await clinic.move(booked["id"], "cancel", token=clinic.account("asha"))
    assert refused.code == "too_late"
    assert (await clinic.move(booked["id"], "cancel")).status == 200
    [event] = await _events(clinic, booked["id"], "APPOINTMENT_CANCELLED")
    assert event.data["late"] is True


async def test_overbooking_needs_a_reason_and_has_a_quota(clinic: Clinic) -> None:
    slot = await clinic.free_slot()
    await clinic.book(slot)
    answers = [await clinic.overbook(slot, name) for name in ("ravi", "meena", "john")]
    assert [answer.status for answer in answers] == [201, 201, 409]
    assert answers[2].code == "overbook_quota_reached"
    assert answers[0].body["overbooked"] is True
    free = await clinic.overbook(await clinic.free_slot(), "john")
    assert (free.status, free.body["overbooked"]) == (201, False)
