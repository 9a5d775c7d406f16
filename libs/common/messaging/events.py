"""What a domain event is, and the envelope it travels in."""

from datetime import datetime
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict


class Event(BaseModel):
    """A fact that happened. Facts only: ids, times, amounts; nothing about a person.

    A concrete event is frozen, ignores unknown fields when read, and names four things:

        class AppointmentConfirmed(Event):
            publisher = "scheduling"
            type = "APPOINTMENT_CONFIRMED"
            aggregate_type = "appointment"      # the field `appointment_id` holds the aggregate's id
            appointment_id: str
    """

    model_config = ConfigDict(frozen=True, extra="ignore", from_attributes=True)

    publisher: ClassVar[str]
    type: ClassVar[str]
    version: ClassVar[int] = 1
    aggregate_type: ClassVar[str]

    @classmethod
    def of(cls, aggregate: Any, **more: Any) -> Self:
        """The event about `aggregate`: fields are read from its attributes, `<type>_id` from its `id`."""
        own_id = cls.aggregate_id_field()
        values = {
            name: getattr(aggregate, name)
            for name in cls.model_fields
            if name != own_id and name not in more and hasattr(aggregate, name)
        }
        return cls.model_validate({own_id: aggregate.id, **values, **more})

    @classmethod
    def aggregate_id_field(cls) -> str:
        return f"{cls.aggregate_type}_id"

    @property
    def aggregate_id(self) -> str:
        return str(getattr(self, self.aggregate_id_field()))

    @classmethod
    def routing_key(cls) -> str:
        """`scheduling.appointment_confirmed.v1`: what queues bind to."""
        return f"{cls.publisher}.{cls.type.lower()}.v{cls.version}"


class EventActor(BaseModel):
    """Who made it happen."""

    model_config = ConfigDict(frozen=True)

    id: str
    role: str


class AggregateRef(BaseModel):
    """What it happened to; `seq` grows by one with each change of that aggregate."""

    model_config = ConfigDict(frozen=True)

    type: str
    id: str
    seq: int


class Envelope(BaseModel):
    """The message on the wire: one event with its context, as JSON."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    type: str
    version: int
    occurred_at: datetime
    clinic_id: str | None
    actor: EventActor
    aggregate: AggregateRef
    correlation_id: str
    causation_id: str | None = None
    traceparent: str | None = None
    data: dict[str, Any]
