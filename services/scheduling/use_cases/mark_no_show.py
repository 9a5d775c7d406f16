"""The patient did not come: note it, count the strike, free the rest of the time."""

from libs.common.command import Command
from libs.contracts.scheduling import AppointmentNoShow, SlotReleased
from services.scheduling.domain.appointment import Appointment
from services.scheduling.permissions import APPOINTMENT_NO_SHOW
from services.scheduling.use_cases.ports import SchedulingTx
from services.scheduling.use_cases.seats import save_as_gone


class MarkNoShow(Command):
    appointment_id: str


async def mark_no_show(command: MarkNoShow, tx: SchedulingTx) -> Appointment:
    appointment = await tx.appointments.get(command.appointment_id)
    appointment.mark_no_show(tx.now, await tx.policies.of(appointment.clinic_id))
    attendance = await tx.attendances.of(appointment.clinic_id, appointment.patient_id)
    strikes = attendance.strike()
    await save_as_gone(appointment, tx)
    tx.attendances.keep(attendance)
    tx.publish(AppointmentNoShow.of(appointment, strikes=strikes))
    tx.publish(SlotReleased.of(appointment, reason="no_show"))
    tx.audit(APPOINTMENT_NO_SHOW, appointment)
    return appointment
