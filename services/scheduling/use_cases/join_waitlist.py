"""Put a patient on the waitlist for a doctor, and take one off it."""

from datetime import datetime

from libs.common.command import Command
from libs.common.errors import FieldError, Unprocessable
from libs.common.ids import new_id
from services.scheduling.domain.errors import AlreadyWaiting, DoctorUnknown
from services.scheduling.domain.slot import Mode
from services.scheduling.domain.waitlist_entry import WaitlistEntry
from services.scheduling.permissions import WAITLIST_JOIN
from services.scheduling.use_cases.ports import SchedulingTx
from services.scheduling.use_cases.reach import ensure_own_calendar
from services.scheduling.use_cases.waitlist_offers import give_back


class JoinWaitlist(Command):
    """Any slot of the doctor's that starts in [earliest, latest). `priority` is staff's to give: a patient's is
    ignored."""

    patient_id: str
    doctor_id: str
    earliest: datetime
    latest: datetime
    mode: Mode | None = None
    priority: int = 0


async def join_waitlist(command: JoinWaitlist, tx: SchedulingTx) -> WaitlistEntry:
    ensure_own_calendar(tx.actor, command.doctor_id, DoctorUnknown)
    if command.latest <= tx.now:
        raise Unprocessable(errors=[FieldError(pointer="/latest", detail="must be after now")])
    for other in await tx.waitlist.open_entries(command.patient_id, command.doctor_id):
        if other.earliest < command.latest and command.earliest < other.latest:
            raise AlreadyWaiting(extra={"entry_id": other.id})
    entry = WaitlistEntry(id=new_id("wle"), clinic_id=tx.clinic_id, **command.model_dump(exclude={"priority"}))
    entry.priority = command.priority if tx.actor.kind == "staff" else 0
    tx.waitlist.add(entry)
    tx.audit(WAITLIST_JOIN, entry)
    return entry


class LeaveWaitlist(Command):
    entry_id: str


async def leave_waitlist(command: LeaveWaitlist, tx: SchedulingTx) -> WaitlistEntry:
    entry = await tx.waitlist.get(command.entry_id)
    offer = entry.leave()
    tx.waitlist.save(entry)
    if offer is not None:
        await give_back(entry, offer, tx, WAITLIST_JOIN)
    tx.audit(WAITLIST_JOIN, entry)
    return entry
