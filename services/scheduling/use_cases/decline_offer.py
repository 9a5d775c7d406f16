"""Let a waitlist offer go: its slot is offered to the next in line."""

from libs.common.command import Command
from services.scheduling.domain.waitlist_entry import WaitlistEntry
from services.scheduling.permissions import WAITLIST_ANSWER
from services.scheduling.use_cases.ports import SchedulingTx
from services.scheduling.use_cases.waitlist_offers import give_back


class DeclineOffer(Command):
    offer_id: str


async def decline_offer(command: DeclineOffer, tx: SchedulingTx) -> WaitlistEntry:
    entry = await tx.waitlist.with_offer(command.offer_id)
    offer = entry.let_pass()
    tx.waitlist.save(entry)
    await give_back(entry, offer, tx, WAITLIST_ANSWER)
    tx.audit(WAITLIST_ANSWER, entry)
    return entry
