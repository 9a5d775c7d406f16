"""What becomes of a waitlist offer when the hold behind it ends, and of the hold when the offer does."""

from libs.common.security.permissions import Permission
from libs.contracts.scheduling import SlotReleased, WaitlistAccepted, WaitlistExpired
from services.scheduling.domain.appointment import Appointment
from services.scheduling.domain.waitlist_entry import Offer, WaitlistEntry
from services.scheduling.permissions import WAITLIST_ANSWER
from services.scheduling.use_cases.ports import SchedulingTx
from services.scheduling.use_cases.seats import pass_on_seat


async def accept_offer_behind(appointment: Appointment, tx: SchedulingTx) -> None:
    """The hold was confirmed: the person has what they waited for."""
    entry = await tx.waitlist.offered(appointment)
    if entry is not None and entry.offer is not None:
        offer = entry.accept(entry.offer.id, tx.now)
        tx.waitlist.save(entry)
        tx.publish(WaitlistAccepted.of(entry, offer_id=offer.id, appointment_id=appointment.id))
        tx.audit(WAITLIST_ANSWER, entry)


async def let_offer_pass(appointment: Appointment, tx: SchedulingTx, action: Permission) -> None:
    """The hold ran out or was given back by `action`: the person keeps their place, for other slots."""
    entry = await tx.waitlist.offered(appointment)
    if entry is not None:
        offer = entry.let_pass()
        tx.waitlist.save(entry)
        tx.publish(WaitlistExpired.of(entry, offer_id=offer.id))
        tx.audit(action, entry)


async def give_back(entry: WaitlistEntry, offer: Offer, tx: SchedulingTx, action: Permission) -> None:
    """The person does not want what they were offered: the slot goes to the next in line."""
    held = await tx.appointments.get(offer.appointment_id)
    held.cancel(tx.now, await tx.policies.of(held.clinic_id), staff=True, reason="offer declined")
    tx.appointments.save(held)
    await pass_on_seat(held, tx)
    tx.publish(WaitlistExpired.of(entry, offer_id=offer.id))
    tx.publish(SlotReleased.of(held, reason="offer_declined"))
    tx.audit(action, held)
