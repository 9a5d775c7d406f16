"""A hold nobody confirmed in time gives its slot back, and a waitlist offer behind it goes to the next."""

from libs.common.command import Command
from libs.contracts.scheduling import SlotReleased
from services.scheduling.domain.appointment import Appointment, in_the_way
from services.scheduling.domain.slot import Slot
from services.scheduling.permissions import HOLD_EXPIRE
from services.scheduling.use_cases.ports import SchedulingTx
from services.scheduling.use_cases.seats import save_as_gone
from services.scheduling.use_cases.waitlist_offers import let_offer_pass


class ExpireHold(Command):
    appointment_id: str


async def expire_lapsed(slot: Slot, others: list[Appointment], tx: SchedulingTx) -> list[Appointment]:
    """For who wants the slot and does not wait for the job: holds in its way that have run out end now. Returns those
    of `others` that remain."""
    lapsed = [other for other in in_the_way(slot, others) if other.has_lapsed(tx.now)]
    gone = {hold.id for hold in lapsed}
    remaining = [other for other in others if other.id not in gone]
    for hold in lapsed:
        await _expire(hold, tx, among=remaining)
    return remaining


async def expire_hold(command: ExpireHold, tx: SchedulingTx) -> Appointment:
    appointment = await tx.appointments.get(command.appointment_id)
    await _expire(appointment, tx)
    await let_offer_pass(appointment, tx, HOLD_EXPIRE)
    return appointment


async def _expire(hold: Appointment, tx: SchedulingTx, among: list[Appointment] | None = None) -> None:
    hold.expire(tx.now)
    await save_as_gone(hold, tx, among)
    tx.publish(SlotReleased.of(hold, reason="hold_expired"))
    tx.audit(HOLD_EXPIRE, hold)
