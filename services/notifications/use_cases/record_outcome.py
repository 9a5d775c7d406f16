"""Record what came of a send, or of asking a vendor about one."""

from datetime import timedelta

from libs.common.command import Command
from services.notifications.domain.notification import Notification
from services.notifications.domain.outcome import Answer, Outcome
from services.notifications.use_cases.announce import announce
from services.notifications.use_cases.ports import NotificationsTx


class RecordOutcome(Command):
    """`attempt` counts from 1. `wait_seconds`: until another try, if the outcome asks for one."""

    notification_id: str
    attempt: int
    outcome: Outcome
    wait_seconds: float
    template: str | None = None
    language: str | None = None
    recipient_hint: str | None = None


async def record_outcome(command: RecordOutcome, tx: NotificationsTx) -> Notification:
    notification = await tx.notifications.get(command.notification_id)
    since = len(notification.history)
    if command.template is not None:
        notification.template = command.template
        notification.language = command.language
        notification.recipient_hint = command.recipient_hint
    notification.conclude(command.attempt, command.outcome, tx.now, wait=timedelta(seconds=command.wait_seconds))
    tx.notifications.save(notification)
    announce(notification, tx, since=since)
    return notification


class RecordAnswer(Command):
    notification_id: str
    answer: Answer


async def record_answer(command: RecordAnswer, tx: NotificationsTx) -> Notification:
    notification = await tx.notifications.get(command.notification_id)
    since = len(notification.history)
    notification.answered(command.answer, tx.now)
    tx.notifications.save(notification)
    announce(notification, tx, since=since)
    return notification
