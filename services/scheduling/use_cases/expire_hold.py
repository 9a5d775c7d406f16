"""A hold nobody confirmed in time gives its slot back, and a waitlist offer behind it goes to the next."""

from libs.common.command import Command
from libs.contracts.scheduling import SlotReleased
from services.scheduling.domain.appointment import Appointment
from services.scheduling.permissions import HOLD_EXPIRE
from services.scheduling.use_cases.ports import SchedulingTx
from services.scheduling.use_cases.waitlist_offers import let_offer_pass


class ExpireHold(Command):
    appointment_id: str


async def expire_hold(command: ExpireHold, tx: SchedulingTx) -> Appointment:
    appointment = await tx.appointments.get(command.appointment_id)
    appointment.expire(tx.now)
    tx.appointments.save(appointment)
    await let_offer_pass(appointment, tx)
    tx.publish(SlotReleased.of(appointment, reason="hold_expired"))
    tx.audit(HOLD_EXPIRE, appointment)
    return appointment
