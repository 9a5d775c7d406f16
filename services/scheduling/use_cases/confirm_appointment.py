"""Confirm a held slot, before the hold runs out; with that, take the waitlist offer that it was held for."""

from libs.common.command import Command
from libs.contracts.scheduling import AppointmentConfirmed
from services.scheduling.domain.appointment import Appointment
from services.scheduling.permissions import APPOINTMENT_CONFIRM
from services.scheduling.use_cases.ports import SchedulingTx
from services.scheduling.use_cases.waitlist_offers import accept_offer_behind


class ConfirmAppointment(Command):
    appointment_id: str


async def confirm_appointment(command: ConfirmAppointment, tx: SchedulingTx) -> Appointment:
    appointment = await tx.appointments.get(command.appointment_id)
    appointment.confirm(tx.now, staff=tx.actor.kind == "staff")
    tx.appointments.save(appointment)
    await accept_offer_behind(appointment, tx)
    tx.publish(AppointmentConfirmed.of(appointment))
    tx.audit(APPOINTMENT_CONFIRM, appointment)
    return appointment
