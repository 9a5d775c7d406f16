"""A patient has arrived: give the next number in the doctor's queue of that day."""

from libs.common.command import Command
from libs.contracts.scheduling import AppointmentCheckedIn
from services.scheduling.domain.appointment import Appointment
from services.scheduling.permissions import APPOINTMENT_CHECK_IN
from services.scheduling.use_cases.clinic_day import clinic_date
from services.scheduling.use_cases.ports import SchedulingTx


class CheckIn(Command):
    appointment_id: str


async def check_in(command: CheckIn, tx: SchedulingTx) -> Appointment:
    appointment = await tx.appointments.get(command.appointment_id)
    policy = await tx.policies.of(appointment.clinic_id)
    queue = await tx.queues.of(
        appointment.clinic_id, appointment.doctor_id, clinic_date(appointment.start, policy.zone)
    )
    appointment.check_in(tx.now, policy, queue.next_number(), staff=tx.actor.kind == "staff")
    tx.appointments.save(appointment)
    tx.queues.keep(queue)
    tx.publish(AppointmentCheckedIn.of(appointment))
    tx.audit(APPOINTMENT_CHECK_IN, appointment)
    return appointment
