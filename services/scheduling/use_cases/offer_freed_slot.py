"""A slot became free: offer it to whoever is first in line, and hold it for them while they decide."""

from datetime import timedelta

from libs.contracts.scheduling import SlotHeld, SlotReleased, WaitlistOffered
from services.scheduling.domain.appointment import Appointment, free_seat
from services.scheduling.domain.errors import SlotClosed, SlotUnknown
from services.scheduling.domain.slot import Slot
from services.scheduling.domain.waitlist_entry import WaitlistEntry
from services.scheduling.permissions import OFFER_MAKE
from services.scheduling.use_cases.ports import SchedulingTx


async def offer_freed_slot(event: SlotReleased, tx: SchedulingTx) -> None:
    """Handles `SLOT_RELEASED`. Does nothing when the slot has begun, is closed, or nobody waits for it."""
    slot = await _open_slot(event, tx)
    if slot is None or slot.start <= tx.now:
        return
    entry = await _first_in_line(slot, tx)
    if entry is None:
        return
    others = await tx.appointments.active_between(slot.blocked_from, slot.blocked_until, doctor_id=slot.doctor_id)
    seat = free_seat(slot, others)
    if seat is None:
        return
    policy = await tx.policies.of(tx.clinic_id)
    expires_at = min(tx.now + timedelta(minutes=policy.waitlist_offer_minutes), slot.start)
    held = Appointment.book(
        slot,
        patient_id=entry.patient_id,
        policy=policy,
        clinic_id=tx.clinic_id,
        by=tx.actor.id,
        now=tx.now,
        mode=entry.mode,
        hold=True,
        seat=seat,
        staff=True,
    )
    held.hold_expires_at = expires_at
    held.waitlist_entry_id = entry.id
    offer = entry.make_offer(slot, held.id, expires_at)
    tx.appointments.add(held)  # SlotTaken or PatientBusy when somebody is faster; the message's next try sees it
    tx.waitlist.save(entry)
    tx.publish(SlotHeld.of(held))
    tx.publish(WaitlistOffered.of(entry, offer_id=offer.id, start=slot.start, end=slot.end, expires_at=expires_at))
    tx.audit(OFFER_MAKE, entry)


async def _first_in_line(slot: Slot, tx: SchedulingTx) -> WaitlistEntry | None:
    """Who wants the slot, and has no other appointment at that time."""
    for entry in await tx.waitlist.waiting_for(slot):
        if entry.wants(slot) and not await tx.appointments.patient_is_busy(entry.patient_id, slot.start, slot.end):
            return entry
    return None


async def _open_slot(event: SlotReleased, tx: SchedulingTx) -> Slot | None:
    try:
        return await tx.calendars.slot(event.slot_id)
    except (SlotUnknown, SlotClosed):
        return None
