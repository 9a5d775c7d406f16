"""The collections of scheduling and their indexes. A document is its domain model, plus where it lies."""

from beanie import Document
from pymongo import ASCENDING, IndexModel

from services.scheduling.domain.appointment import Appointment
from services.scheduling.domain.attendance import Attendance
from services.scheduling.domain.booking_policy import BookingPolicy
from services.scheduling.domain.leave import Leave
from services.scheduling.domain.slot_template import SlotTemplate
from services.scheduling.domain.token_queue import TokenQueue
from services.scheduling.domain.waitlist_entry import WaitlistEntry

ACTIVE_CLAIMS = "active_claims"
PATIENT_CLAIMS = "patient_claims"

DOCTORS = "doctors"
"""Where it is kept who works as a doctor, see `libs.common.subjects`."""


class AppointmentDocument(Appointment, Document):
    class Settings:
        name = "appointments"
        indexes = [
            IndexModel(
                [("claims", ASCENDING)],
                name=ACTIVE_CLAIMS,
                unique=True,
                partialFilterExpression={"active": True},
            ),
            # Behind the one above: a booking that violates both is told that the slot is taken.
            IndexModel(
                [("patient_claims", ASCENDING)],
                name=PATIENT_CLAIMS,
                unique=True,
                partialFilterExpression={"active": True},
            ),
            IndexModel([("clinic_id", ASCENDING), ("start", ASCENDING)], name="clinic_start"),
            IndexModel([("clinic_id", ASCENDING), ("doctor_id", ASCENDING), ("start", ASCENDING)], name="doctor_start"),
            IndexModel(
                [("clinic_id", ASCENDING), ("patient_id", ASCENDING), ("start", ASCENDING)], name="patient_start"
            ),
            IndexModel(
                [("clinic_id", ASCENDING), ("room_id", ASCENDING), ("start", ASCENDING)],
                name="room_start",
                partialFilterExpression={"room_id": {"$gt": ""}},
            ),
            IndexModel([("hold_expires_at", ASCENDING)], name="hold_expiry"),
        ]


class SlotTemplateDocument(SlotTemplate, Document):
    class Settings:
        name = "slot_templates"
        indexes = [IndexModel([("doctor_id", ASCENDING)], name="doctor")]


class LeaveDocument(Leave, Document):
    class Settings:
        name = "leaves"
        indexes = [IndexModel([("clinic_id", ASCENDING), ("end", ASCENDING)], name="clinic_end")]


class BookingPolicyDocument(BookingPolicy, Document):
    class Settings:
        name = "booking_policies"


class TokenQueueDocument(TokenQueue, Document):
    class Settings:
        name = "token_queues"


class AttendanceDocument(Attendance, Document):
    class Settings:
        name = "attendances"


class WaitlistEntryDocument(WaitlistEntry, Document):
    class Settings:
        name = "waitlist_entries"
        indexes = [
            IndexModel([("doctor_id", ASCENDING), ("status", ASCENDING)], name="doctor_status"),
            IndexModel([("patient_id", ASCENDING)], name="patient"),
            IndexModel([("clinic_id", ASCENDING)], name="clinic"),
            IndexModel([("offer.id", ASCENDING)], name="offer", sparse=True),
        ]


DOCUMENTS: list[type[Document]] = [
    AppointmentDocument,
    SlotTemplateDocument,
    LeaveDocument,
    BookingPolicyDocument,
    TokenQueueDocument,
    AttendanceDocument,
    WaitlistEntryDocument,
]
