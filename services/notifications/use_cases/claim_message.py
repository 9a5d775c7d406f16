"""Take a due notification in hand: decide what is to be done with it, and by the commit be the only one who does."""

from enum import StrEnum

from pydantic import BaseModel

from libs.common.command import Command
from services.notifications.domain.history import Status
from services.notifications.domain.notification import EXPIRED, Notification
from services.notifications.domain.policy import Defer, Send, SkipChannel, Suppress, rule
from services.notifications.use_cases.announce import announce
from services.notifications.use_cases.ports import NotificationsTx


class ClaimMessage(Command):
    notification_id: str


class Task(StrEnum):
    SEND = "send"
    ASK = "ask"
    """Find out from the vendor what became of it."""


class Claim(BaseModel):
    """What the claimant must do now. The notification is as it was committed."""

    notification: Notification
    task: Task


async def claim_message(command: ClaimMessage, tx: NotificationsTx) -> Claim | None:
    """None when there is nothing to do: another was faster, or the claim itself settled it."""
    notification = await tx.notifications.find_one({"_id": command.notification_id})
    if notification is None or not notification.is_due(tx.now):
        return None
    since = len(notification.history)
    task = await _next_task(notification, tx)
    tx.notifications.save(notification)
    announce(notification, tx, since=since)
    return None if task is None else Claim(notification=notification, task=task)


async def _next_task(notification: Notification, tx: NotificationsTx) -> Task | None:
    now = tx.now
    if notification.status is Status.SENDING:
        notification.lapse(now)
        return None
    if notification.status is Status.UNKNOWN:
        return Task.ASK if notification.ask_again(now) else None
    if now >= notification.expires_at:
        notification.fail(EXPIRED, now)
        return None
    if await tx.notifications.newer_than(notification):  # it came while this one was on its way
        notification.suppress("superseded", now)
        return None
    preference = None if notification.patient_id is None else await tx.preferences.of(notification.patient_id)
    match rule(notification, preference, await tx.quiet_hours.of(notification.clinic_id), now):
        case Suppress(reason):
            notification.suppress(reason, now)
        case SkipChannel(reason):
            notification.next_channel(reason, now)
        case Defer(until):
            notification.defer(until, now)
        case Send():
            notification.begin(now)
            return Task.SEND
    return None
