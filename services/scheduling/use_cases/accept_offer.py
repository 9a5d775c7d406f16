"""Take a waitlist offer: the slot that was held becomes the appointment."""

from libs.common.command import Command
from libs.contracts.scheduling import AppointmentConfirmed
from services.scheduling.domain.appointment import Appointment
from services.scheduling.permissions import WAITLIST_ANSWER
from services.scheduling.use_cases.ports import SchedulingTx
from services.scheduling.use_cases.waitlist_offers import take_offer


class AcceptOffer(Command):
    offer_id: str


async def accept_offer(command: AcceptOffer, tx: SchedulingTx) -> Appointment:
    entry = await tx.waitlist.with_offer(command.offer_id)
    offer = take_offer(entry, command.offer_id, tx)
    appointment = await tx.appointments.get(offer.appointment_id)
    appointment.confirm(tx.now, staff=tx.actor.kind == "staff")
    tx.appointments.save(appointment)
    tx.publish(AppointmentConfirmed.of(appointment))
    tx.audit(WAITLIST_ANSWER, appointment)
    return appointment
