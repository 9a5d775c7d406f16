"""Record what a vendor reports about a message, unless it is no news."""

from libs.common.command import Command
from services.notifications.domain.outcome import Receipt
from services.notifications.domain.purposes import Channel
from services.notifications.use_cases.announce import announce
from services.notifications.use_cases.ports import NotificationsTx


class RecordReceipt(Command):
    """`message_id` is the vendor's, `ref` is what we called the message when we sent it."""

    channel: Channel
    receipt: Receipt
    message_id: str
    ref: str | None = None
    code: str | None = None


async def record_receipt(command: RecordReceipt, tx: NotificationsTx) -> bool:
    """Whether the message is one of ours."""
    notification = await tx.notifications.behind_report(command.message_id, command.ref)
    if notification is None:
        return False
    since, before = len(notification.history), notification.model_copy(deep=True)
    notification.reported(command.receipt, command.channel, tx.now, message_id=command.message_id, code=command.code)
    if notification != before:
        tx.notifications.save(notification)
        announce(notification, tx, since=since)
    return True
