"""The patient goes in to the doctor, and comes out again."""

from libs.common.command import Command
from libs.contracts.scheduling import AppointmentCompleted
from services.scheduling.domain.appointment import Appointment
from services.scheduling.permissions import CONSULTATION_MOVE
from services.scheduling.use_cases.ports import SchedulingTx
from services.scheduling.use_cases.seats import save_as_gone


class StartConsultation(Command):
    appointment_id: str


class CompleteConsultation(Command):
    appointment_id: str


async def start_consultation(command: StartConsultation, tx: SchedulingTx) -> Appointment:
    appointment = await tx.appointments.get(command.appointment_id)
    appointment.start_consultation(tx.now)
    tx.appointments.save(appointment)
    tx.audit(CONSULTATION_MOVE, appointment)
    return appointment


async def complete_consultation(command: CompleteConsultation, tx: SchedulingTx) -> Appointment:
    appointment = await tx.appointments.get(command.appointment_id)
    appointment.complete()
    await save_as_gone(appointment, tx)
    tx.publish(AppointmentCompleted.of(appointment))
    tx.audit(CONSULTATION_MOVE, appointment)
    return appointment
