"""Send a message once more, because somebody at the front desk says so."""

from libs.common.command import Command
from services.notifications.domain.errors import NotRepeatable
from services.notifications.domain.notification import Notification
from services.notifications.permissions import NOTIFICATION_RETRY
from services.notifications.use_cases.ports import NotificationsTx


class SendAgain(Command):
    notification_id: str


async def send_again(command: SendAgain, tx: NotificationsTx) -> Notification:
    notification = await tx.notifications.get(command.notification_id)
    if await tx.notifications.newer_than(notification):
        raise NotRepeatable("Something newer about the same thing has been told, or is about to be.")
    notification.send_again(tx.now)
    tx.notifications.save(notification)
    tx.audit(NOTIFICATION_RETRY, notification)
    return notification
