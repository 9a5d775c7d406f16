"""An appointment and its life: every state move is a method here, and nothing else changes a state."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from libs.common.aggregate import Aggregate
from libs.common.ids import new_id
from services.scheduling.domain.booking_policy import BookingPolicy, ConfirmationMode
from services.scheduling.domain.errors import (
    BeyondHorizon,
    DepositRequired,
    HoldExpired,
    ModeNotOffered,
    NoticeTooShort,
    StateForbids,
    TooEarly,
    TooLate,
)
from services.scheduling.domain.slot import Mode, Slot


class AppointmentStatus(StrEnum):
    HELD = "HELD"
    CONFIRMED = "CONFIRMED"
    ARRIVED = "ARRIVED"
    IN_CONSULTATION = "IN_CONSULTATION"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    NO_SHOW = "NO_SHOW"
    EXPIRED = "EXPIRED"


HELD, CONFIRMED, ARRIVED, IN_CONSULTATION = (
    AppointmentStatus.HELD,
    AppointmentStatus.CONFIRMED,
    AppointmentStatus.ARRIVED,
    AppointmentStatus.IN_CONSULTATION,
)
_CANCELLED_BY_STAFF = (HELD, CONFIRMED, ARRIVED)


class Appointment(Aggregate):
    """A patient's claim on a doctor's time. While `active`, its `claims` exclude every overlapping one, and its
    `patient_claims` every other appointment of the patient's at that time.

    `seat` is the place within the slot's capacity; an overbooked appointment sits behind the last seat. As long as
    anybody is in a slot, somebody sits on seat 0: that is what keeps other slots out. `shared` says there that others
    sit, or sat, behind.
    `needs_deposit` is what the clinic's policy asked of the patient at the booking.
    """

    slot_id: str
    doctor_id: str
    patient_id: str
    start: datetime
    end: datetime
    room_id: str | None = None
    mode: Mode = Mode.IN_PERSON
    reason: str | None = None
    status: AppointmentStatus
    active: bool = True
    claims: list[str]
    patient_claims: list[str]
    seat: int = 0
    shared: bool = False
    capacity: int = 1
    overbooked: bool = False
    hold_expires_at: datetime | None = None
    needs_deposit: bool = False
    booked_by: str
    arrived_at: datetime | None = None
    consultation_started_at: datetime | None = None
    token_number: int | None = None
    cancel_reason: str | None = None
    waitlist_entry_id: str | None = None

    @property
    def can_be_cancelled(self) -> bool:
        """By staff: until the patient is with the doctor."""
        return self.status in _CANCELLED_BY_STAFF

    @property
    def subject_id(self) -> str:
        return self.patient_id

    @classmethod
    def book(
        cls,
        slot: Slot,
        *,
        patient_id: str,
        policy: BookingPolicy,
        clinic_id: str,
        by: str,
        now: datetime,
        mode: Mode | None = None,
        reason: str | None = None,
        hold: bool = False,
        needs_deposit: bool = False,
        seat: int = 0,
        overbooked: bool = False,
        staff: bool = False,
    ) -> "Appointment":
        """A new appointment, CONFIRMED or HELD as asked for or as the clinic's policy says.

        Staff may book inside the notice period, and confirm at once where a deposit is needed; nobody books the past
        or beyond the horizon.
        """
        earliest, latest = policy.bookable(now, staff=staff)
        if slot.end <= now:
            raise TooLate("The slot lies in the past: choose a later one")
        if slot.start < earliest:
            raise NoticeTooShort
        if slot.start > latest:
            raise BeyondHorizon(f"Bookings open {policy.horizon_days} days ahead")
        chosen = mode or (Mode.IN_PERSON if Mode.IN_PERSON in slot.modes else Mode.TELE)
        if chosen not in slot.modes:
            raise ModeNotOffered(f"This slot offers: {', '.join(sorted(slot.modes))}")
        held = hold or policy.confirmation is ConfirmationMode.HELD or (needs_deposit and not staff)
        return cls(
            id=new_id("apt"),
            clinic_id=clinic_id,
            slot_id=slot.id,
            doctor_id=slot.doctor_id,
            patient_id=patient_id,
            start=slot.start,
            end=slot.end,
            room_id=slot.room_id,
            mode=chosen,
            reason=reason,
            status=HELD if held else CONFIRMED,
            claims=slot.claims(seat),
            patient_claims=slot.patient_claims(patient_id),
            seat=seat,
            capacity=slot.capacity,
            overbooked=overbooked,
            hold_expires_at=now + timedelta(minutes=policy.hold_minutes) if held else None,
            needs_deposit=needs_deposit,
            booked_by=by,
        )

    def confirm(self, now: datetime, *, staff: bool) -> None:
        """A hold becomes a booking, if it has not run out. Where a deposit is needed, staff confirm that it is paid."""
        if self.status is AppointmentStatus.EXPIRED:
            raise HoldExpired
        self._only_in(HELD)
        if self.hold_expires_at is not None and now >= self.hold_expires_at:
            raise HoldExpired
        if now >= self.end:
            raise TooLate("The time that was held is over: book a later one")
        if self.needs_deposit and not staff:
            raise DepositRequired
        self.status = CONFIRMED
        self.hold_expires_at = None

    def expire(self, now: datetime) -> None:
        """A hold nobody confirmed gives its time back."""
        self._only_in(HELD)
        if self.hold_expires_at is None or now < self.hold_expires_at:
            raise TooEarly("The hold has not run out yet")
        self._close(AppointmentStatus.EXPIRED)

    def cancel(self, now: datetime, policy: BookingPolicy, *, staff: bool, reason: str | None = None) -> bool:
        """Call it off. Returns whether it was late; patients cannot cancel late, staff can."""
        self._only_in(*_CANCELLED_BY_STAFF if staff else (HELD, CONFIRMED))
        late = now > self.start - timedelta(minutes=policy.cancel_cutoff_minutes)
        if late and not staff and self.status is not HELD:
            raise TooLate(f"Patients can cancel until {policy.cancel_cutoff_minutes} minutes before: call the clinic")
        self.cancel_reason = reason
        self._close(AppointmentStatus.CANCELLED)
        return late

    def reschedule(
        self, slot: Slot, now: datetime, policy: BookingPolicy, *, staff: bool, seat: int = 0, overbooked: bool = False
    ) -> None:
        """Move to another slot. The claims are replaced in one write: whoever loses the new slot keeps the old."""
        self._only_in(CONFIRMED, HELD)
        if self.status is HELD and self.waitlist_entry_id is not None:
            raise StateForbids("The slot is offered from the waitlist: accept the offer before you move")
        if not staff and now > self.start - timedelta(minutes=policy.cancel_cutoff_minutes):
            raise TooLate("Too close to the appointment to move it: call the clinic")
        moved = Appointment.book(
            slot,
            patient_id=self.patient_id,
            policy=policy,
            clinic_id=self.clinic_id,
            by=self.booked_by,
            now=now,
            mode=self.mode if self.mode in slot.modes else None,
            seat=seat,
            overbooked=overbooked,
            staff=staff,
        )
        self.shared = self.shared and slot.id == self.slot_id
        for changed in (
            "slot_id",
            "doctor_id",
            "start",
            "end",
            "room_id",
            "mode",
            "claims",
            "patient_claims",
            "seat",
            "capacity",
            "overbooked",
        ):
            setattr(self, changed, getattr(moved, changed))

    def check_in(self, now: datetime, policy: BookingPolicy, token_number: int, *, staff: bool) -> None:
        """The patient is here and gets a number in the doctor's queue of that day. Staff check in as early as the
        policy lets, patients themselves on the day, and nobody once it is over."""
        self._only_in(CONFIRMED)
        today, day = (moment.astimezone(ZoneInfo(policy.zone)).date() for moment in (now, self.start))
        if today > day:
            raise TooLate(f"Check-in ended with the day of the appointment, {day:%d %B %Y}: book another")
        if today < day and not staff:
            raise TooEarly(f"Check-in opens on the day of the appointment, {day:%d %B %Y}")
        opens = policy.check_in_opens_minutes
        if opens is not None and now < self.start - timedelta(minutes=opens):
            raise TooEarly(f"Check-in opens {opens} minutes before the appointment")
        self.status = ARRIVED
        self.arrived_at = now
        self.token_number = token_number

    def start_consultation(self, now: datetime) -> None:
        self._only_in(ARRIVED)
        self.status = IN_CONSULTATION
        self.consultation_started_at = now

    def complete(self) -> None:
        self._only_in(IN_CONSULTATION)
        self._close(AppointmentStatus.COMPLETED)

    def mark_no_show(self, now: datetime, policy: BookingPolicy) -> None:
        """The patient did not come, grace included."""
        self._only_in(CONFIRMED)
        if now < self.start + timedelta(minutes=policy.no_show_grace_minutes):
            raise TooEarly(f"A no-show is decided {policy.no_show_grace_minutes} minutes after the start")
        self._close(AppointmentStatus.NO_SHOW)

    def has_lapsed(self, now: datetime) -> bool:
        """Whether this is a hold that ran out. One that stands behind an offer is the next one's in line."""
        ran_out = self.hold_expires_at is not None and self.hold_expires_at <= now
        return ran_out and self.status is HELD and self.waitlist_entry_id is None

    def move_to_front(self) -> None:
        """Who sat on the slot's first seat is gone."""
        self.seat, self.shared = 0, True
        self.claims = [f"{_place(claim)}:0" for claim in self.claims]

    def _close(self, status: AppointmentStatus) -> None:
        self.status = status
        self.active = False
        self.hold_expires_at = None

    def _only_in(self, *allowed: AppointmentStatus) -> None:
        if self.status not in allowed:
            raise StateForbids(
                f"The appointment is {self.status}; this needs {' or '.join(allowed)}",
                extra={"current_status": self.status},
            )


def in_the_way(slot: Slot, others: Iterable[Appointment]) -> list[Appointment]:
    """Those that take some of the slot's time of its doctor or its room."""
    wanted = {_place(claim) for claim in slot.claims(0)}
    return [other for other in others if any(_place(claim) in wanted for claim in other.claims)]


def free_seat(slot: Slot, others: Iterable[Appointment], *, extra: int = 0) -> int | None:
    """The lowest seat of the slot that nobody sits on; None when it is full, or another slot has its doctor or room.

    `extra` seats stand behind the regular ones, for overbooking.
    """
    overlapping = in_the_way(slot, others)
    if any(other.slot_id != slot.id for other in overlapping):
        return None
    taken = {other.seat for other in overlapping}
    return next((seat for seat in range(slot.capacity + extra) if seat not in taken), None)


def _place(claim: str) -> str:
    """What is claimed, without the seat: the doctor or the room, and the cell."""
    return claim.rsplit(":", 1)[0]
