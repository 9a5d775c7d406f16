"""An appointment and its life: every state move is a method here, and nothing else changes a state."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from libs.common.aggregate import Aggregate
from libs.common.ids import new_id
from services.scheduling.domain.booking_policy import BookingPolicy, ConfirmationMode
from services.scheduling.domain.errors import (
    BeyondHorizon,
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


class Appointment(Aggregate):
    """A patient's claim on a doctor's time. While `active`, its `claims` exclude every overlapping one, and its
    `patient_claims` every other appointment of the patient's at that time.

    `seat` is the place within the slot's capacity; an overbooked appointment sits behind the last seat.
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
    capacity: int = 1
    overbooked: bool = False
    hold_expires_at: datetime | None = None
    booked_by: str
    arrived_at: datetime | None = None
    consultation_started_at: datetime | None = None
    token_number: int | None = None
    cancel_reason: str | None = None
    waitlist_entry_id: str | None = None

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
        seat: int = 0,
        overbooked: bool = False,
        staff: bool = False,
    ) -> "Appointment":
        """A new appointment, CONFIRMED or HELD as asked for or as the clinic's policy says.

        Staff may book inside the notice period; nobody books the past or beyond the horizon.
        """
        notice = timedelta(0) if staff else timedelta(minutes=policy.minimum_notice_minutes)
        if slot.end <= now:
            raise TooLate("The slot lies in the past: choose a later one")
        if slot.start < now + notice:
            raise NoticeTooShort
        if slot.start > now + timedelta(days=policy.horizon_days):
            raise BeyondHorizon(f"Bookings open {policy.horizon_days} days ahead")
        chosen = mode or (Mode.IN_PERSON if Mode.IN_PERSON in slot.modes else Mode.TELE)
        if chosen not in slot.modes:
            raise ModeNotOffered(f"This slot offers: {', '.join(sorted(slot.modes))}")
        held = hold or policy.confirmation is ConfirmationMode.HELD
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
            booked_by=by,
        )

    def confirm(self, now: datetime) -> None:
        """A hold becomes a booking, if it has not run out."""
        if self.status is AppointmentStatus.EXPIRED:
            raise HoldExpired
        self._only_in(HELD)
        if self.hold_expires_at is not None and now >= self.hold_expires_at:
            raise HoldExpired
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
        self._only_in(HELD, CONFIRMED, *((ARRIVED,) if staff else ()))
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

    def check_in(self, now: datetime, policy: BookingPolicy, token_number: int) -> None:
        """The patient is here and gets a number in the doctor's queue."""
        self._only_in(CONFIRMED)
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


def free_seat(slot: Slot, others: Iterable[Appointment], *, extra: int = 0) -> int | None:
    """The lowest seat of the slot that no active appointment overlapping it sits on; None when it is full.

    `extra` seats stand behind the regular ones, for overbooking.
    """
    wanted = {claim.rsplit(":", 1)[0] for claim in slot.claims(0)}
    taken = {other.seat for other in others if any(claim.rsplit(":", 1)[0] in wanted for claim in other.claims)}
    return next((seat for seat in range(slot.capacity + extra) if seat not in taken), None)
