"""What becomes of a waitlist offer when the hold behind it ends, and of the hold when the offer does."""

from libs.common.security.permissions import Permission
from libs.contracts.scheduling import SlotReleased, WaitlistAccepted, WaitlistExpired
from services.scheduling.domain.appointment import Appointment
from services.scheduling.domain.waitlist_entry import Offer, WaitlistEntry
from services.scheduling.permissions import WAITLIST_ANSWER
from services.scheduling.use_cases.ports import SchedulingTx
from services.scheduling.use_cases.seats import save_as_gone


async def accept_offer_behind(appointment: Appointment, tx: SchedulingTx) -> None:
    """The hold was confirmed: the person has what they waited for."""
    entry = await tx.waitlist.offered(appointment)
    if entry is not None and entry.offer is not None:
        take_offer(entry, entry.offer.id, tx)


def take_offer(entry: WaitlistEntry, offer_id: str, tx: SchedulingTx) -> Offer:
    """The person wants what they were offered; the hold behind it is the caller's to confirm."""
    offer = entry.accept(offer_id, tx.now)
    tx.waitlist.save(entry)
    tx.publish(WaitlistAccepted.of(entry, offer_id=offer.id, appointment_id=offer.appointment_id))
    tx.audit(WAITLIST_ANSWER, entry)
    return offer


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
    await save_as_gone(held, tx)
    tx.publish(WaitlistExpired.of(entry, offer_id=offer.id))
    tx.publish(SlotReleased.of(held, reason="offer_declined"))
    tx.audit(action, held)
