"""What can be asked of notifications; nothing here changes anything."""

from libs.common.command import Command
from libs.common.web.pagination import Cursor, Page
from services.notifications.domain.notification import Notification
from services.notifications.domain.preference import Preference
from services.notifications.domain.quiet_hours import QuietHours
from services.notifications.use_cases.ports import Due, NotificationsTx


class GetNotification(Command):
    notification_id: str


async def get_notification(query: GetNotification, tx: NotificationsTx) -> Notification:
    return await tx.notifications.get(query.notification_id)


class ListNotifications(Command):
    patient_id: str | None = None


async def list_notifications(query: tuple[ListNotifications, Cursor], tx: NotificationsTx) -> Page[Notification]:
    wanted, cursor = query
    if not tx.actor.clinic_ids():  # an account that stands for nobody yet
        return Page(items=[])
    return await tx.notifications.listed(cursor, patient_id=wanted.patient_id)


class FindDue(Command):
    """So many of each lane."""

    lanes: dict[str, int]


async def find_due(query: FindDue, tx: NotificationsTx) -> list[Due]:
    return await tx.notifications.due(query.lanes)


class ShowPreference(Command):
    patient_id: str


async def show_preference(query: ShowPreference, tx: NotificationsTx) -> Preference:
    return await tx.preferences.of(query.patient_id)


class ShowQuietHours(Command):
    pass


async def show_quiet_hours(_query: ShowQuietHours, tx: NotificationsTx) -> QuietHours:
    return await tx.quiet_hours.of(tx.clinic_id)
