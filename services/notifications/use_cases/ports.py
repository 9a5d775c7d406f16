"""What use cases and the sender need from storage, from vendors and from other services."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from pydantic import BaseModel, ConfigDict

from libs.common.mongo.tx import Tx
from libs.common.web.pagination import Cursor, Page
from services.notifications.domain.letter import Letter
from services.notifications.domain.notification import Notification
from services.notifications.domain.outcome import Answer, Outcome
from services.notifications.domain.preference import Preference
from services.notifications.domain.purposes import Channel
from services.notifications.domain.quiet_hours import QuietHours


class Due(BaseModel):
    """A notification that wants to be looked at, as little of it as the sender needs to pick."""

    model_config = ConfigDict(frozen=True)

    id: str
    clinic_id: str
    lane: str
    correlation_id: str | None = None


class Notifications(Protocol):
    async def get(self, aggregate_id: str, *, expected_revision: int | None = None) -> Notification: ...
    async def find_one(self, query: dict[str, object]) -> Notification | None: ...
    async def due(self, lanes: Mapping[str, int]) -> list[Due]:
        """What is due, so many of each lane, the longest waiting first."""
        ...

    async def telling_of(self, about: str) -> list[Notification]: ...
    async def newer_than(self, notification: Notification) -> bool:
        """Whether there is something newer about the same thing."""
        ...

    async def behind_report(self, message_id: str, ref: str | None) -> Notification | None:
        """The notification a vendor's report is about: by the vendor's id, or by the reference it got from us."""
        ...

    async def listed(self, cursor: Cursor, *, patient_id: str | None) -> Page[Notification]:
        """Newest first."""
        ...

    def add(self, aggregate: Notification) -> None: ...
    def save(self, aggregate: Notification) -> None: ...


class Preferences(Protocol):
    async def of(self, patient_id: str) -> Preference:
        """The patient's preferences; the defaults (revision 0) when none were set."""
        ...

    def keep(self, preference: Preference) -> None: ...


class QuietHoursOfClinics(Protocol):
    async def of(self, clinic_id: str) -> QuietHours:
        """The clinic's quiet hours; off (revision 0) when none were set."""
        ...

    def keep(self, quiet_hours: QuietHours) -> None: ...


class NotificationsTx(Tx):
    """The unit of work of every use case here."""

    notifications: Notifications
    preferences: Preferences
    quiet_hours: QuietHoursOfClinics


class Recipient(BaseModel):
    """Who a message goes to, told at send time and kept nowhere. `withdrawn_consents`: the registry's purposes."""

    model_config = ConfigDict(frozen=True)

    phone: str | None
    email: str | None = None
    name: str = ""
    language: str = "en"
    withdrawn_consents: frozenset[str] = frozenset()


class Code(BaseModel):
    """A login code that is still good, and where it goes."""

    model_config = ConfigDict(frozen=True)

    phone: str
    code: str
    language: str
    expires_at: datetime


class ClinicCard(BaseModel):
    """What a clinic is called, and on which clock it lives."""

    model_config = ConfigDict(frozen=True)

    name: str
    zone: str


class People(Protocol):
    """Other services, asked for what is never on the bus. None: there is no such thing (any more)."""

    async def patient(self, patient_id: str) -> Recipient | None: ...
    async def code(self, challenge_id: str) -> Code | None: ...
    async def clinic(self, clinic_id: str) -> ClinicCard | None: ...
    async def staff_name(self, user_id: str) -> str | None: ...


class Provider(Protocol):
    """A vendor. It is called once per attempt; repeating is decided by the notification."""

    async def send(self, letter: Letter) -> Outcome: ...

    async def ask(self, ref: str) -> Answer | None:
        """What became of that message; None when the vendor cannot say now."""
        ...


class Providers(Protocol):
    def __getitem__(self, channel: Channel) -> Provider: ...
