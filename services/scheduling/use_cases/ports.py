"""What use cases need from storage; `persistence` keeps these promises."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Protocol

from libs.common.mongo.tx import Tx
from libs.common.web.pagination import Cursor, Page
from services.scheduling.domain.appointment import Appointment
from services.scheduling.domain.attendance import Attendance
from services.scheduling.domain.booking_policy import BookingPolicy
from services.scheduling.domain.doctor_calendar import DoctorCalendar
from services.scheduling.domain.leave import Leave
from services.scheduling.domain.slot import Slot
from services.scheduling.domain.slot_template import SlotTemplate
from services.scheduling.domain.token_queue import TokenQueue
from services.scheduling.domain.waitlist_entry import WaitlistEntry


class Calendars(Protocol):
    async def slot(self, slot_id: str) -> Slot:
        """The bookable slot; raises `SlotUnknown` (also when the doctor has left) or `SlotClosed`."""
        ...

    async def of_doctor(self, doctor_id: str) -> DoctorCalendar:
        """From today on."""
        ...


class Templates(Protocol):
    async def get(self, aggregate_id: str, *, expected_revision: int | None = None) -> SlotTemplate: ...
    async def of_doctor(self, doctor_id: str) -> list[SlotTemplate]: ...
    async def in_force(self, doctor_id: str) -> list[SlotTemplate]:
        """Those not retired, as they are stored at this moment."""
        ...

    def add(self, aggregate: SlotTemplate) -> None: ...
    def save(self, aggregate: SlotTemplate) -> None: ...


class Leaves(Protocol):
    async def get(self, aggregate_id: str, *, expected_revision: int | None = None) -> Leave: ...
    async def between(self, start: datetime, end: datetime) -> list[Leave]: ...
    def add(self, aggregate: Leave) -> None: ...
    def save(self, aggregate: Leave) -> None: ...


class Policies(Protocol):
    async def of(self, clinic_id: str) -> BookingPolicy:
        """The policy in force, to go by; the defaults (revision 0) when the clinic has set none."""
        ...

    async def to_change(self, clinic_id: str) -> BookingPolicy:
        """The same, as it is stored at this moment."""
        ...

    def add(self, aggregate: BookingPolicy) -> None: ...
    def save(self, aggregate: BookingPolicy) -> None: ...


class Appointments(Protocol):
    async def get(self, aggregate_id: str, *, expected_revision: int | None = None) -> Appointment: ...
    async def active_between(
        self, start: datetime, end: datetime, *, doctor_id: str | None = None, room_ids: Sequence[str] = ()
    ) -> list[Appointment]:
        """Active appointments that overlap [start, end), of the doctor or in one of the rooms, whoever's they are."""
        ...

    async def patient_is_busy(self, patient_id: str, start: datetime, end: datetime) -> bool:
        """Whether the patient has an active appointment that overlaps [start, end)."""
        ...

    async def overbooked_on(self, doctor_id: str, start: datetime, end: datetime) -> int: ...
    async def queue(self, doctor_id: str, start: datetime, end: datetime) -> list[Appointment]: ...
    async def expired_holds(self, limit: int) -> list[Appointment]: ...
    async def any_hold_lapsed(self) -> bool:
        """Whether any clinic has one that the job did not come to yet, see `Appointment.has_lapsed`; a second old at
        most."""
        ...

    async def listed(
        self,
        cursor: Cursor,
        *,
        doctor_id: str | None,
        patient_id: str | None,
        window: tuple[datetime, datetime | None] | None,
    ) -> Page[Appointment]:
        """Those that start in the window; without an end it is open."""
        ...

    def add(self, aggregate: Appointment) -> None: ...
    def save(self, aggregate: Appointment) -> None: ...


class TokenQueues(Protocol):
    async def of(self, clinic_id: str, doctor_id: str, day: date) -> TokenQueue: ...
    def keep(self, queue: TokenQueue) -> None: ...


class Attendances(Protocol):
    async def of(self, clinic_id: str, patient_id: str) -> Attendance: ...
    def keep(self, attendance: Attendance) -> None: ...


class Waitlist(Protocol):
    async def get(self, aggregate_id: str, *, expected_revision: int | None = None) -> WaitlistEntry: ...
    async def with_offer(self, offer_id: str) -> WaitlistEntry: ...
    async def offered(self, appointment: Appointment) -> WaitlistEntry | None:
        """Who has this on offer, if anybody; not who took it."""
        ...

    async def open_entries(self, patient_id: str, doctor_id: str) -> list[WaitlistEntry]:
        """Those of the patient's for this doctor that wait or have an offer."""
        ...

    async def waiting_for(self, slot: Slot) -> list[WaitlistEntry]:
        """Who waits for this doctor, in the order they get offers: priority first, then who came first."""
        ...

    async def listed(self, cursor: Cursor, *, doctor_id: str | None, patient_id: str | None) -> Page[WaitlistEntry]: ...
    def add(self, aggregate: WaitlistEntry) -> None: ...
    def save(self, aggregate: WaitlistEntry) -> None: ...


class People(Protocol):
    """Who is still there, as the owners announced it; whoever has not been heard of is."""

    async def patient_is_active(self, patient_id: str) -> bool: ...
    async def doctor_is_active(self, doctor_id: str) -> bool: ...


class TeleProvider(Protocol):
    """Gives a tele-consultation its own video room."""

    def link(self, appointment_id: str) -> str: ...


class SchedulingTx(Tx):
    """The unit of work of every use case here."""

    calendars: Calendars
    templates: Templates
    leaves: Leaves
    policies: Policies
    appointments: Appointments
    queues: TokenQueues
    attendances: Attendances
    waitlist: Waitlist
    people: People
