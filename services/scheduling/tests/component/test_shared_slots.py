"""Slots with several seats, and with one more than they have: others in the slot are welcome, other slots are not."""

import asyncio
from typing import Any

import pytest

from libs.contracts.roles import ADMIN, DOCTOR
from services.scheduling.consumers.subscriptions import SUBSCRIPTIONS
from services.scheduling.jobs.expire_holds import expire_due_holds
from services.scheduling.tests.builders import TODAY, Clinic

_EVENING: dict[str, Any] = {"sessions": [{"start": "19:00", "end": "19:30"}], "slot_minutes": 30}


async def _group(clinic: Clinic, **template: Any) -> str:
    """A slot of three seats at 19:00; its id."""
    assert (await clinic.add_template(**{**_EVENING, "capacity": 3, **template})).status == 201
    return next(slot for slot in await _evening(clinic) if slot.endswith("n"))


async def _evening(clinic: Clinic) -> dict[str, str]:
    """The slots from 19:00 on and what is shown for each."""
    slots = await clinic.slots(**{"from": f"{TODAY}T19:00:00+05:30", "to": TODAY})
    return {slot["slot_id"]: slot["status"] for slot in slots}


async def _one_seat_instead(clinic: Clinic) -> str:
    """The hours of the group are retired, and others for one patient at a time take their place; the slot's id."""
    [group] = [t["id"] for t in await _templates(clinic) if t["capacity"] == 3]
    assert (
        await clinic.service.call("POST", f"/slot-templates/{group}/retire", token=clinic.staff(ADMIN))
    ).status == 200
    assert (await clinic.add_template(**_EVENING)).status == 201
    [slot] = await _evening(clinic)
    return slot


async def _templates(clinic: Clinic) -> list[dict[str, Any]]:
    params = {"doctor_id": clinic.doctor_id}
    listed = await clinic.service.call("GET", "/slot-templates", token=clinic.staff(), params=params)
    return list(listed.body["items"])


@pytest.mark.parametrize("leaves", ["cancel", "reschedule"])
async def test_who_remains_of_a_group_keeps_other_slots_out(clinic: Clinic, leaves: str) -> None:
    group = await _group(clinic)
    first, *others = [await clinic.book(group, name) for name in ("asha", "ravi", "meena")]
    more = {"slot_id": await clinic.free_slot()} if leaves == "reschedule" else {}
    assert (await clinic.move(first["id"], leaves, **more)).status == 200
    single = await _one_seat_instead(clinic)
    for other in others:
        assert (await _evening(clinic))[single] == "BOOKED"
        assert (await clinic.try_to_book(single, "john")).code == "slot_taken"
        assert (await clinic.overbook(single, "john")).code == "slot_taken"
        elsewhere = await clinic.book(patient="john")
        assert (await clinic.move(elsewhere["id"], "reschedule", slot_id=single)).code == "slot_taken"
        await clinic.move(elsewhere["id"], "cancel")
        await clinic.move(other["id"], "cancel")
    assert (await _evening(clinic))[single] == "FREE"
    await clinic.book(single, "john")


@pytest.mark.parametrize("end", ["cancel", "no-show", "complete", "expiry", "decline"])
async def test_however_the_front_seat_empties_the_last_one_moves_up(clinic: Clinic, end: str) -> None:
    group = await _group(clinic)
    front = await clinic.book(group, hold=end == "expiry")
    if end == "decline":
        offer = await _offered_instead(clinic, front["id"])
    behind = [await clinic.book(group, name) for name in ("ravi", "meena")]
    assert await _seats(clinic, *behind) == [1, 2]
    if end == "decline":
        path = f"/waitlist/offers/{offer}/decline"
        assert (await clinic.service.call("POST", path, token=clinic.staff())).status == 200
    elif end == "expiry":
        clinic.service.clock.advance(minutes=11)
        await expire_due_holds(clinic.service.runtime)
    else:
        if end == "no-show":
            clinic.service.clock.advance(hours=10, minutes=20)
        if end == "complete":
            await clinic.move(front["id"], "check-in")
            await clinic.move(front["id"], "start", token=clinic.staff(DOCTOR))
        assert (await clinic.move(front["id"], end, token=clinic.staff(DOCTOR))).status == 200
    assert await _seats(clinic, *behind) == [1, 0]


async def _seats(clinic: Clinic, *appointments: dict[str, Any]) -> list[int]:
    stored = clinic.service.runtime.db["appointments"]
    found = {row["_id"]: row["seat"] async for row in stored.find({"clinic_id": clinic.id})}
    return [found[appointment["id"]] for appointment in appointments]


async def _offered_instead(clinic: Clinic, front: str) -> str:
    """The front one cancels, and the seat is offered to somebody who waits; the offer's id."""
    waiting = {"patient_id": clinic.patient("padma"), "doctor_id": clinic.doctor_id}
    window = {"earliest": f"{TODAY}T00:00:00Z", "latest": "2026-11-26T00:00:00Z"}
    entry = await clinic.service.call("POST", "/waitlist", token=clinic.staff(), json=waiting | window)
    await clinic.move(front, "cancel")
    released = [e for e in await clinic.service.announced("SLOT_RELEASED") if e.aggregate.id == front]
    await clinic.service.deliver(SUBSCRIPTIONS, *released)
    stored = await clinic.service.runtime.db["waitlist_entries"].find_one({"_id": entry.body["id"]})
    assert stored is not None
    return str(stored["offer"]["id"])


async def test_a_seat_that_was_given_back_can_be_had_again(clinic: Clinic) -> None:
    group = await _group(clinic)
    booked = [await clinic.book(group, name) for name in ("asha", "ravi", "meena")]
    for gone, name in zip(booked, ("p0", "p1", "p2"), strict=True):
        assert (await _evening(clinic))[group] == "BOOKED"
        await clinic.move(gone["id"], "cancel")
        assert (await _evening(clinic))[group] == "FREE"
        await clinic.book(group, name)
    assert (await clinic.try_to_book(group, "john")).code == "slot_taken"


async def test_who_was_squeezed_in_has_the_slot_when_the_other_cancels(clinic: Clinic) -> None:
    slot = await clinic.free_slot()
    booked = await clinic.book(slot)
    squeezed_in = await clinic.overbook(slot, "ravi")
    await clinic.move(booked["id"], "cancel")
    assert (await clinic.try_to_book(slot, "meena")).code == "slot_taken"
    await clinic.move(squeezed_in.body["id"], "cancel")
    await clinic.book(slot, "meena")


async def test_nobody_is_squeezed_in_across_another_slot(clinic: Clinic) -> None:
    await clinic.add_template(slot_minutes=30, sessions=[{"start": "10:00", "end": "10:30"}], allow_overlap=True)
    by_end = {slot["end"]: slot["slot_id"] for slot in reversed(await clinic.slots())}  # the earliest that ends then
    short, long = by_end[f"{TODAY}T04:45:00Z"], by_end[f"{TODAY}T05:00:00Z"]
    await clinic.book(short)
    assert (await clinic.overbook(long, "ravi")).code == "slot_taken"


async def test_two_groups_are_not_in_one_hall(clinic: Clinic) -> None:
    mine = await _group(clinic, room_id="hall")
    colleague = await clinic.colleague()
    theirs = await _group(colleague, room_id="hall")
    answers = await asyncio.gather(*(clinic.try_to_book((mine, theirs)[n % 2], f"p{n}") for n in range(6)))
    assert len({answer.body["slot_id"] for answer in answers if answer.status == 201}) == 1
    assert {answer.code for answer in answers if answer.status == 409} == {"slot_taken"}
    shown = [(await _evening(clinic))[mine], (await _evening(colleague))[theirs]]
    assert sorted(shown) == ["BOOKED", "BOOKED"]


@pytest.mark.parametrize("_time", range(6))
async def test_no_other_slot_slips_in_while_a_group_changes(clinic: Clinic, _time: int) -> None:
    group = await _group(clinic)
    await clinic.add_template(**_EVENING, allow_overlap=True)
    single = next(slot for slot in await _evening(clinic) if slot != group)
    front = await clinic.book(group, "asha")
    await asyncio.gather(
        clinic.move(front["id"], "cancel"),
        *(clinic.try_to_book(group, f"g{n}") for n in range(2)),
        *(clinic.try_to_book(single, f"s{n}") for n in range(2)),
        clinic.overbook(single, "o0"),
    )
    listed = await clinic.service.call("GET", "/appointments", token=clinic.staff(DOCTOR), params={"limit": 100})
    active = [one for one in listed.body["items"] if one["status"] == "CONFIRMED"]
    assert len({one["slot_id"] for one in active}) == 1
