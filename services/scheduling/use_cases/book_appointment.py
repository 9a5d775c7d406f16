"""Book a slot for a patient."""

from libs.common.command import Command
from libs.common.mongo.transact import holds
from libs.contracts.scheduling import AppointmentConfirmed, SlotHeld
from services.scheduling.domain.appointment import Appointment, AppointmentStatus, free_seat
from services.scheduling.domain.booking_policy import BookingPolicy
from services.scheduling.domain.errors import OverbookQuotaReached, SlotTaken, SlotUnknown
from services.scheduling.domain.slot import Mode, Slot, seats_are_shared
from services.scheduling.permissions import APPOINTMENT_BOOK, APPOINTMENT_OVERBOOK
from services.scheduling.use_cases.clinic_day import clinic_date, day_bounds
from services.scheduling.use_cases.expire_hold import expire_lapsed
from services.scheduling.use_cases.ports import SchedulingTx
from services.scheduling.use_cases.reach import ensure_own_calendar
from services.scheduling.use_cases.seats import sit_behind, those_around


class BookAppointment(Command):
    """`hold` keeps the slot for the clinic's hold time instead of confirming; `overbook` adds a seat to a full slot,
    and books a free one as ever."""

    slot_id: str
    patient_id: str
    reason: str | None = None
    mode: Mode | None = None
    hold: bool = False
    overbook: bool = False


def slot_lock(command: BookAppointment) -> list[str]:
    """One booking at a time for a slot with one seat; where seats are shared, the index decides alone."""
    return [] if seats_are_shared(command.slot_id) or command.overbook else [f"slot:{command.slot_id}"]


@holds(slot_lock, taken=SlotTaken)
async def book_appointment(command: BookAppointment, tx: SchedulingTx) -> Appointment:
    policy = await tx.policies.of(tx.clinic_id)
    slot = await tx.calendars.slot(command.slot_id)
    ensure_own_calendar(tx.actor, slot.doctor_id, SlotUnknown)
    one_seat = slot.capacity == 1 and not command.overbook
    simply_tried = one_seat and not await tx.appointments.any_hold_lapsed()  # the index refuses the second
    others = [] if simply_tried else await expire_lapsed(slot, await those_around(slot, tx), tx)
    seat = await _seat(tx, slot, policy, others, overbook=command.overbook)
    appointment = Appointment.book(
        slot,
        patient_id=command.patient_id,
        policy=policy,
        clinic_id=tx.clinic_id,
        by=tx.actor.id,
        now=tx.now,
        mode=command.mode,
        reason=command.reason,
        hold=command.hold,
        needs_deposit=await needs_deposit(tx, command.patient_id, policy),
        seat=seat,
        overbooked=seat >= slot.capacity,
        staff=tx.actor.kind == "staff",
    )
    tx.appointments.add(appointment)  # SlotTaken at the commit, when any of its claims is active
    sit_behind(appointment, others, tx)
    announce_booking(tx, appointment)
    _put_on_record(tx, appointment)
    return appointment


def _put_on_record(tx: SchedulingTx, appointment: Appointment) -> None:
    """An overbooking is justified on the record; why a patient comes is not the record's business."""
    if appointment.overbooked:
        tx.audit(APPOINTMENT_OVERBOOK, appointment, reason=appointment.reason)
    else:
        tx.audit(APPOINTMENT_BOOK, appointment)


def announce_booking(tx: SchedulingTx, appointment: Appointment) -> None:
    """Tell the others that a slot is held or booked."""
    if appointment.status is AppointmentStatus.HELD:
        tx.publish(SlotHeld.of(appointment))
    else:
        tx.publish(AppointmentConfirmed.of(appointment))


async def _seat(
    tx: SchedulingTx, slot: Slot, policy: BookingPolicy, others: list[Appointment], *, overbook: bool
) -> int:
    if not others:
        return 0
    seat = free_seat(slot, others)
    if seat is None and overbook:
        await _ensure_quota(tx, slot, policy)
        seat = free_seat(slot, others, extra=policy.overbook_quota_per_day)
    if seat is None:
        raise SlotTaken
    return seat


async def _ensure_quota(tx: SchedulingTx, slot: Slot, policy: BookingPolicy) -> None:
    """Whoever squeezes somebody into a day also saves its token queue: of two at once, one finds it moved and counts
    again."""
    queue = await tx.queues.of(tx.clinic_id, slot.doctor_id, clinic_date(slot.start, policy.zone))
    start, end = day_bounds(slot.start, policy.zone)
    if await tx.appointments.overbooked_on(slot.doctor_id, start, end) >= policy.overbook_quota_per_day:
        raise OverbookQuotaReached
    tx.queues.keep(queue)


async def needs_deposit(tx: SchedulingTx, patient_id: str, policy: BookingPolicy) -> bool:
    if policy.deposit_after_no_shows is None:
        return False
    return (await tx.attendances.of(tx.clinic_id, patient_id)).needs_deposit(policy)
