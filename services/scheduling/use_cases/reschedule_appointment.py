"""Move an appointment to another slot; who loses the race for the new slot keeps the old one."""

from libs.common.command import Command
from libs.common.mongo.transact import holds
from libs.contracts.scheduling import AppointmentRescheduled, SlotHeld, SlotReleased
from services.scheduling.domain.appointment import Appointment, AppointmentStatus, free_seat
from services.scheduling.domain.errors import SlotTaken, SlotUnknown
from services.scheduling.domain.slot import seats_are_shared
from services.scheduling.permissions import APPOINTMENT_RESCHEDULE
from services.scheduling.use_cases.expire_hold import expire_lapsed
from services.scheduling.use_cases.ports import SchedulingTx
from services.scheduling.use_cases.reach import ensure_own_calendar
from services.scheduling.use_cases.seats import pass_on_seat, sit_behind, those_around


class RescheduleAppointment(Command):
    appointment_id: str
    slot_id: str


def _slot_lock(command: RescheduleAppointment) -> list[str]:
    return [] if seats_are_shared(command.slot_id) else [f"slot:{command.slot_id}"]


@holds(_slot_lock, taken=SlotTaken)
async def reschedule_appointment(command: RescheduleAppointment, tx: SchedulingTx) -> Appointment:
    slot = await tx.calendars.slot(command.slot_id)
    ensure_own_calendar(tx.actor, slot.doctor_id, SlotUnknown)
    looks = slot.capacity > 1 or await tx.appointments.any_hold_lapsed()
    around = await those_around(slot, tx) if looks else []
    appointment = await tx.appointments.get(command.appointment_id)
    if slot.clinic_id != appointment.clinic_id:  # an account may have patients in several
        raise SlotUnknown
    previous = appointment.model_copy()
    others = await expire_lapsed(slot, [other for other in around if other.id != appointment.id], tx)
    seat = free_seat(slot, others)
    if seat is None:
        raise SlotTaken
    policy = await tx.policies.of(appointment.clinic_id)
    appointment.reschedule(slot, tx.now, policy, staff=tx.actor.kind == "staff", seat=seat)
    tx.appointments.save(appointment)
    sit_behind(appointment, others, tx)
    if appointment.slot_id != previous.slot_id:
        await pass_on_seat(previous, tx)
    if appointment.status is AppointmentStatus.HELD:
        tx.publish(SlotHeld.of(appointment))
    else:
        tx.publish(AppointmentRescheduled.of(appointment, previous_start=previous.start, previous_end=previous.end))
    tx.publish(SlotReleased.of(previous, reason="rescheduled"))
    tx.audit(APPOINTMENT_RESCHEDULE, appointment)
    return appointment
