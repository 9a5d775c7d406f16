"""What can be asked of scheduling; nothing here changes anything."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from itertools import islice

from pydantic import BaseModel

from libs.common.command import Command
from libs.common.web.pagination import Cursor, Page
from services.scheduling.domain.appointment import Appointment, AppointmentStatus, free_seat
from services.scheduling.domain.booking_policy import BookingPolicy
from services.scheduling.domain.leave import Leave
from services.scheduling.domain.slot import LONGEST_BUFFER, Slot, SlotStatus
from services.scheduling.domain.slot_template import SlotTemplate
from services.scheduling.domain.waitlist_entry import WaitlistEntry
from services.scheduling.use_cases.clinic_day import clinic_date, day_bounds, day_window, search_window
from services.scheduling.use_cases.ports import SchedulingTx


class OfferedSlot(BaseModel):
    """A slot and whether it can still be had."""

    slot: Slot
    status: SlotStatus


class FindSlots(Command):
    """Slots that start in the window, see `search_window`, and that the asker may book by the policy's notice and
    horizon; `after` is the position of the last one of the page
    before."""

    doctor_id: str
    start: datetime | date | None = None
    end: datetime | date | None = None
    limit: int
    after: tuple[datetime, str] | None = None
    status: SlotStatus | None = None


async def find_slots(query: FindSlots, tx: SchedulingTx) -> list[OfferedSlot]:
    """Up to `limit` + 1 slots, so that the caller sees whether there are more."""
    policy = await tx.policies.of(tx.clinic_id)
    start, end = search_window(query.start, query.end, zone=policy.zone, now=tx.now)
    earliest, latest = policy.bookable(tx.now, staff=tx.actor.kind == "staff")
    start = max(start, earliest, query.after[0] if query.after is not None else start)
    end = min(end, latest + timedelta.resolution)
    calendar = await tx.calendars.of_doctor(query.doctor_id)
    slots = (s for s in calendar.slots(start, end) if query.after is None or (s.start, s.id) > query.after)
    found: list[OfferedSlot] = []
    while len(found) <= query.limit:
        batch = list(islice(slots, query.limit + 1))
        found += [o for o in await _with_status(batch, tx) if query.status is None or o.status is query.status]
        if len(batch) <= query.limit:
            break
    return found[: query.limit + 1]


async def _with_status(slots: list[Slot], tx: SchedulingTx) -> list[OfferedSlot]:
    if not slots:
        return []
    taken = await tx.appointments.active_between(
        slots[0].blocked_from - LONGEST_BUFFER,  # those whose buffers reach into these slots, too
        max(slot.blocked_until for slot in slots) + LONGEST_BUFFER,
        doctor_id=slots[0].doctor_id,
        room_ids=sorted({slot.room_id for slot in slots if slot.room_id is not None}),
    )
    by_claim: dict[str, list[Appointment]] = {}
    for appointment in (one for one in taken if not one.has_lapsed(tx.now)):
        for claim in appointment.claims:
            by_claim.setdefault(claim.rsplit(":", 1)[0], []).append(appointment)
    return [OfferedSlot(slot=slot, status=_status(slot, by_claim)) for slot in slots]


def _status(slot: Slot, by_claim: dict[str, list[Appointment]]) -> SlotStatus:
    others = [other for claim in slot.claims(0) for other in by_claim.get(claim.rsplit(":", 1)[0], [])]
    if free_seat(slot, others) is not None:
        return SlotStatus.FREE
    held = any(other.status is AppointmentStatus.HELD for other in others)
    return SlotStatus.HELD if held else SlotStatus.BOOKED


class GetAppointment(Command):
    appointment_id: str


async def get_appointment(query: GetAppointment, tx: SchedulingTx) -> Appointment:
    return await tx.appointments.get(query.appointment_id)


async def describe_appointment(query: GetAppointment, tx: SchedulingTx) -> tuple[Appointment, BookingPolicy]:
    appointment = await tx.appointments.get(query.appointment_id)
    return appointment, await tx.policies.of(appointment.clinic_id)


class ListAppointments(Command):
    """Of a doctor, of a patient, on a day, or any of these together. A doctor's alone: from today on. When nothing is
    given: today's of the clinic, all of an account's."""

    doctor_id: str | None = None
    patient_id: str | None = None
    day: date | None = None


async def list_appointments(query: tuple[ListAppointments, Cursor], tx: SchedulingTx) -> Page[Appointment]:
    wanted, cursor = query
    clinic_ids = tx.actor.clinic_ids()
    if not clinic_ids:
        return Page(items=[])
    policy = await tx.policies.of(clinic_ids[0])
    return await tx.appointments.listed(
        cursor,
        doctor_id=wanted.doctor_id,
        patient_id=wanted.patient_id,
        window=_days_asked_for(wanted, tx, policy.zone),
    )


def _days_asked_for(wanted: ListAppointments, tx: SchedulingTx, zone: str) -> tuple[datetime, datetime | None] | None:
    if wanted.day is not None:
        return day_window(wanted.day, zone)
    if wanted.patient_id is not None:
        return None
    start, end = day_bounds(tx.now, zone)
    if wanted.doctor_id is not None:
        return start, None
    return None if tx.actor.kind == "account" else (start, end)


class ShowQueue(Command):
    doctor_id: str
    day: date | None = None


class Queue(BaseModel):
    """The doctor's waiting room: who is inside, who waits, in the order of their numbers."""

    doctor_id: str
    day: date
    waiting: list[Appointment]
    in_consultation: list[Appointment]


async def show_queue(query: ShowQueue, tx: SchedulingTx) -> Queue:
    policy = await tx.policies.of(tx.clinic_id)
    day = query.day or clinic_date(tx.now, policy.zone)
    people = await tx.appointments.queue(query.doctor_id, *day_window(day, policy.zone))
    return Queue(
        doctor_id=query.doctor_id,
        day=day,
        waiting=_in_order(people, AppointmentStatus.ARRIVED),
        in_consultation=_in_order(people, AppointmentStatus.IN_CONSULTATION),
    )


def _in_order(people: Iterable[Appointment], status: AppointmentStatus) -> list[Appointment]:
    return sorted((a for a in people if a.status is status), key=lambda a: a.token_number or 0)


class ListTemplates(Command):
    doctor_id: str


async def list_templates(query: ListTemplates, tx: SchedulingTx) -> list[SlotTemplate]:
    return await tx.templates.of_doctor(query.doctor_id)


class ListLeaves(Command):
    """Leaves that touch the window, see `search_window`."""

    start: datetime | date | None = None
    end: datetime | date | None = None


async def list_leaves(query: ListLeaves, tx: SchedulingTx) -> list[Leave]:
    policy = await tx.policies.of(tx.clinic_id)
    return await tx.leaves.between(*search_window(query.start, query.end, zone=policy.zone, now=tx.now))


class ListWaitlist(Command):
    doctor_id: str | None = None
    patient_id: str | None = None


async def list_waitlist(query: tuple[ListWaitlist, Cursor], tx: SchedulingTx) -> Page[WaitlistEntry]:
    wanted, cursor = query
    return await tx.waitlist.listed(cursor, doctor_id=wanted.doctor_id, patient_id=wanted.patient_id)


class ShowPolicy(Command):
    pass


async def show_policy(_query: ShowPolicy, tx: SchedulingTx) -> BookingPolicy:
    return await tx.policies.of(tx.clinic_id)


class ExpiredHolds(Command):
    limit: int = 100


async def expired_holds(query: ExpiredHolds, tx: SchedulingTx) -> list[Appointment]:
    return await tx.appointments.expired_holds(query.limit)
