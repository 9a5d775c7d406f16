"""What is remembered of a notification's way: its states, the calls to vendors, and each move."""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel

from services.notifications.domain.purposes import Channel


class Status(StrEnum):
    QUEUED = "QUEUED"
    DEFERRED = "DEFERRED"
    SENDING = "SENDING"
    SENT = "SENT"
    DELIVERED = "DELIVERED"
    READ = "READ"
    FAILED = "FAILED"
    UNKNOWN = "UNKNOWN"
    SUPPRESSED = "SUPPRESSED"


class Attempt(BaseModel):
    """One call to a vendor."""

    channel: Channel
    at: datetime
    provider_message_id: str | None = None
    error_code: str | None = None


class Step(BaseModel):
    """One move, as the history shows it."""

    at: datetime
    status: Status
    channel: Channel
    detail: str | None = None
