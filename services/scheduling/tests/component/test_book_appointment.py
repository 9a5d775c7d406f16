"""Booking through the API, on real storage."""

import asyncio

from prometheus_client import REGISTRY

from libs.contracts.roles import DOCTOR
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
    everything = [e for e in await clinic.service.announced() if e.aggregate.id == booked["id"]]
    assert [e.type for e in everything] == ["APPOINTMENT_CONFIRMED", "AUDIT_ENTRY"]
    assert "fever" not in "".join(e.model_dump_json() for e in everything)


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
    counted = _booked_so_far()
    answers = await asyncio.gather(
        *(clinic.try_to_book(slot, patient="asha", key="same-key", token=token) for _ in range(100))
    )
    assert {answer.status for answer in answers} == {201}
    assert len({answer.body["id"] for answer in answers}) == 1
    assert _booked_so_far() == counted + 1


def _booked_so_far() -> float:
    return REGISTRY.get_sample_value("appointments_created_total", {"status": "CONFIRMED"}) or 0


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


async def test_a_doctors_list_goes_on_from_today_in_pages(clinic: Clinic) -> None:
    days = [slots[0]["slot_id"] for slots in [await clinic.slots(**{"from": f"2026-11-{n}"}) for n in (27, 25, 26)]]
    booked = [await clinic.book(slot) for slot in days]
    yesterdays = await clinic.book(await clinic.free_slot(3), "ravi")
    clinic.service.clock.advance(days=1)
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        query = {"doctor_id": clinic.doctor_id, "limit": 1, **({"cursor": cursor} if cursor else {})}
        page = (await clinic.service.call("GET", "/appointments", token=clinic.staff(), params=query)).body
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
    clinic.service.clock.advance(days=-1)
    assert seen == [booked[2]["id"], booked[0]["id"]]
    assert yesterdays["id"] not in seen


async def test_without_a_filter_the_list_is_todays(clinic: Clinic) -> None:
    today = await clinic.book()
    await clinic.book((await clinic.slots(**{"from": "2026-11-26"}))[0]["slot_id"])
    listed = await clinic.service.call("GET", "/appointments", token=clinic.staff())
    assert [item["id"] for item in listed.body["items"]] == [today["id"]]


async def test_a_doctor_asking_for_a_colleagues_list_sees_none_and_not_their_own(clinic: Clinic) -> None:
    colleague = await clinic.colleague()
    mine, theirs = await clinic.book(), await colleague.book(patient="ravi")

    async def listed(doctor_id: str) -> list[str]:
        params = {"doctor_id": doctor_id}
        answer = await clinic.service.call("GET", "/appointments", token=clinic.staff(DOCTOR), params=params)
        return [item["id"] for item in answer.body["items"]]

    assert await listed(clinic.doctor_id) == [mine["id"]]
    assert await listed(colleague.doctor_id) == []
    desk = await clinic.service.call(
        "GET", "/appointments", token=clinic.staff(), params={"doctor_id": colleague.doctor_id}
    )
    assert [item["id"] for item in desk.body["items"]] == [theirs["id"]]


async def test_nobody_is_at_two_doctors_at_once(clinic: Clinic) -> None:
    colleague = await clinic.colleague(slot_minutes=40)
    slots = [await clinic.free_slot(1), await colleague.free_slot(0)]  # 10:15 to 10:30, and 10:00 to 10:40
    answers = await asyncio.gather(*(clinic.try_to_book(slot, "asha") for slot in slots))
    assert sorted(answer.status for answer in answers) == [201, 409]
    assert {answer.code for answer in answers} == {"", "patient_busy"}
    [booked] = [answer.body for answer in answers if answer.status == 201]
    await clinic.move(booked["id"], "cancel")
    for slot in slots:
        again = await clinic.try_to_book(slot, "asha")
        assert again.status == (201 if slot == slots[0] else 409)


async def test_an_appointment_does_not_move_onto_another_of_the_patients(clinic: Clinic) -> None:
    colleague = await clinic.colleague()
    await clinic.book(await clinic.free_slot(0))
    movable = await colleague.book(await colleague.free_slot(1))
    refused = await clinic.move(movable["id"], "reschedule", slot_id=await colleague.free_slot(0))
    assert refused.code == "patient_busy"
    assert (await clinic.move(movable["id"], "reschedule", slot_id=await colleague.free_slot(2))).status == 200


async def test_the_same_patient_again_on_a_slot_hears_that_it_is_taken(clinic: Clinic) -> None:
    slot = await clinic.free_slot()
    answers = await asyncio.gather(*(clinic.try_to_book(slot, f"p{n % 3}") for n in range(30)))
    answers.append(await clinic.try_to_book(slot, "p0"))
    assert {answer.code for answer in answers} == {"", "slot_taken"}


async def test_a_patient_takes_one_seat_of_a_slot(clinic: Clinic) -> None:
    await clinic.add_template(capacity=5, sessions=[{"start": "19:00", "end": "19:15"}])
    shared = next(s["slot_id"] for s in await clinic.slots(limit=100) if s["slot_id"].endswith("n"))
    await clinic.book(shared)
    assert (await clinic.try_to_book(shared)).code == "patient_busy"
    own = await clinic.free_slot()
    await clinic.book(own, "ravi")
    assert (await clinic.overbook(own, "ravi")).code == "patient_busy"
