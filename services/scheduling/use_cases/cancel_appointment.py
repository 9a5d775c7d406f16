"""Call an appointment off and give its time back."""

from libs.common.command import Command
from libs.contracts.scheduling import AppointmentCancelled, SlotReleased
from services.scheduling.domain.appointment import Appointment
from services.scheduling.permissions import APPOINTMENT_CANCEL
from services.scheduling.use_cases.ports import SchedulingTx
from services.scheduling.use_cases.seats import save_as_gone
from services.scheduling.use_cases.waitlist_offers import let_offer_pass


class CancelAppointment(Command):
    appointment_id: str
    reason: str | None = None


async def cancel_appointment(command: CancelAppointment, tx: SchedulingTx) -> Appointment:
    appointment = await tx.appointments.get(command.appointment_id)
    late = appointment.cancel(
        tx.now, await tx.policies.of(appointment.clinic_id), staff=tx.actor.kind == "staff", reason=command.reason
    )
    await save_as_gone(appointment, tx)
    await let_offer_pass(appointment, tx, APPOINTMENT_CANCEL)
    tx.publish(AppointmentCancelled.of(appointment, cancelled_by=tx.actor.role, late=late))
    tx.publish(SlotReleased.of(appointment, reason="cancelled"))
    tx.audit(APPOINTMENT_CANCEL, appointment)  # why is the patient's affair, and masked
    return appointment
