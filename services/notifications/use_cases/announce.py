"""What the others hear about a notification's moves."""

from libs.common.messaging.events import Event
from libs.contracts.notifications import (
    NotificationDeferred,
    NotificationDelivered,
    NotificationFailed,
    NotificationOutcomeUnknown,
    NotificationRead,
    NotificationSent,
)
from services.notifications.domain.history import Status, Step
from services.notifications.domain.notification import Notification
from services.notifications.use_cases.ports import NotificationsTx


def announce(notification: Notification, tx: NotificationsTx, *, since: int) -> None:
    """Publish what the steps after the first `since` mean to others."""
    for step in notification.history[since:]:
        event = _event_of(step, notification)
        if event is not None:
            tx.publish(event)


def _event_of(step: Step, notification: Notification) -> Event | None:
    match step.status:
        case Status.SENT:
            return NotificationSent.of(notification, channel=step.channel)
        case Status.DELIVERED:
            return NotificationDelivered.of(notification, channel=step.channel)
        case Status.READ:
            return NotificationRead.of(notification, channel=step.channel)
        case Status.FAILED:
            return NotificationFailed.of(notification, channel=step.channel, error_code=step.detail)
        case Status.DEFERRED:
            return NotificationDeferred.of(notification, channel=step.channel, until=notification.due_at)
        case Status.UNKNOWN if notification.due_at is None:
            return NotificationOutcomeUnknown.of(notification, channel=step.channel)
    return None
