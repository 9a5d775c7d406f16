"""Queue a message to a person: what follows an event, and nothing that could fail or take long."""

from collections.abc import Mapping
from datetime import datetime

from libs.common.command import Command
from services.notifications.domain.notification import PLATFORM, Notification
from services.notifications.domain.purposes import Purpose
from services.notifications.permissions import NOTIFICATION_QUEUE
from services.notifications.use_cases.ports import NotificationsTx


class QueueMessage(Command):
    """`about` at version `about_seq` is what the message tells of; see `Notification` for the rest."""

    purpose: Purpose
    about: str
    about_seq: int
    expires_at: datetime
    patient_id: str | None = None
    language: str | None = None
    params: Mapping[str, str] = {}


async def queue_message(command: QueueMessage, tx: NotificationsTx) -> Notification | None:
    """None when something newer about the same thing is on its way: old news is not told after it."""
    told = await tx.notifications.telling_of(command.about)
    if any(other.about_seq > command.about_seq for other in told):
        return None
    for older in told:
        if older.is_waiting:
            older.suppress("superseded", tx.now)
            tx.notifications.save(older)
    notification = Notification.queue(
        command.purpose,
        clinic_id=tx.actor.clinic_id or PLATFORM,
        about=command.about,
        about_seq=command.about_seq,
        patient_id=command.patient_id,
        language=command.language,
        params=command.params,
        expires_at=command.expires_at,
        now=tx.now,
    )
    if tx.cause is not None:
        notification.correlation_id, notification.traceparent = tx.cause.correlation_id, tx.cause.traceparent
    tx.notifications.add(notification)
    tx.audit(NOTIFICATION_QUEUE, notification)
    return notification
