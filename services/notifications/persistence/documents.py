"""The collections of notifications and their indexes. A document is its domain model, plus where it lies."""

from beanie import Document
from pymongo import ASCENDING, DESCENDING, IndexModel

from services.notifications.domain.notification import Notification
from services.notifications.domain.preference import Preference
from services.notifications.domain.quiet_hours import QuietHours


class NotificationDocument(Notification, Document):
    class Settings:
        name = "notifications_outbox"
        indexes = [
            IndexModel([("lane", ASCENDING), ("due_at", ASCENDING)], name="lane_due"),
            IndexModel([("created_at", ASCENDING)], name="created"),
            IndexModel([("about", ASCENDING)], name="about"),
            IndexModel([("attempts.provider_message_id", ASCENDING)], name="provider_message"),
            IndexModel([("patient_id", ASCENDING), ("_id", DESCENDING)], name="patient_newest"),
            IndexModel([("clinic_id", ASCENDING), ("_id", DESCENDING)], name="clinic_newest"),
        ]


class PreferenceDocument(Preference, Document):
    class Settings:
        name = "preferences"


class QuietHoursDocument(QuietHours, Document):
    class Settings:
        name = "quiet_hours"


DOCUMENTS: list[type[Document]] = [NotificationDocument, PreferenceDocument, QuietHoursDocument]
