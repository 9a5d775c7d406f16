"""The public shapes of notifications. They are a contract: the domain may change behind them."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from libs.common.web.body import Body
from services.notifications.domain.history import Status
from services.notifications.domain.notification import Notification
from services.notifications.domain.preference import Preference
from services.notifications.domain.purposes import Category, Channel, Purpose
from services.notifications.domain.quiet_hours import QuietHours, Weekday

NotificationId = Annotated[str, Field(min_length=1, max_length=64, examples=["ntf_01jd2v7xk4e5ta3m3w2x0v6h7c"])]
PatientId = Annotated[str, Field(min_length=1, max_length=64, examples=["pat_01jd2v7xk4e5ta3m3w2x0v6h7c"])]


TimeOfDay = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$", examples=["21:00"])]


class StepView(BaseModel):
    """One move of the notification."""

    at: datetime
    status: Status
    channel: Channel
    detail: str | None


class NotificationView(BaseModel):
    """A message as clients see it: where it stands and how it came there, never its text or the whole number."""

    id: str
    patient_id: str | None
    purpose: Purpose
    category: Category
    status: Status
    channel: Channel
    template: str | None
    language: str | None
    recipient: str | None = Field(description="The number or address, masked", examples=["+91******3210"])
    provider_message_id: str | None
    error_code: str | None
    created_at: datetime
    next_attempt_at: datetime | None
    history: list[StepView]

    @classmethod
    def of(cls, notification: Notification) -> "NotificationView":
        last = notification.attempts[-1] if notification.attempts else None
        return cls(
            id=notification.id,
            patient_id=notification.patient_id,
            purpose=notification.purpose,
            category=notification.category,
            status=notification.status,
            channel=notification.channel,
            template=notification.template,
            language=notification.language,
            recipient=notification.recipient_hint,
            provider_message_id=last.provider_message_id if last else None,
            error_code=notification.error_code,
            created_at=notification.created_at,
            next_attempt_at=notification.due_at if notification.is_waiting else None,
            history=[StepView.model_validate(step, from_attributes=True) for step in notification.history],
        )


class PreferenceRequest(Body):
    """The whole of it: channels that are not named are welcome."""

    opted_out: Annotated[list[Channel], Field(max_length=3)] = []
    promotional: bool = False


class PreferenceView(BaseModel):
    """What a patient wants to be told. `opted_out`: channel -> since when nothing goes there."""

    patient_id: str
    opted_out: dict[Channel, datetime]
    promotional: bool

    @classmethod
    def of(cls, preference: Preference) -> "PreferenceView":
        return cls.model_validate(preference, from_attributes=True)


class QuietHoursRequest(Body):
    """When people are left in peace: messages wait until `end`, except those of a category in `bypass`."""

    enabled: bool = True
    zone: Annotated[str, Field(max_length=64)] = "Asia/Kolkata"
    start: TimeOfDay
    end: TimeOfDay
    days: Annotated[list[Weekday], Field(min_length=1, max_length=7, description="On which it begins")] = list(Weekday)
    bypass: Annotated[list[Category], Field(max_length=4)] = [Category.OTP, Category.CRITICAL]


class QuietHoursView(BaseModel):
    enabled: bool
    zone: str
    start: str
    end: str
    days: list[Weekday]
    bypass: list[Category]

    @classmethod
    def of(cls, quiet: QuietHours) -> "QuietHoursView":
        return cls(
            enabled=quiet.enabled,
            zone=quiet.zone,
            start=quiet.start.strftime("%H:%M"),
            end=quiet.end.strftime("%H:%M"),
            days=quiet.days,
            bypass=quiet.bypass,
        )


class Received(BaseModel):
    """Thanks to a vendor: how many of the reports were about messages of ours."""

    known: int
    ignored: int
