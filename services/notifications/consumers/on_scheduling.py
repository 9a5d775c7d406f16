"""Tell patients what became of their appointments."""

from datetime import datetime, timedelta

from libs.contracts.scheduling import (
    AppointmentCancelled,
    AppointmentConfirmed,
    AppointmentEvent,
    AppointmentRescheduled,
    WaitlistOffered,
)
from services.notifications.domain.purposes import Purpose
from services.notifications.use_cases.ports import NotificationsTx
from services.notifications.use_cases.queue_message import QueueMessage, queue_message

STILL_NEWS_FOR = timedelta(hours=1)
"""What is told about a time that has just passed, a walk-in's for one, is worth telling for so long."""


async def on_appointment_confirmed(event: AppointmentConfirmed, tx: NotificationsTx) -> None:
    await _tell(event, tx, Purpose.APPOINTMENT_CONFIRMED)


async def on_appointment_rescheduled(event: AppointmentRescheduled, tx: NotificationsTx) -> None:
    await _tell(event, tx, Purpose.APPOINTMENT_RESCHEDULED, previous_start=event.previous_start)


async def on_appointment_cancelled(event: AppointmentCancelled, tx: NotificationsTx) -> None:
    await _tell(event, tx, Purpose.APPOINTMENT_CANCELLED)


async def on_waitlist_offered(event: WaitlistOffered, tx: NotificationsTx) -> None:
    command = QueueMessage(
        purpose=Purpose.WAITLIST_OFFERED,
        about=event.offer_id,
        about_seq=_seq(tx),
        patient_id=event.patient_id,
        params={
            "doctor_id": event.doctor_id,
            "start": event.start.isoformat(),
            "offer_expires_at": event.expires_at.isoformat(),
        },
        expires_at=event.expires_at,
    )
    await queue_message(command, tx)


async def _tell(event: AppointmentEvent, tx: NotificationsTx, purpose: Purpose, **moments: datetime) -> None:
    times = {name: moment.isoformat() for name, moment in moments.items()}
    command = QueueMessage(
        purpose=purpose,
        about=event.appointment_id,
        about_seq=_seq(tx),
        patient_id=event.patient_id,
        params={"doctor_id": event.doctor_id, "start": event.start.isoformat(), **times},
        expires_at=max(event.start, tx.now + STILL_NEWS_FOR),
    )
    await queue_message(command, tx)


def _seq(tx: NotificationsTx) -> int:
    return 0 if tx.cause is None else tx.cause.aggregate.seq
