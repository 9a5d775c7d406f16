"""The public shapes of scheduling. They are a contract: the domain may change behind them."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from libs.common.web.body import Body
from services.scheduling.api.fields import Day, DoctorId, Moment, PatientId, RoomId, SlotId, Text, TimeOfDay
from services.scheduling.domain.appointment import Appointment, AppointmentStatus
from services.scheduling.domain.booking_policy import ConfirmationMode
from services.scheduling.domain.slot import Mode, SlotStatus
from services.scheduling.domain.slot_template import MOST_BUFFER_MINUTES, MOST_SLOT_MINUTES, SlotTemplate
from services.scheduling.domain.waitlist_entry import WaitlistEntry, WaitlistStatus
from services.scheduling.use_cases.ports import TeleProvider
from services.scheduling.use_cases.queries import OfferedSlot, Queue


class AppointmentRequest(Body):
    """`hold` keeps the slot for the clinic's hold time; confirm it, or it is given back."""

    slot_id: SlotId
    patient_id: PatientId
    reason: Text | None = None
    mode: Mode | None = None
    hold: bool = False


class OverbookRequest(Body):
    """A seat more than the slot has, when all of its own are taken; the reason goes on record."""

    slot_id: SlotId
    patient_id: PatientId
    reason: Annotated[Text, Field(min_length=3)]
    mode: Mode | None = None


class RescheduleRequest(Body):
    slot_id: SlotId


class CancelRequest(Body):
    reason: Text | None = None


class AppointmentView(BaseModel):
    """An appointment as clients see it. Times are UTC."""

    id: str
    status: AppointmentStatus
    slot_id: str
    doctor_id: str
    patient_id: str
    start: datetime
    end: datetime
    mode: Mode
    reason: str | None
    room_id: str | None
    hold_expires_at: datetime | None
    token_number: int | None
    arrived_at: datetime | None
    overbooked: bool
    cancel_reason: str | None
    tele_link: str | None = None

    @classmethod
    def of(cls, appointment: Appointment, tele: TeleProvider) -> "AppointmentView":
        tele_link = tele.link(appointment.id) if appointment.mode is Mode.TELE else None
        values = {name: getattr(appointment, name) for name in cls.model_fields if name != "tele_link"}
        return cls.model_construct(**values, tele_link=tele_link)


class SlotView(BaseModel):
    slot_id: str
    doctor_id: str
    start: datetime
    end: datetime
    status: SlotStatus
    modes: list[Mode]
    room_id: str | None

    @classmethod
    def of(cls, offered: OfferedSlot) -> "SlotView":
        slot = offered.slot
        return cls.model_construct(
            slot_id=slot.id,
            doctor_id=slot.doctor_id,
            start=slot.start,
            end=slot.end,
            status=offered.status,
            modes=sorted(slot.modes),
            room_id=slot.room_id,
        )


class SessionView(BaseModel):
    """Consulting hours on each day of the recurrence, in the clinic's time: 09:00 to 13:00. An `end` of 00:00 is the
    end of the day."""

    start: TimeOfDay
    end: TimeOfDay


class SessionRequest(SessionView, Body):
    """Consulting hours on each day of the recurrence, in the clinic's time: 09:00 to 13:00. An `end` of 00:00 is the
    end of the day."""


class SlotTemplateRequest(Body):
    """When a doctor sees patients. Times of day are the clinic's; everything is a multiple of five minutes."""

    doctor_id: DoctorId
    rrule: Annotated[str, Field(max_length=200, examples=["FREQ=WEEKLY;BYDAY=MO,WE,FR"])] = "FREQ=DAILY"
    valid_from: Day
    valid_until: Day | None = None
    exdates: Annotated[list[Day], Field(max_length=400)] = []
    sessions: Annotated[list[SessionRequest], Field(min_length=1, max_length=6)]
    slot_minutes: Annotated[int, Field(ge=5, le=MOST_SLOT_MINUTES)] = 15
    buffer_before_minutes: Annotated[int, Field(ge=0, le=MOST_BUFFER_MINUTES)] = 0
    buffer_after_minutes: Annotated[int, Field(ge=0, le=MOST_BUFFER_MINUTES)] = 0
    capacity: Annotated[int, Field(ge=1, le=50)] = 1
    modes: Annotated[list[Mode], Field(min_length=1, max_length=2)] = [Mode.IN_PERSON]
    room_id: RoomId | None = None
    allow_overlap: Annotated[
        bool, Field(description="Open these hours though the doctor has others then: times are offered by both")
    ] = False


class ExceptionRequest(Body):
    day: Day


class SlotTemplateView(BaseModel):
    id: str
    doctor_id: str
    zone: str
    rrule: str
    valid_from: date
    valid_until: date | None
    exdates: list[date]
    sessions: list[SessionView]
    slot_minutes: int
    buffer_before_minutes: int
    buffer_after_minutes: int
    capacity: int
    modes: list[Mode]
    room_id: str | None
    active: bool

    @classmethod
    def of(cls, template: SlotTemplate) -> "SlotTemplateView":
        return cls.model_validate(template, from_attributes=True)


class LeaveRequest(Body):
    """Of a doctor, who need not name themselves; an administrator names one, or closes the whole clinic.

    `conflicts` decides about appointments in that time.
    """

    doctor_id: DoctorId | None = None
    whole_clinic: bool = False
    start: Moment
    end: Moment
    reason: Text | None = None
    conflicts: Literal["refuse", "keep", "cancel"] = "refuse"


class LeaveView(BaseModel):
    id: str
    doctor_id: str | None
    start: datetime
    end: datetime
    reason: str | None
    active: bool


class AffectedView(BaseModel):
    appointment_id: str
    patient_id: str
    doctor_id: str
    start: datetime
    end: datetime


class LeaveTakenView(LeaveView):
    """The leave, and the appointments that lay in its time."""

    affected: list[AffectedView]


class BookingPolicyPatch(Body):
    """Only what is given changes; null switches off `check_in_opens_minutes` and `deposit_after_no_shows`."""

    zone: Annotated[str, Field(max_length=64)] | None = None
    confirmation: ConfirmationMode | None = None
    hold_minutes: Annotated[int, Field(ge=1, le=1440)] | None = None
    minimum_notice_minutes: Annotated[int, Field(ge=0, le=20160)] | None = None
    horizon_days: Annotated[int, Field(ge=1, le=730)] | None = None
    cancel_cutoff_minutes: Annotated[int, Field(ge=0, le=20160)] | None = None
    no_show_grace_minutes: Annotated[int, Field(ge=0, le=240)] | None = None
    check_in_opens_minutes: Annotated[int, Field(ge=0, le=525600)] | None = None
    overbook_quota_per_day: Annotated[int, Field(ge=0, le=50)] | None = None
    waitlist_offer_minutes: Annotated[int, Field(ge=1, le=1440)] | None = None
    deposit_after_no_shows: Annotated[int, Field(ge=1, le=100)] | None = None


class BookingPolicyView(BaseModel):
    """A clinic's rules for booking; durations in minutes unless the name says otherwise."""

    zone: str
    confirmation: ConfirmationMode
    hold_minutes: int
    minimum_notice_minutes: int
    horizon_days: int
    cancel_cutoff_minutes: int
    no_show_grace_minutes: int
    check_in_opens_minutes: int | None
    overbook_quota_per_day: int
    waitlist_offer_minutes: int
    deposit_after_no_shows: int | None


class QueueEntryView(BaseModel):
    """One person in the waiting room, by number; patients see numbers, not each other."""

    token_number: int | None
    status: AppointmentStatus
    start: datetime
    appointment_id: str | None
    patient_id: str | None


class QueueView(BaseModel):
    doctor_id: str
    day: date
    waiting: list[QueueEntryView]
    in_consultation: list[QueueEntryView]

    @classmethod
    def of(cls, queue: Queue, *, by_number_only: bool) -> "QueueView":
        def entry(appointment: Appointment) -> QueueEntryView:
            return QueueEntryView(
                token_number=appointment.token_number,
                status=appointment.status,
                start=appointment.start,
                appointment_id=None if by_number_only else appointment.id,
                patient_id=None if by_number_only else appointment.patient_id,
            )

        return cls(
            doctor_id=queue.doctor_id,
            day=queue.day,
            waiting=[entry(a) for a in queue.waiting],
            in_consultation=[entry(a) for a in queue.in_consultation],
        )


class WaitlistRequest(Body):
    """Any slot of the doctor's that starts in [earliest, latest)."""

    patient_id: PatientId
    doctor_id: DoctorId
    earliest: Moment
    latest: Moment
    mode: Mode | None = None
    priority: Annotated[int, Field(ge=0, le=100, description="Counts only when staff give it; else it is 0")] = 0


class OfferView(BaseModel):
    id: str
    slot_id: str
    start: datetime
    end: datetime
    expires_at: datetime


class WaitlistEntryView(BaseModel):
    """`offer` is the one that stands or was taken; null once it was declined, ran out, or the patient left."""

    id: str
    status: WaitlistStatus
    patient_id: str
    doctor_id: str
    earliest: datetime
    latest: datetime
    mode: Mode | None
    priority: int
    offer: OfferView | None
    appointment_id: str | None

    @classmethod
    def of(cls, entry: WaitlistEntry) -> "WaitlistEntryView":
        return cls.model_validate({**entry.model_dump(), "offer": entry.standing_offer}, from_attributes=True)
