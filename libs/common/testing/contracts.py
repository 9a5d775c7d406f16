"""A service and the event contracts: it emits what the examples show, and handles every example it subscribes to."""

from collections.abc import Callable, Mapping
from typing import Any

from libs.common.ids import new_id
from libs.common.messaging.consumer import Handler
from libs.common.messaging.events import AggregateRef, Envelope, Event, EventActor
from libs.common.testing.service_under_test import ServiceUnderTest


def envelope_around(event: type[Event], data: Mapping[str, Any], clinic_id: str) -> Envelope:
    """The example as it would come from the bus."""
    parsed = event.model_validate(data)
    return Envelope(
        id=new_id("evt"),
        type=event.type,
        version=event.version,
        occurred_at="2026-11-25T03:30:00Z",
        clinic_id=clinic_id,
        actor=EventActor(id=new_id("usr"), role="admin"),
        aggregate=AggregateRef(type=event.aggregate_type, id=parsed.aggregate_id, seq=1),
        correlation_id=new_id("req"),
        data=dict(data),
    )


async def handle_examples(
    service: ServiceUnderTest, table: Mapping[type[Event], Handler], example: Callable[[type[Event]], dict[str, Any]]
) -> None:
    """Deliver the example of every subscribed event, with a field its reader does not know, twice."""
    clinic_id = new_id("cln")
    for event in table:
        data = {**example(event), "added_by_a_later_version": True}
        envelope = envelope_around(event, data, clinic_id)
        await service.deliver(table, envelope, envelope)
        handled = await service.runtime.db["inbox"].count_documents({"_id": envelope.id})
        assert handled == 1, event.type


async def differing_from_examples(
    service: ServiceUnderTest, events: Mapping[str, type[Event]], example: Callable[[type[Event]], dict[str, Any]]
) -> list[str]:
    """The events this service announced so far whose payload has other fields, or other kinds of values, than the
    example its consumers are tested with."""
    wrong = []
    for envelope in await service.announced():
        event = events.get(f"{envelope.type}.v{envelope.version}")
        if event is None:
            continue
        expected = example(event)
        if set(envelope.data) != set(expected):
            wrong.append(f"{envelope.type}: {sorted(set(envelope.data) ^ set(expected))}")
        wrong += [
            f"{envelope.type}.{name}: {type(value).__name__}"
            for name, value in envelope.data.items()
            if value is not None and expected.get(name) is not None and type(value) is not type(expected[name])
        ]
    return wrong
