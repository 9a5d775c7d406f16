"""Seats: who shares a slot. Somebody always sits in front, on seat 0, whose claims keep every other slot out."""

from collections.abc import Iterable

from services.scheduling.domain.appointment import Appointment
from services.scheduling.domain.slot import LONGEST_BUFFER, Slot
from services.scheduling.use_cases.ports import SchedulingTx


async def those_around(slot: Slot, tx: SchedulingTx) -> list[Appointment]:
    """Active appointments near the slot, of its doctor and in its room."""
    return await tx.appointments.active_between(
        slot.blocked_from - LONGEST_BUFFER,  # those whose buffers reach into this slot, too
        slot.blocked_until + LONGEST_BUFFER,
        doctor_id=slot.doctor_id,
        room_ids=[] if slot.room_id is None else [slot.room_id],
    )


def sit_behind(appointment: Appointment, others: Iterable[Appointment], tx: SchedulingTx) -> None:
    """For who takes a seat that is not the front one: it is taken only if who sits in front has not moved meanwhile,
    which their revision tells at the commit."""
    if appointment.seat == 0:
        return
    for other in others:
        if other.slot_id == appointment.slot_id and other.seat == 0:
            other.shared = True
            tx.appointments.save(other)


async def save_as_gone(left: Appointment, tx: SchedulingTx, among: Iterable[Appointment] | None = None) -> None:
    """Save who is in the slot no longer; `among` says who else is there, if that is known."""
    tx.appointments.save(left)
    await pass_on_seat(left, tx, among)


async def pass_on_seat(left: Appointment, tx: SchedulingTx, among: Iterable[Appointment] | None = None) -> None:
    """`left`'s seat is free: if it was the front one, the last of the others moves up."""
    if left.seat > 0 or not left.shared:
        return
    if among is None:
        among = await tx.appointments.active_between(left.start, left.end, doctor_id=left.doctor_id)
    mates = [
        other
        for other in among
        if other.slot_id == left.slot_id and other.id != left.id and not other.has_lapsed(tx.now)
    ]
    if mates:
        heir = max(mates, key=lambda mate: mate.seat)
        heir.move_to_front()
        tx.appointments.save(heir)
