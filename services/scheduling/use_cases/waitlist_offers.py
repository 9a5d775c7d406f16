"""What becomes of a waitlist offer when the hold behind it ends."""

from libs.contracts.scheduling import WaitlistAccepted, WaitlistExpired
from services.scheduling.domain.appointment import Appointment
from services.scheduling.domain.waitlist_entry import WaitlistEntry, WaitlistStatus
from services.scheduling.use_cases.ports import SchedulingTx


async def accept_offer_behind(appointment: Appointment, tx: SchedulingTx) -> None:
    """The hold was confirmed: the person has what they waited for."""
    entry = await _offered(appointment, tx)
    if entry is not None and entry.offer is not None:
        offer = entry.accept(entry.offer.id, tx.now)
        tx.waitlist.save(entry)
        tx.publish(WaitlistAccepted.of(entry, offer_id=offer.id, appointment_id=appointment.id))


async def let_offer_pass(appointment: Appointment, tx: SchedulingTx) -> None:
    """The hold ran out or was given back: the person keeps their place, for other slots."""
    entry = await _offered(appointment, tx)
    if entry is not None:
        put_back_in_line(entry, tx)


def put_back_in_line(entry: WaitlistEntry, tx: SchedulingTx) -> None:
    offer = entry.let_pass()
    tx.waitlist.save(entry)
    tx.publish(WaitlistExpired.of(entry, offer_id=offer.id))


async def _offered(appointment: Appointment, tx: SchedulingTx) -> WaitlistEntry | None:
    if appointment.waitlist_entry_id is None:
        return None
    entry = await tx.waitlist.get(appointment.waitlist_entry_id)
    return entry if entry.status is WaitlistStatus.OFFERED else None
