"""The waitlist: a freed slot is offered to the next in line, for a limited time."""

from typing import Any

from libs.common.testing.contracts import envelope_around
from libs.common.testing.service_under_test import Answer
from libs.contracts.auth import StaffChanged
from libs.contracts.registry import PatientUpdated
from libs.contracts.roles import ADMIN, DOCTOR
from services.scheduling.consumers.subscriptions import SUBSCRIPTIONS
from services.scheduling.jobs.expire_holds import expire_due_holds
from services.scheduling.tests.builders import TODAY, Clinic


async def _try_to_wait(clinic: Clinic, patient: str, *, token: str | None = None, **more: Any) -> Answer:
    body = {
        "patient_id": clinic.patient(patient),
        "doctor_id": clinic.doctor_id,
        "earliest": "2026-11-25T00:00:00Z",
        "latest": "2026-11-26T00:00:00Z",
        **more,
    }
    return await clinic.service.call("POST", "/waitlist", token=token or clinic.staff(), json=body)


async def _wait_for_any(clinic: Clinic, patient: str, **more: Any) -> dict[str, Any]:
    answer = await _try_to_wait(clinic, patient, **more)
    assert answer.status == 201, answer.body
    return dict(answer.body)


async def _free(clinic: Clinic, appointment_id: str) -> None:
    """Cancel, and let scheduling hear its own SLOT_RELEASED."""
    await clinic.move(appointment_id, "cancel")
    await _hear_releases(clinic, appointment_id)


async def _hear_releases(clinic: Clinic, appointment_id: str) -> None:
    released = [e for e in await clinic.service.announced("SLOT_RELEASED") if e.aggregate.id == appointment_id]
    await clinic.service.deliver(SUBSCRIPTIONS, *released)


async def _entry(clinic: Clinic, patient: str) -> dict[str, Any]:
    query = {"patient_id": clinic.patient(patient)}
    answer = await clinic.service.call("GET", "/waitlist", token=clinic.staff(), params=query)
    return dict(answer.body["items"][0])


async def _held_for(clinic: Clinic, patient: str) -> dict[str, Any]:
    query = {"patient_id": clinic.patient(patient)}
    answer = await clinic.service.call("GET", "/appointments", token=clinic.staff(), params=query)
    return next(dict(appointment) for appointment in answer.body["items"] if appointment["status"] == "HELD")


async def _answer(clinic: Clinic, offer_id: str, how: str, patient: str) -> Answer:
    return await clinic.service.call("POST", f"/waitlist/offers/{offer_id}/{how}", token=clinic.account(patient))


async def test_the_first_in_line_gets_the_offer_and_takes_it(clinic: Clinic) -> None:
    booked = await clinic.book()
    await _wait_for_any(clinic, "ravi")
    await _wait_for_any(clinic, "meena", priority=5)
    await _free(clinic, booked["id"])
    offered = await _entry(clinic, "meena")
    assert (offered["status"], offered["offer"]["slot_id"]) == ("OFFERED", booked["slot_id"])
    assert (await _entry(clinic, "ravi"))["status"] == "WAITING"
    assert (await clinic.try_to_book(booked["slot_id"], "john")).code == "slot_taken"
    taken = await _answer(clinic, offered["offer"]["id"], "accept", "meena")
    assert (taken.status, taken.body["status"], taken.body["patient_id"]) == (200, "CONFIRMED", clinic.patient("meena"))


async def test_who_must_leave_a_deposit_accepts_no_offer_alone(clinic: Clinic) -> None:
    policy = {"deposit_after_no_shows": 1, "no_show_grace_minutes": 0}
    await clinic.service.call("PATCH", "/booking-policies", token=clinic.staff(ADMIN), json=policy)
    missed, booked = await clinic.book(patient="meena"), await clinic.book(await clinic.free_slot(20))
    clinic.service.clock.advance(hours=1)
    assert (await clinic.move(missed["id"], "no-show")).status == 200
    await _wait_for_any(clinic, "meena")
    await _free(clinic, booked["id"])
    offer = (await _entry(clinic, "meena"))["offer"]
    for refused in (
        await _answer(clinic, offer["id"], "accept", "meena"),
        await clinic.move((await _held_for(clinic, "meena"))["id"], "confirm", token=clinic.account("meena")),
    ):
        assert (refused.status, refused.code) == (409, "deposit_required")
    accepted = await clinic.service.call("POST", f"/waitlist/offers/{offer['id']}/accept", token=clinic.staff())
    assert accepted.body["status"] == "CONFIRMED"


async def test_confirming_the_hold_of_an_offer_accepts_it(clinic: Clinic) -> None:
    booked = await clinic.book()
    await _wait_for_any(clinic, "meena")
    await _free(clinic, booked["id"])
    held = await _held_for(clinic, "meena")
    assert (await clinic.move(held["id"], "confirm", token=clinic.account("meena"))).status == 200
    entry = await _entry(clinic, "meena")
    assert (entry["status"], entry["appointment_id"]) == ("BOOKED", held["id"])


async def test_an_offer_that_runs_out_goes_to_the_next(clinic: Clinic) -> None:
    booked = await clinic.book(await clinic.free_slot(8))
    await _wait_for_any(clinic, "meena", priority=5)
    await _wait_for_any(clinic, "ravi")
    await _free(clinic, booked["id"])
    offer = (await _entry(clinic, "meena"))["offer"]
    clinic.service.clock.advance(minutes=16)
    late = await _answer(clinic, offer["id"], "accept", "meena")
    assert late.code == "offer_expired"
    await expire_due_holds(clinic.service.runtime)
    [expired] = [e for e in await clinic.service.announced("WAITLIST_EXPIRED") if e.data["offer_id"] == offer["id"]]
    assert expired.data["patient_id"] == clinic.patient("meena")
    await clinic.service.deliver(SUBSCRIPTIONS, *await clinic.service.announced("SLOT_RELEASED"))
    passed = await _entry(clinic, "meena")
    assert (passed["status"], passed["offer"]) == ("WAITING", None)
    assert (await _answer(clinic, offer["id"], "accept", "meena")).code == "offer_expired"
    assert (await _entry(clinic, "ravi"))["status"] == "OFFERED"


async def test_a_declined_offer_goes_on_at_once(clinic: Clinic) -> None:
    booked = await clinic.book()
    await _wait_for_any(clinic, "meena", priority=5)
    await _wait_for_any(clinic, "ravi")
    await _free(clinic, booked["id"])
    offered = await _entry(clinic, "meena")
    declined = await _answer(clinic, offered["offer"]["id"], "decline", "meena")
    assert (declined.status, declined.body["status"], declined.body["offer"]) == (200, "WAITING", None)
    await clinic.service.deliver(SUBSCRIPTIONS, *await clinic.service.announced("SLOT_RELEASED"))
    assert (await _entry(clinic, "ravi"))["status"] == "OFFERED"


async def test_nobody_accepts_anothers_offer(clinic: Clinic) -> None:
    booked = await clinic.book()
    await _wait_for_any(clinic, "meena")
    await _free(clinic, booked["id"])
    offer = (await _entry(clinic, "meena"))["offer"]
    stolen = await _answer(clinic, offer["id"], "accept", "ravi")
    assert (stolen.status, stolen.code) == (404, "offer_unknown")


async def test_a_release_heard_twice_makes_one_offer(clinic: Clinic) -> None:
    booked = await clinic.book()
    await _wait_for_any(clinic, "meena", priority=5)
    await _wait_for_any(clinic, "ravi")
    await _free(clinic, booked["id"])
    await _hear_releases(clinic, booked["id"])
    assert (await _entry(clinic, "ravi"))["status"] == "WAITING"


async def test_moving_an_appointment_frees_its_old_slot_for_the_waitlist(clinic: Clinic) -> None:
    old, new = await clinic.free_slot(0), await clinic.free_slot(1)
    booked = await clinic.book(old)
    await _wait_for_any(clinic, "meena")
    await clinic.move(booked["id"], "reschedule", slot_id=new)
    await _hear_releases(clinic, booked["id"])
    assert (await _entry(clinic, "meena"))["offer"]["slot_id"] == old


async def test_a_patient_waits_once_for_a_doctor_at_a_time(clinic: Clinic) -> None:
    entry = await _wait_for_any(clinic, "meena")
    overlapping = {"earliest": "2026-11-25T23:00:00Z", "latest": "2026-11-27T00:00:00Z"}
    refused = await _try_to_wait(clinic, "meena", **overlapping)
    assert (refused.status, refused.code, refused.body["entry_id"]) == (409, "already_waiting", entry["id"])
    await _wait_for_any(clinic, "meena", earliest=entry["latest"], latest="2026-11-27T00:00:00Z")
    await _wait_for_any(clinic, "meena", doctor_id=(await clinic.colleague()).doctor_id)
    await _wait_for_any(clinic, "ravi")
    await clinic.service.call("POST", f"/waitlist/{entry['id']}/leave", token=clinic.staff())
    await _wait_for_any(clinic, "meena", latest=entry["latest"])


async def test_nobody_waits_for_what_is_past(clinic: Clinic) -> None:
    past = await _try_to_wait(clinic, "meena", earliest="2026-11-24T00:00:00Z", latest="2026-11-25T03:30:00Z")
    assert (past.status, past.body["errors"][0]["pointer"]) == (422, "/latest")


async def test_who_leaves_with_an_offer_gives_it_to_the_next(clinic: Clinic) -> None:
    booked = await clinic.book()
    entry = await _wait_for_any(clinic, "meena", priority=5)
    await _wait_for_any(clinic, "ravi")
    await _free(clinic, booked["id"])
    offer, held = (await _entry(clinic, "meena"))["offer"], await _held_for(clinic, "meena")
    left = await clinic.service.call("POST", f"/waitlist/{entry['id']}/leave", token=clinic.staff())
    assert (left.body["status"], left.body["offer"]) == ("LEFT", None)
    await _hear_releases(clinic, held["id"])
    assert (await _entry(clinic, "ravi"))["offer"]["slot_id"] == booked["slot_id"]
    clinic.service.clock.advance(minutes=16)
    late = await _answer(clinic, offer["id"], "accept", "meena")
    assert (late.code, late.body["current_status"]) == ("state_forbids", "LEFT")


async def _record_of(clinic: Clinic, appointment_id: str) -> list[tuple[str, str, Any]]:
    """Actor's role, action, and the status it led to, of each entry of the appointment's on record."""
    entries = [e for e in await clinic.service.announced("AUDIT_ENTRY") if e.aggregate.id == appointment_id]
    return [(e.actor.role, e.data["action"], e.data["changes"]["status"]["to"]) for e in entries]


async def test_the_record_shows_how_an_offered_appointment_came_about(clinic: Clinic) -> None:
    made, answered = ("system", "scheduling:waitlist:offer", "HELD"), "scheduling:waitlist:answer"
    for how, status in (("accept", "CONFIRMED"), ("decline", "CANCELLED")):
        booked = await clinic.book()
        await _wait_for_any(clinic, how)
        await _free(clinic, booked["id"])
        held, offer = await _held_for(clinic, how), (await _entry(clinic, how))["offer"]
        assert (await _answer(clinic, offer["id"], how, how)).status == 200
        assert await _record_of(clinic, held["id"]) == [made, ("patient", answered, status)]


async def test_the_record_shows_how_an_offer_ran_out(clinic: Clinic) -> None:
    booked = await clinic.book(await clinic.free_slot(8))
    entry = await _wait_for_any(clinic, "meena")
    await _free(clinic, booked["id"])
    held = await _held_for(clinic, "meena")
    clinic.service.clock.advance(minutes=16)
    await expire_due_holds(clinic.service.runtime)
    ended = ("system", "scheduling:hold:expire", "EXPIRED")
    assert await _record_of(clinic, held["id"]) == [("system", "scheduling:waitlist:offer", "HELD"), ended]
    assert (await _record_of(clinic, entry["id"]))[-1] == ("system", "scheduling:hold:expire", "WAITING")


async def test_an_offer_accepted_before_is_said_to_be(clinic: Clinic) -> None:
    booked = await clinic.book()
    await _wait_for_any(clinic, "meena")
    await _free(clinic, booked["id"])
    offer = (await _entry(clinic, "meena"))["offer"]
    taken = await _answer(clinic, offer["id"], "accept", "meena")
    clinic.service.clock.advance(minutes=16)
    again = await _answer(clinic, offer["id"], "accept", "meena")
    assert (again.status, again.code) == (409, "offer_already_accepted")
    assert again.body["appointment_id"] == taken.body["id"]


async def test_a_doctor_fills_their_own_waitlist_only(clinic: Clinic) -> None:
    colleague = await clinic.colleague()
    refused = await _try_to_wait(clinic, "meena", token=clinic.staff(DOCTOR), doctor_id=colleague.doctor_id)
    assert (refused.status, refused.code) == (404, "doctor_unknown")
    assert (await _try_to_wait(clinic, "meena", token=clinic.staff(DOCTOR))).status == 201


async def test_who_came_from_the_waitlist_can_be_cancelled_by_the_doctor_they_moved_to(clinic: Clinic) -> None:
    colleague = await clinic.colleague()
    booked = await clinic.book()
    await _wait_for_any(clinic, "meena")
    await _free(clinic, booked["id"])
    taken = await _answer(clinic, (await _entry(clinic, "meena"))["offer"]["id"], "accept", "meena")
    moved = await clinic.move(taken.body["id"], "reschedule", slot_id=await colleague.free_slot(2))
    assert moved.status == 200
    cancelled = await clinic.move(taken.body["id"], "cancel", token=colleague.staff(DOCTOR))
    assert (cancelled.status, cancelled.body["status"]) == (200, "CANCELLED")


async def test_an_offered_slot_is_accepted_before_it_is_moved(clinic: Clinic) -> None:
    booked = await clinic.book()
    await _wait_for_any(clinic, "meena")
    await _free(clinic, booked["id"])
    held = await _held_for(clinic, "meena")
    refused = await clinic.move(held["id"], "reschedule", slot_id=await clinic.free_slot(3))
    assert (refused.status, refused.code) == (409, "state_forbids")


async def test_who_has_another_appointment_then_is_passed_over(clinic: Clinic) -> None:
    colleague = await clinic.colleague()
    booked = await clinic.book()
    await _wait_for_any(clinic, "meena", priority=5)
    await _wait_for_any(clinic, "ravi")
    await clinic.book(await colleague.free_slot(), "meena")
    await _free(clinic, booked["id"])
    assert (await _entry(clinic, "meena"))["status"] == "WAITING"
    assert (await _entry(clinic, "ravi"))["status"] == "OFFERED"


async def test_who_is_no_patient_any_more_is_passed_over(clinic: Clinic) -> None:
    booked = await clinic.book()
    await _wait_for_any(clinic, "meena", priority=5)
    await _wait_for_any(clinic, "ravi")
    gone = {"patient_id": clinic.patient("meena"), "accounts": ["acc_meena"], "active": False}
    await clinic.service.deliver(SUBSCRIPTIONS, envelope_around(PatientUpdated, gone, clinic.id))
    await _free(clinic, booked["id"])
    assert (await _entry(clinic, "meena"))["status"] == "WAITING"
    assert (await _entry(clinic, "ravi"))["status"] == "OFFERED"


async def test_the_time_of_a_doctor_who_left_is_offered_to_nobody(clinic: Clinic) -> None:
    booked = await clinic.book()
    await _wait_for_any(clinic, "ravi")
    left = {"user_id": clinic.doctor_id, "role": DOCTOR, "display_name": "Dr Rao", "active": False}
    await clinic.service.deliver(SUBSCRIPTIONS, envelope_around(StaffChanged, left, clinic.id))
    await _free(clinic, booked["id"])
    assert (await _entry(clinic, "ravi"))["status"] == "WAITING"


async def test_a_slot_too_far_ahead_is_offered_to_nobody(clinic: Clinic) -> None:
    day = {"from": "2026-11-27T00:00:00Z", "to": "2026-11-28T00:00:00Z"}
    booked = await clinic.book((await clinic.slots(**day))[0]["slot_id"])
    await _wait_for_any(clinic, "ravi", latest="2026-11-28T00:00:00Z")
    await clinic.service.call("PATCH", "/booking-policies", token=clinic.staff(ADMIN), json={"horizon_days": 1})
    await _free(clinic, booked["id"])
    assert (await _entry(clinic, "ravi"))["status"] == "WAITING"


async def test_a_slot_whose_room_is_taken_is_offered_to_nobody(clinic: Clinic) -> None:
    in_room = {"room_id": "room-1", "sessions": [{"start": "20:00", "end": "20:15"}]}
    colleague = await clinic.colleague(**in_room)
    await clinic.add_template(**in_room)
    booked = await clinic.book(await clinic.free_slot(32))  # the one after the 32 of 10:00 to 18:00
    await _wait_for_any(clinic, "ravi")
    await clinic.move(booked["id"], "cancel")
    await clinic.book(await colleague.free_slot(), "meena")
    await _hear_releases(clinic, booked["id"])
    assert (await _entry(clinic, "ravi"))["status"] == "WAITING"


async def test_a_slot_that_anothers_buffer_reaches_into_is_offered_to_nobody(clinic: Clinic) -> None:
    evening = {"sessions": [{"start": "20:00", "end": "21:00"}], "allow_overlap": True}
    await clinic.add_template(slot_minutes=30, buffer_after_minutes=30, **evening)
    await clinic.add_template(**evening)
    slots = {(s["start"][11:16], s["end"][11:16]): s["slot_id"] for s in await clinic.slots(to=TODAY, limit=100)}
    booked = await clinic.book(slots["15:15", "15:30"])
    await _wait_for_any(clinic, "ravi")
    await clinic.move(booked["id"], "cancel")
    await clinic.book(slots["14:30", "15:00"], "meena")
    await _hear_releases(clinic, booked["id"])
    assert (await _entry(clinic, "ravi"))["status"] == "WAITING"


async def test_a_patients_priority_is_ignored(clinic: Clinic) -> None:
    body = {"patient_id": clinic.patient("meena"), "doctor_id": clinic.doctor_id, "priority": 100}
    window = {"earliest": "2026-11-25T00:00:00Z", "latest": "2026-11-26T00:00:00Z"}
    joined = await clinic.service.call("POST", "/waitlist", token=clinic.account("meena"), json={**body, **window})
    assert (joined.status, joined.body["priority"]) == (201, 0)


async def test_leave_over_an_offered_slot_puts_them_back_in_line(clinic: Clinic) -> None:
    booked = await clinic.book()
    await _wait_for_any(clinic, "ravi")
    await _free(clinic, booked["id"])
    assert (await _entry(clinic, "ravi"))["status"] == "OFFERED"
    day = {"start": "2026-11-25T00:00:00Z", "end": "2026-11-26T00:00:00Z"}
    assert (await clinic.take_leave(doctor_id=clinic.doctor_id, conflicts="cancel", **day)).status == 201
    assert (await _entry(clinic, "ravi"))["status"] == "WAITING"
