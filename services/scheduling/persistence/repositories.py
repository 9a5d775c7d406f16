"""Repositories of scheduling; every query carries the caller's sight, see `libs.common.mongo.repository`."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

from libs.common.mongo.database import Raw
from libs.common.mongo.repository import Repository
from libs.common.mongo.steps import StaleRevision
from libs.common.mongo.tx import Tx
from libs.common.subjects import SUBJECTS, known_subject
from libs.common.web.pagination import Cursor, Page
from libs.contracts.roles import DOCTOR, PATIENT
from services.scheduling.domain.appointment import Appointment, AppointmentStatus
from services.scheduling.domain.attendance import Attendance
from services.scheduling.domain.booking_policy import BookingPolicy
from services.scheduling.domain.doctor_calendar import DoctorCalendar
from services.scheduling.domain.errors import (
    AppointmentUnknown,
    LeaveUnknown,
    OfferUnknown,
    PatientBusy,
    SlotTaken,
    SlotUnknown,
    TemplateUnknown,
    WaitlistEntryUnknown,
)
from services.scheduling.domain.leave import Leave
from services.scheduling.domain.slot import LONGEST_SLOT, Slot, parse_slot_id
from services.scheduling.domain.slot_template import SlotTemplate
from services.scheduling.domain.token_queue import TokenQueue
from services.scheduling.domain.waitlist_entry import WaitlistEntry, WaitlistStatus
from services.scheduling.persistence import documents as stored
from services.scheduling.use_cases.ports import SchedulingTx


def _made_by_another(_aggregate: Any) -> Exception:
    """Two callers made the same singleton document: run again, and see the other's."""
    return StaleRevision()


def _taken(appointment: Appointment) -> Exception:
    """With one seat the slot is gone; with several, another may be free, which a second look finds out."""
    return StaleRevision() if appointment.capacity > 1 or appointment.overbooked else SlotTaken()


def _busy(_appointment: Appointment) -> Exception:
    return PatientBusy()


class AppointmentRepository(Repository[Appointment]):
    document = stored.AppointmentDocument
    aggregate = Appointment
    missing = AppointmentUnknown
    owners = {PATIENT: "patient_id", DOCTOR: "doctor_id"}
    duplicates = {stored.ACTIVE_CLAIMS: _taken, stored.PATIENT_CLAIMS: _busy}
    masked = frozenset({"reason", "cancel_reason"})

    async def active_between(
        self, start: datetime, end: datetime, *, doctor_id: str | None = None, room_ids: Sequence[str] = ()
    ) -> list[Appointment]:
        places: list[Raw] = [{"room_id": room_id} for room_id in room_ids]
        if doctor_id is not None or not places:
            places.append({} if doctor_id is None else {"doctor_id": doctor_id})
        found: dict[str, Appointment] = {}
        for place in places:
            for raw in await self._starting(start - LONGEST_SLOT, end, **place):
                if raw["active"] and raw["end"] > start:
                    found[raw["_id"]] = self._read(raw)
        return list(found.values())

    async def patient_is_busy(self, patient_id: str, start: datetime, end: datetime) -> bool:
        rows = await self._starting(start - LONGEST_SLOT, end, patient_id=patient_id)
        return any(raw["active"] and raw["end"] > start for raw in rows)

    async def overbooked_on(self, doctor_id: str, start: datetime, end: datetime) -> int:
        day = await self._starting(start, end, doctor_id=doctor_id)
        return sum(raw["overbooked"] and raw["active"] for raw in day)

    async def queue(self, doctor_id: str, start: datetime, end: datetime) -> list[Appointment]:
        in_clinic = {AppointmentStatus.ARRIVED, AppointmentStatus.IN_CONSULTATION}
        day = await self._starting(start, end, doctor_id=doctor_id)
        return [self._read(raw) for raw in day if raw["status"] in in_clinic]

    async def _starting(self, start: datetime, end: datetime, **place: str) -> list[Raw]:
        """What starts in [start, end) there, whosever it is and in whatever state: occupation is a fact for everybody
        in the clinic. Nothing is asked for that the index does not hold; the few rows of a day are looked at here."""
        query = {**self._tx.visible({}), **place, "start": {"$gte": start, "$lt": end}}
        return await self.collection.find(query).to_list()

    async def expired_holds(self, limit: int) -> list[Appointment]:
        return await self.find(self._ran_out(), sort=[("hold_expires_at", 1)], limit=limit)

    async def any_hold_lapsed(self) -> bool:
        # One question for all bookings, whoever asks: under a name of its own, which no booking makes forgotten.
        return await self._tx.recent.get("lapsed_holds", "any", self._look_for_lapsed_hold)

    async def _look_for_lapsed_hold(self) -> bool:
        return await self.collection.find_one({**self._ran_out(), "waitlist_entry_id": None}) is not None

    def _ran_out(self) -> Raw:
        # With a lower bound, or the embedded database walks through all that are not held: their null comes first.
        due = {"$gt": datetime(2000, 1, 1, tzinfo=UTC), "$lte": self._tx.now}
        return {"hold_expires_at": due, "status": AppointmentStatus.HELD}

    async def listed(
        self,
        cursor: Cursor,
        *,
        doctor_id: str | None,
        patient_id: str | None,
        window: tuple[datetime, datetime | None] | None,
    ) -> Page[Appointment]:
        query: dict[str, Any] = {"doctor_id": doctor_id} if doctor_id else {}
        if patient_id:
            query["patient_id"] = patient_id
        if window is not None:
            start, end = window
            query["start"] = {"$gte": start} if end is None else {"$gte": start, "$lt": end}
        return await self.page(query, cursor, sort_by="start")


class TemplateRepository(Repository[SlotTemplate]):
    document = stored.SlotTemplateDocument
    aggregate = SlotTemplate
    missing = TemplateUnknown

    async def of_doctor(self, doctor_id: str) -> list[SlotTemplate]:
        return await self.consult({"doctor_id": doctor_id})

    async def in_force(self, doctor_id: str) -> list[SlotTemplate]:
        return await self.find({"doctor_id": doctor_id, "active": True})


class LeaveRepository(Repository[Leave]):
    document = stored.LeaveDocument
    aggregate = Leave
    missing = LeaveUnknown

    async def between(self, start: datetime, end: datetime) -> list[Leave]:
        return await self.find({"end": {"$gt": start}, "start": {"$lt": end}, "active": True}, limit=1000)

    async def ahead(self) -> list[Leave]:
        """Those of today and later. Asked in the same words all day, so that `consult` knows the question again."""
        today = self._tx.now.replace(hour=0, minute=0, second=0, microsecond=0)
        return await self.consult({"end": {"$gt": today}, "active": True})


class PolicyRepository(Repository[BookingPolicy]):
    document = stored.BookingPolicyDocument
    aggregate = BookingPolicy
    duplicates = {"_id_": _made_by_another}

    async def of(self, clinic_id: str) -> BookingPolicy:
        found = await self.consult({"_id": clinic_id})
        return found[0] if found else BookingPolicy(id=clinic_id, clinic_id=clinic_id)

    async def to_change(self, clinic_id: str) -> BookingPolicy:
        found = await self.find_one({"_id": clinic_id})
        return found or BookingPolicy(id=clinic_id, clinic_id=clinic_id)


class TokenQueueRepository(Repository[TokenQueue]):
    document = stored.TokenQueueDocument
    aggregate = TokenQueue
    duplicates = {"_id_": _made_by_another}

    async def of(self, clinic_id: str, doctor_id: str, day: date) -> TokenQueue:
        found = await self.find_one({"_id": TokenQueue.id_for(doctor_id, day)})
        return found or TokenQueue.opened(clinic_id, doctor_id, day)

    def keep(self, queue: TokenQueue) -> None:
        self.add(queue) if queue.revision == 0 else self.save(queue)


class AttendanceRepository(Repository[Attendance]):
    document = stored.AttendanceDocument
    aggregate = Attendance
    duplicates = {"_id_": _made_by_another}

    async def of(self, clinic_id: str, patient_id: str) -> Attendance:
        found = await self.find_one({"_id": patient_id})
        return found or Attendance(id=patient_id, clinic_id=clinic_id)

    def keep(self, attendance: Attendance) -> None:
        self.add(attendance) if attendance.revision == 0 else self.save(attendance)


class WaitlistRepository(Repository[WaitlistEntry]):
    document = stored.WaitlistEntryDocument
    aggregate = WaitlistEntry
    missing = WaitlistEntryUnknown
    owners = {PATIENT: "patient_id", DOCTOR: "doctor_id"}

    async def with_offer(self, offer_id: str) -> WaitlistEntry:
        found = await self.find_one({"offer.id": offer_id})
        if found is None:
            raise OfferUnknown
        return found

    async def offered(self, appointment: Appointment) -> WaitlistEntry | None:
        if appointment.waitlist_entry_id is None:
            return None
        held_by = {"status": WaitlistStatus.OFFERED, "offer.appointment_id": appointment.id}
        return await self.find_one({"_id": appointment.waitlist_entry_id, **held_by})

    async def open_entries(self, patient_id: str, doctor_id: str) -> list[WaitlistEntry]:
        still_open = {"$in": [WaitlistStatus.WAITING, WaitlistStatus.OFFERED]}
        return await self.find({"patient_id": patient_id, "doctor_id": doctor_id, "status": still_open})

    async def waiting_for(self, slot: Slot) -> list[WaitlistEntry]:
        wanted = {"earliest": {"$lte": slot.start}, "latest": {"$gt": slot.start}}
        waiting = {"doctor_id": slot.doctor_id, "status": WaitlistStatus.WAITING, **wanted}
        return await self.find(waiting, sort=[("priority", -1), ("created_at", 1), ("_id", 1)], limit=500)

    async def listed(self, cursor: Cursor, *, doctor_id: str | None, patient_id: str | None) -> Page[WaitlistEntry]:
        query = {"doctor_id": doctor_id} if doctor_id else {}
        if patient_id:
            query["patient_id"] = patient_id
        return await self.page(query, cursor)


class KnownPeople:
    """Looks into the directories that the handlers of registry's and auth's events keep."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx

    async def patient_is_active(self, patient_id: str) -> bool:
        return await self._is_active(SUBJECTS, patient_id)

    async def doctor_is_active(self, doctor_id: str) -> bool:
        # Every booking asks, and doctors seldom leave: at most a second old.
        return await self._tx.recent.get(stored.DOCTORS, doctor_id, lambda: self._is_active(stored.DOCTORS, doctor_id))

    async def _is_active(self, directory: str, person_id: str) -> bool:
        known = await known_subject(self._tx.db, person_id, directory)
        return known is None or known.active


class CalendarReader:
    """Puts a doctor's calendar together from templates and leaves."""

    def __init__(self, templates: TemplateRepository, leaves: LeaveRepository, people: KnownPeople) -> None:
        self._templates = templates
        self._leaves = leaves
        self._people = people

    async def slot(self, slot_id: str) -> Slot:
        template_id, _ = parse_slot_id(slot_id)
        templates = await self._templates.consult({"_id": template_id})
        if not templates or not await self._people.doctor_is_active(templates[0].doctor_id):
            raise SlotUnknown
        return DoctorCalendar(templates, await self._leaves_of(templates[0].doctor_id)).slot(slot_id)

    async def of_doctor(self, doctor_id: str) -> DoctorCalendar:
        templates = await self._templates.of_doctor(doctor_id)
        return DoctorCalendar(templates, await self._leaves_of(doctor_id))

    async def _leaves_of(self, doctor_id: str) -> list[Leave]:
        return [leave for leave in await self._leaves.ahead() if leave.doctor_id in (None, doctor_id)]


class MongoSchedulingTx(SchedulingTx):
    """`SchedulingTx` over MongoDB."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        Tx.__init__(self, *args, **kwargs)
        templates, leaves = TemplateRepository(self), LeaveRepository(self)
        self.templates = templates
        self.leaves = leaves
        self.people = KnownPeople(self)
        self.calendars = CalendarReader(templates, leaves, self.people)
        self.policies = PolicyRepository(self)
        self.appointments = AppointmentRepository(self)
        self.queues = TokenQueueRepository(self)
        self.attendances = AttendanceRepository(self)
        self.waitlist = WaitlistRepository(self)
