"""Messages: what was sent to whom, how far it came, and sending one again."""

from fastapi import APIRouter

from libs.common.errors import problems
from libs.common.web.pagination import Page, PageCursor
from services.notifications.api import access
from services.notifications.api.schemas import NotificationId, NotificationView, PatientId
from services.notifications.domain import errors
from services.notifications.use_cases.queries import (
    GetNotification,
    ListNotifications,
    get_notification,
    list_notifications,
)
from services.notifications.use_cases.send_again import SendAgain, send_again

router = APIRouter(tags=["notifications"])


@router.get("/notifications")
async def read_notifications(
    caller: access.CanReadNotifications,
    transact: access.Transact,
    cursor: PageCursor,
    patient_id: PatientId | None = None,
) -> Page[NotificationView]:
    """Newest first: of one patient, or all within reach."""
    query = ListNotifications(patient_id=patient_id)
    page = await transact.read(list_notifications, (query, cursor), by=caller)
    return Page(items=[NotificationView.of(item) for item in page.items], next_cursor=page.next_cursor)


@router.get("/notifications/{notification_id}", responses=problems(errors.NotificationUnknown))
async def read_notification(
    notification_id: NotificationId, caller: access.CanReadNotifications, transact: access.Transact
) -> NotificationView:
    query = GetNotification(notification_id=notification_id)
    return NotificationView.of(await transact.read(get_notification, query, by=caller))


@router.post(
    "/notifications/{notification_id}/retry",
    responses=problems(errors.NotificationUnknown, errors.NotRepeatable),
)
async def retry_notification(
    notification_id: NotificationId, caller: access.CanRetry, transact: access.Transact, sends: access.Sends
) -> NotificationView:
    """Send it again, from its first channel on: one that has failed, or that may never have gone out."""
    notification = await transact(send_again, SendAgain(notification_id=notification_id), by=caller)
    sends.wake()
    return NotificationView.of(notification)
