"""Events of Notifications."""

from datetime import datetime

from libs.common.messaging.events import Event


class NotificationEvent(Event):
    """What every event about a message to a person says; neither its text nor its number."""

    publisher = "notifications"
    aggregate_type = "notification"
    notification_id: str
    patient_id: str | None = None
    purpose: str
    channel: str


class NotificationSent(NotificationEvent):
    """The provider has taken the message."""

    type = "NOTIFICATION_SENT"


class NotificationDelivered(NotificationEvent):
    """It reached the device."""

    type = "NOTIFICATION_DELIVERED"


class NotificationRead(NotificationEvent):
    """The person opened it."""

    type = "NOTIFICATION_READ"


class NotificationFailed(NotificationEvent):
    """No channel could deliver it; somebody at the front desk should call."""

    type = "NOTIFICATION_FAILED"
    error_code: str


class NotificationOutcomeUnknown(NotificationEvent):
    """Nobody can say whether it went out; it is not sent again by itself, so somebody should ask the person."""

    type = "NOTIFICATION_UNKNOWN"


class NotificationDeferred(NotificationEvent):
    """It waits for the end of the quiet hours."""

    type = "NOTIFICATION_DEFERRED"
    until: datetime


class RecipientOptedOut(Event):
    """A person asked for no more messages on this channel."""

    publisher = "notifications"
    type = "RECIPIENT_OPTED_OUT"
    aggregate_type = "preference"
    preference_id: str
    patient_id: str
    channel: str


EVENTS: tuple[type[Event], ...] = (
    NotificationSent,
    NotificationDelivered,
    NotificationRead,
    NotificationFailed,
    NotificationOutcomeUnknown,
    NotificationDeferred,
    RecipientOptedOut,
)
