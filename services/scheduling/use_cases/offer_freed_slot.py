"""A slot became free: offer it to whoever is first in line, and hold it for them while they decide."""

from datetime import timedelta

from libs.contracts.scheduling import SlotHeld, SlotReleased, WaitlistOffered
from services.scheduling.domain.appointment import Appointment, free_seat
from services.scheduling.domain.booking_policy import BookingPolicy
from services.scheduling.domain.errors import BeyondHorizon, NoticeTooShort, SlotClosed, SlotUnknown, TooLate
from services.scheduling.domain.slot import Slot
from services.scheduling.domain.waitlist_entry import WaitlistEntry
from services.scheduling.permissions import OFFER_MAKE
from services.scheduling.use_cases.book_appointment import needs_deposit
from services.scheduling.use_cases.ports import SchedulingTx
from services.scheduling.use_cases.seats import sit_behind, those_around


async def offer_freed_slot(event: SlotReleased, tx: SchedulingTx) -> None:
    """Handles `SLOT_RELEASED`. Does nothing when the slot cannot be had now (begun, closed, too far ahead, taken, the
    doctor or the room away), or nobody waits for it: to hear of it again would not change that."""
    slot = await _open_slot(event, tx)
    entry = None if slot is None else await _first_in_line(slot, tx)
    if slot is None or entry is None:
        return
    policy = await tx.policies.of(tx.clinic_id)
    expires_at = min(tx.now + timedelta(minutes=policy.waitlist_offer_minutes), slot.start)
    others = await those_around(slot, tx)
    held = await _held_for(entry, slot, policy, others, tx)
    if held is None:
        return
    held.hold_expires_at = expires_at
    offer = entry.make_offer(slot, held.id, expires_at)
    tx.appointments.add(held)  # SlotTaken or PatientBusy when somebody is faster; the message's next try sees it
    sit_behind(held, others, tx)
    tx.waitlist.save(entry)
    tx.publish(SlotHeld.of(held))
    tx.publish(WaitlistOffered.of(entry, offer_id=offer.id, start=slot.start, end=slot.end, expires_at=expires_at))
    tx.audit(OFFER_MAKE, entry)
    tx.audit(OFFER_MAKE, held)


async def _open_slot(event: SlotReleased, tx: SchedulingTx) -> Slot | None:
    try:
        slot = await tx.calendars.slot(event.slot_id)
    except (SlotUnknown, SlotClosed):
        return None
    return slot if slot.start > tx.now and await tx.people.doctor_is_active(slot.doctor_id) else None


async def _first_in_line(slot: Slot, tx: SchedulingTx) -> WaitlistEntry | None:
    """Who wants the slot, is still a patient here, and has no other appointment at that time."""
    for entry in await tx.waitlist.waiting_for(slot):
        if (
            entry.wants(slot)
            and await tx.people.patient_is_active(entry.patient_id)
            and not await tx.appointments.patient_is_busy(entry.patient_id, slot.start, slot.end)
        ):
            return entry
    return None


async def _held_for(
    entry: WaitlistEntry, slot: Slot, policy: BookingPolicy, others: list[Appointment], tx: SchedulingTx
) -> Appointment | None:
    """The slot, held for who waits; None when it is taken, or not open for booking now."""
    seat = free_seat(slot, others)
    if seat is None:
        return None
    try:
        held = Appointment.book(
            slot,
            patient_id=entry.patient_id,
            policy=policy,
            clinic_id=tx.clinic_id,
            by=tx.actor.id,
            now=tx.now,
            mode=entry.mode,
            hold=True,
            needs_deposit=await needs_deposit(tx, entry.patient_id, policy),
            seat=seat,
            staff=True,
        )
    except (TooLate, NoticeTooShort, BeyondHorizon):
        return None
    held.waitlist_entry_id = entry.id
    return held
