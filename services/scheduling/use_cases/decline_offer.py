"""Let a waitlist offer go: its slot is offered to the next in line."""

from libs.common.command import Command
from libs.contracts.scheduling import SlotReleased
from services.scheduling.domain.errors import OfferUnknown
from services.scheduling.domain.waitlist_entry import WaitlistEntry
from services.scheduling.permissions import WAITLIST_ANSWER
from services.scheduling.use_cases.ports import SchedulingTx
from services.scheduling.use_cases.waitlist_offers import put_back_in_line


class DeclineOffer(Command):
    offer_id: str


async def decline_offer(command: DeclineOffer, tx: SchedulingTx) -> WaitlistEntry:
    entry = await tx.waitlist.with_offer(command.offer_id)
    if entry.offer is None:
        raise OfferUnknown
    held = await tx.appointments.get(entry.offer.appointment_id)
    held.cancel(tx.now, await tx.policies.of(held.clinic_id), staff=True, reason="offer declined")
    tx.appointments.save(held)
    put_back_in_line(entry, tx)
    tx.publish(SlotReleased.of(held, reason="offer_declined"))
    tx.audit(WAITLIST_ANSWER, entry)
    return entry
