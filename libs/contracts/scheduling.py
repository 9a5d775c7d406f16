"""Events of Scheduling."""

from datetime import datetime

from libs.common.messaging.events import Event


class AppointmentEvent(Event):
    """What every event about an appointment says."""

    publisher = "scheduling"
    aggregate_type = "appointment"
    appointment_id: str
    patient_id: str
    doctor_id: str
    start: datetime
    end: datetime


class SlotHeld(AppointmentEvent):
    """A slot is kept for a patient until `hold_expires_at`, waiting for its confirmation."""

    type = "SLOT_HELD"
    slot_id: str
    hold_expires_at: datetime


class SlotReleased(AppointmentEvent):
    """A held or booked slot is free again."""

    type = "SLOT_RELEASED"
    slot_id: str
    reason: str


class AppointmentConfirmed(AppointmentEvent):
    """The appointment stands."""

    type = "APPOINTMENT_CONFIRMED"
    mode: str


class AppointmentRescheduled(AppointmentEvent):
    """The appointment moved; `start` and `end` are the new times."""

    type = "APPOINTMENT_RESCHEDULED"
    previous_start: datetime
    previous_end: datetime


class AppointmentCancelled(AppointmentEvent):
    """The appointment is called off."""

    type = "APPOINTMENT_CANCELLED"
    cancelled_by: str
    late: bool = False


class AppointmentCheckedIn(AppointmentEvent):
    """The patient has arrived and has a place in the queue."""

    type = "APPOINTMENT_CHECKED_IN"
    token_number: int
    arrived_at: datetime


class AppointmentNoShow(AppointmentEvent):
    """The patient did not come."""

    type = "APPOINTMENT_NO_SHOW"
    strikes: int


class AppointmentCompleted(AppointmentEvent):
    """The consultation is over."""

    type = "APPOINTMENT_COMPLETED"


class WaitlistEvent(Event):
    """What every event about a waitlist entry says."""

    publisher = "scheduling"
    aggregate_type = "waitlist_entry"
    waitlist_entry_id: str
    patient_id: str
    doctor_id: str


class WaitlistOffered(WaitlistEvent):
    """A freed slot is offered to the person whose turn it is, until `expires_at`."""

    type = "WAITLIST_OFFERED"
    offer_id: str
    start: datetime
    end: datetime
    expires_at: datetime


class WaitlistAccepted(WaitlistEvent):
    """The offer was taken; the appointment is booked."""

    type = "WAITLIST_ACCEPTED"
    offer_id: str
    appointment_id: str


class WaitlistExpired(WaitlistEvent):
    """The offer ran out; it goes to the next in line."""

    type = "WAITLIST_EXPIRED"
    offer_id: str


EVENTS: tuple[type[Event], ...] = (
    SlotHeld,
    SlotReleased,
    AppointmentConfirmed,
    AppointmentRescheduled,
    AppointmentCancelled,
    AppointmentCheckedIn,
    AppointmentNoShow,
    AppointmentCompleted,
    WaitlistOffered,
    WaitlistAccepted,
    WaitlistExpired,
)
