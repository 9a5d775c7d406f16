"""Send login codes."""

from datetime import timedelta

from libs.contracts.auth import OtpRequested
from services.notifications.domain.purposes import Purpose
from services.notifications.use_cases.ports import NotificationsTx
from services.notifications.use_cases.queue_message import QueueMessage, queue_message

CODE_LASTS = timedelta(minutes=5)


async def on_otp_requested(event: OtpRequested, tx: NotificationsTx) -> None:
    """Neither number nor code is here: auth tells both at send time, as long as the code is good."""
    asked_at = tx.now if tx.cause is None else tx.cause.occurred_at
    command = QueueMessage(
        purpose=Purpose.OTP,
        about=event.challenge_id,
        about_seq=0 if tx.cause is None else tx.cause.aggregate.seq,
        language=event.language,
        expires_at=asked_at + CODE_LASTS,
    )
    await queue_message(command, tx)
