"""Repositories of notifications; every query carries the caller's sight, see `libs.common.mongo.repository`."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from libs.common.messaging.outbox import PENDING_SINCE
from libs.common.mongo.database import Database
from libs.common.mongo.repository import Repository
from libs.common.mongo.steps import StaleRevision
from libs.common.mongo.tx import Tx
from libs.common.web.pagination import Cursor, Page
from libs.contracts.roles import PATIENT
from services.notifications.domain.errors import NotificationUnknown
from services.notifications.domain.notification import Notification
from services.notifications.domain.preference import Preference
from services.notifications.domain.quiet_hours import QuietHours
from services.notifications.persistence import documents as stored
from services.notifications.use_cases.ports import Due, NotificationsTx


def _made_by_another(_aggregate: Any) -> Exception:
    """Two callers made the same singleton document: run again, and see the other's."""
    return StaleRevision()


class NotificationRepository(Repository[Notification]):
    document = stored.NotificationDocument
    aggregate = Notification
    missing = NotificationUnknown
    owners = {PATIENT: "patient_id"}

    async def due(self, lanes: Mapping[str, int]) -> list[Due]:
        wanted = {"clinic_id": 1, "lane": 1, "correlation_id": 1}
        found: list[Due] = []
        for lane, limit in lanes.items():  # each for itself: what waits in one must not hide another
            query = {"lane": lane, "due_at": {"$lte": self._tx.now}}
            rows = self.collection.find(query, wanted, sort=[("due_at", 1)], limit=limit)
            found += [Due.model_validate({**row, "id": row["_id"]}) async for row in rows]
        return found

    async def telling_of(self, about: str) -> list[Notification]:
        return await self.find({"about": about}, limit=1000)

    async def newer_than(self, notification: Notification) -> bool:
        newer = {"about": notification.about, "about_seq": {"$gt": notification.about_seq}}
        return await self.find_one(newer) is not None

    async def behind_report(self, message_id: str, ref: str | None) -> Notification | None:
        if ref is not None:
            found = await self.find_one({"_id": ref.partition(".")[0]})
            if found is not None:
                return found
        return await self.find_one({"attempts.provider_message_id": message_id})

    async def listed(self, cursor: Cursor, *, patient_id: str | None) -> Page[Notification]:
        asked = {} if patient_id is None else {"patient_id": patient_id}
        return await self.page(asked, cursor, newest_first=True)


class MongoOldMessages:
    """`OldMessages` of all clinics."""

    def __init__(self, db: Database) -> None:
        self._rows = db[stored.NotificationDocument.Settings.name]

    async def forget(self, created_before: datetime) -> int:
        through = {"due_at": None, PENDING_SINCE: {"$exists": False}}
        return (await self._rows.delete_many({"created_at": {"$lt": created_before}, **through})).deleted_count


class PreferenceRepository(Repository[Preference]):
    document = stored.PreferenceDocument
    aggregate = Preference
    owners = {PATIENT: "patient_id"}
    duplicates = {"_id_": _made_by_another}

    async def of(self, patient_id: str) -> Preference:
        found = await self.find_one({"_id": patient_id})
        return found or Preference(id=patient_id, clinic_id=self._tx.clinic_id, patient_id=patient_id)

    def keep(self, preference: Preference) -> None:
        self.add(preference) if preference.revision == 0 else self.save(preference)


class QuietHoursRepository(Repository[QuietHours]):
    document = stored.QuietHoursDocument
    aggregate = QuietHours
    duplicates = {"_id_": _made_by_another}

    async def of(self, clinic_id: str) -> QuietHours:
        found = await self.find_one({"_id": clinic_id})
        return found or QuietHours(id=clinic_id, clinic_id=clinic_id)

    def keep(self, quiet_hours: QuietHours) -> None:
        self.add(quiet_hours) if quiet_hours.revision == 0 else self.save(quiet_hours)


class MongoNotificationsTx(NotificationsTx):
    """`NotificationsTx` over MongoDB."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        Tx.__init__(self, *args, **kwargs)
        self.notifications = NotificationRepository(self)
        self.preferences = PreferenceRepository(self)
        self.quiet_hours = QuietHoursRepository(self)
