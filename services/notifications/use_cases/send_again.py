"""Send a message once more, because somebody at the front desk says so."""

from libs.common.command import Command
from services.notifications.domain.notification import Notification
from services.notifications.permissions import NOTIFICATION_RETRY
from services.notifications.use_cases.ports import NotificationsTx


class SendAgain(Command):
    notification_id: str


async def send_again(command: SendAgain, tx: NotificationsTx) -> Notification:
    notification = await tx.notifications.get(command.notification_id)
    notification.send_again(tx.now)
    tx.notifications.save(notification)
    tx.audit(NOTIFICATION_RETRY, notification)
    return notification
