"""The waitlist: a freed slot is offered to the next in line, for a limited time."""

from typing import Any

from libs.common.testing.service_under_test import Answer
from services.scheduling.consumers.subscriptions import SUBSCRIPTIONS
from services.scheduling.jobs.expire_holds import expire_due_holds
from services.scheduling.tests.builders import Clinic


async def _try_to_wait(clinic: Clinic, patient: str, **more: Any) -> Answer:
    body = {
        "patient_id": clinic.patient(patient),
        "doctor_id": clinic.doctor_id,
        "earliest": "2026-11-25T00:00:00Z",
        "latest": "2026-11-26T00:00:00Z",
        **more,
    }
    return await clinic.service.call("POST", "/waitlist", token=clinic.staff(), json=body)


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
    clinic.service.clock.advance(minutes=-16)


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


async def test_who_leaves_with_an_offer_has_none_any_more(clinic: Clinic) -> None:
    booked = await clinic.book()
    entry = await _wait_for_any(clinic, "meena")
    await _free(clinic, booked["id"])
    assert (await _entry(clinic, "meena"))["offer"] is not None
    left = await clinic.service.call("POST", f"/waitlist/{entry['id']}/leave", token=clinic.staff())
    assert (left.body["status"], left.body["offer"]) == ("LEFT", None)


async def test_who_has_another_appointment_then_is_passed_over(clinic: Clinic) -> None:
    colleague = await clinic.colleague()
    booked = await clinic.book()
    await _wait_for_any(clinic, "meena", priority=5)
    await _wait_for_any(clinic, "ravi")
    await clinic.book(await colleague.free_slot(), "meena")
    await _free(clinic, booked["id"])
    assert (await _entry(clinic, "meena"))["status"] == "WAITING"
    assert (await _entry(clinic, "ravi"))["status"] == "OFFERED"


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
