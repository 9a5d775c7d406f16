"""What is refused, left out or let through by who is there, by the clinic's rules, and by what is under way."""

import asyncio

from libs.common.security.caller import system_caller
from libs.common.testing.contracts import envelope_around
from libs.common.testing.waiting import eventually
from libs.contracts.auth import StaffChanged
from libs.contracts.roles import ADMIN, DOCTOR
from services.scheduling.consumers.subscriptions import SUBSCRIPTIONS
from services.scheduling.tests.builders import TODAY, Clinic
from services.scheduling.use_cases.ports import SchedulingTx


async def test_who_has_left_the_clinic_is_not_booked_any_more(clinic: Clinic) -> None:
    slot, other = await clinic.free_slot(), await (await clinic.colleague()).book(patient="ravi")
    left = {"user_id": clinic.doctor_id, "role": DOCTOR, "display_name": "Dr Rao", "active": False}
    await clinic.service.deliver(SUBSCRIPTIONS, envelope_around(StaffChanged, left, clinic.id))
    booked = await clinic.try_to_book(slot)
    moved = await clinic.move(other["id"], "reschedule", slot_id=slot)
    assert (booked.status, booked.code, moved.code) == (404, "slot_unknown", "slot_unknown")


async def test_two_at_once_do_not_exceed_the_days_quota_of_overbookings(clinic: Clinic) -> None:
    await _set_policy(clinic, overbook_quota_per_day=1)
    slots = [slot["slot_id"] for slot in (await clinic.slots())[:4]]
    for number, slot in enumerate(slots):
        await clinic.book(slot, f"p{number}")
    answers = await asyncio.gather(*(clinic.overbook(slot, f"o{number}") for number, slot in enumerate(slots)))
    assert sorted(answer.status for answer in answers) == [201, 409, 409, 409]
    assert {answer.code for answer in answers if answer.status == 409} == {"overbook_quota_reached"}


async def test_a_hold_that_moves_stays_a_hold_and_nobody_hears_of_an_appointment(clinic: Clinic) -> None:
    held = await clinic.book(hold=True)
    moved = await clinic.move(held["id"], "reschedule", slot_id=await clinic.free_slot(3))
    assert (moved.status, moved.body["status"]) == (200, "HELD")
    told = [e for e in await clinic.service.announced() if e.aggregate.id == held["id"] and e.type != "AUDIT_ENTRY"]
    assert [event.type for event in told] == ["SLOT_HELD", "SLOT_HELD", "SLOT_RELEASED"]
    assert [event.data["slot_id"] for event in told] == [held["slot_id"], moved.body["slot_id"], held["slot_id"]]


async def test_a_leave_lets_who_is_with_the_doctor_finish(clinic: Clinic) -> None:
    await clinic.add_template(capacity=3, sessions=[{"start": "18:00", "end": "18:15"}])
    shared = next(slot["slot_id"] for slot in await clinic.slots(limit=100) if slot["slot_id"].endswith("n"))
    front, inside, last = [await clinic.book(shared, name) for name in ("asha", "ravi", "meena")]
    await clinic.move(inside["id"], "check-in")
    assert (await clinic.move(inside["id"], "start", token=clinic.staff(DOCTOR))).status == 200
    day = {"start": f"{TODAY}T00:00:00Z", "end": "2026-11-26T00:00:00Z", "doctor_id": clinic.doctor_id}
    assert (await clinic.take_leave(**day, conflicts="cancel")).status == 201
    listed = await clinic.service.call("GET", "/appointments", token=clinic.staff(DOCTOR))
    status = {item["id"]: item["status"] for item in listed.body["items"]}
    assert [status[one["id"]] for one in (front, inside, last)] == ["CANCELLED", "IN_CONSULTATION", "CANCELLED"]
    stored = await clinic.service.runtime.db["appointments"].find_one({"_id": inside["id"]})
    assert stored is not None
    assert stored["seat"] == 0  # in front, so that no other slot comes between


async def test_slots_are_shown_to_whom_they_can_be_booked_by(clinic: Clinic) -> None:
    await _set_policy(clinic, minimum_notice_minutes=90, horizon_days=1)  # it is 09:00; the first slot is at 10:00
    params = {"doctor_id": clinic.doctor_id, "limit": 100}

    async def shown(token: str) -> list[str]:
        listed = await clinic.service.call("GET", "/slots", token=token, params=params)
        days = {slot["start"][:10] for slot in listed.body["items"]}
        assert days == {TODAY}  # tomorrow's first is beyond the horizon
        return [slot["slot_id"] for slot in listed.body["items"]]

    desks, patients = await shown(clinic.staff()), await shown(clinic.account("lakshmi"))
    assert patients == desks[2:]
    refused = await clinic.try_to_book(desks[1], "lakshmi", token=clinic.account("lakshmi"))
    assert refused.code == "notice_too_short"
    await clinic.book(patients[0], "lakshmi", token=clinic.account("lakshmi"))
    await clinic.book(desks[0], "ravi")


async def _set_policy(clinic: Clinic, **rules: object) -> None:
    changed = await clinic.service.call("PATCH", "/booking-policies", token=clinic.staff(ADMIN), json=rules)
    assert changed.status == 200, changed.body


async def _any_hold_lapsed(_: None, tx: SchedulingTx) -> bool:
    return await tx.appointments.any_hold_lapsed()


async def test_a_hold_that_ran_out_is_in_nobodys_way_while_the_worker_is_away(clinic: Clinic) -> None:
    await clinic.add_template(capacity=2, sessions=[{"start": "18:00", "end": "18:15"}])
    slots = [slot["slot_id"] for slot in await clinic.slots(limit=100)]
    shared = next(slot for slot in slots if slot.endswith("n"))
    wanted = [slots[4], slots[5], shared, shared]
    held = [await clinic.book(slot, f"h{number}", hold=True) for number, slot in enumerate(wanted)]
    clinic.service.clock.advance(minutes=11)
    transact, caller = clinic.service.runtime.transact, system_caller("scheduling", None)
    # For a second a process may believe that there is none.
    await eventually(lambda: transact.read(_any_hold_lapsed, None, by=caller))
    shown = {slot["slot_id"]: slot["status"] for slot in await clinic.slots(limit=100)}
    assert {shown[slot] for slot in wanted} == {"FREE"}
    movable = await clinic.book(slots[8], "meena")
    assert (await clinic.move(movable["id"], "reschedule", slot_id=wanted[0])).status == 200
    for number, slot in enumerate(wanted[1:]):
        await clinic.book(slot, f"b{number}")
    assert (await clinic.try_to_book(shared, "john")).code == "slot_taken"
    for hold in held:
        told = [e for e in await clinic.service.announced() if e.aggregate.id == hold["id"]]
        assert [e.type for e in told if e.type != "AUDIT_ENTRY"] == ["SLOT_HELD", "SLOT_RELEASED"]
        assert (await clinic.move(hold["id"], "confirm")).code == "hold_expired"
