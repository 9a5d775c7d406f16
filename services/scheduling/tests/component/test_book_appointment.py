"""Booking through the API, on real storage."""

import asyncio

from services.scheduling.tests.builders import Clinic


async def test_a_free_slot_is_booked_and_announced(clinic: Clinic) -> None:
    slot = await clinic.free_slot()
    booked = await clinic.book(slot, reason="fever since Monday")
    assert booked["status"] == "CONFIRMED"
    assert booked["slot_id"] == slot
    assert booked["hold_expires_at"] is None
    [event] = [e for e in await clinic.service.announced("APPOINTMENT_CONFIRMED") if e.aggregate.id == booked["id"]]
    assert event.clinic_id == clinic.id
    assert event.aggregate.seq == 1
    assert "fever" not in event.model_dump_json()


async def test_second_booking_of_a_slot_is_refused(clinic: Clinic) -> None:
    slot = await clinic.free_slot()
    await clinic.book(slot, patient="asha")
    refused = await clinic.try_to_book(slot, patient="ravi")
    assert (refused.status, refused.code) == (409, "slot_taken")


async def test_of_fifty_at_once_one_gets_the_slot(clinic: Clinic) -> None:
    slot = await clinic.free_slot()
    answers = await asyncio.gather(*(clinic.try_to_book(slot, patient=f"p{n}") for n in range(50)))
    assert sorted(answer.status for answer in answers) == [201] + [409] * 49
    assert {answer.code for answer in answers if answer.status == 409} == {"slot_taken"}


async def test_one_key_a_hundred_times_is_one_appointment(clinic: Clinic) -> None:
    slot = await clinic.free_slot()
    token = clinic.staff()
    answers = await asyncio.gather(
        *(clinic.try_to_book(slot, patient="asha", key="same-key", token=token) for _ in range(100))
    )
    assert {answer.status for answer in answers} == {201}
    assert len({answer.body["id"] for answer in answers}) == 1


async def test_a_family_sees_all_or_one_of_its_own_and_nobody_elses(clinic: Clinic) -> None:
    for child in ("kavya", "rohan"):
        clinic.patients.add(clinic.patient(child), clinic.id, "acc_mother", f"acc_{child}")
    mine = [await clinic.book(patient=child) for child in ("kavya", "rohan")]
    await clinic.book(patient="stranger")
    mother = clinic.service.mint.account("acc_mother")

    async def listed(**query: str) -> set[str]:
        answer = await clinic.service.call("GET", "/appointments", token=mother, params=query)
        return {item["id"] for item in answer.body["items"]}

    assert await listed() == {one["id"] for one in mine}
    assert await listed(patient_id=clinic.patient("rohan")) == {mine[1]["id"]}
    assert await listed(patient_id=clinic.patient("stranger")) == set()
