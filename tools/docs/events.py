"""The event catalogue as a page for people and as an AsyncAPI 3.0 document for tools."""

from itertools import groupby

import orjson

from libs.common.messaging.events import Envelope, Event
from libs.common.messaging.outbox import EVENTS_EXCHANGE
from libs.contracts.catalog import EVENTS, consumers_of
from libs.contracts.snapshots import example, name_of

_INTRO = """# Events

Written by `make docs` from `libs/contracts`; do not edit. Every event travels in an envelope
(`id, type, version, occurred_at, clinic_id, actor, aggregate, correlation_id, causation_id, traceparent, data`) on the
topic exchange `clinic.events`, with the routing key given here. Facts only: ids, times, amounts; no phone number, no
diagnosis, no text that somebody typed.

An event changes only by optional fields; anything else is a new version beside the old one. CI refuses it otherwise.
"""


def events_text() -> str:
    """`docs/events.md`."""
    parts = [_INTRO]
    for publisher, events in groupby(EVENTS, key=lambda event: event.publisher):
        parts.append(f"\n## {publisher}\n")
        parts += [_event_text(event) for event in events]
    return "".join(parts)


def _event_text(event: type[Event]) -> str:
    meaning = " ".join((event.__doc__ or "").split())
    consumers = ", ".join(consumers_of(event)) or "nobody yet"
    data = orjson.dumps(example(event), option=orjson.OPT_INDENT_2).decode()
    return (
        f"\n### {event.type} v{event.version}\n\n{meaning}\n\n"
        f"Routing key `{event.routing_key()}` · about a `{event.aggregate_type}` · heard by {consumers}\n\n"
        f"```json\n{data}\n```\n"
    )


def asyncapi_text() -> str:
    """`docs/asyncapi.json`."""
    envelope = Envelope.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas = {**envelope.pop("$defs", {}), "Envelope": envelope}
    channels, operations, messages = {}, {}, {}
    for event in EVENTS:
        name = name_of(event)
        schemas[name] = event.model_json_schema(mode="serialization")
        payload = {"allOf": [{"$ref": "#/components/schemas/Envelope"}, {"properties": {"data": _ref(name)}}]}
        messages[name] = {"name": event.type, "summary": " ".join((event.__doc__ or "").split()), "payload": payload}
        channels[name] = {
            "address": event.routing_key(),
            "messages": {"event": {"$ref": f"#/components/messages/{name}"}},
            "bindings": {"amqp": {"is": "routingKey", "exchange": {"name": EVENTS_EXCHANGE, "type": "topic"}}},
        }
        operations[f"{event.publisher}-publishes-{name}"] = {
            "action": "send",
            "channel": {"$ref": f"#/channels/{name}"},
        }
    document = {
        "asyncapi": "3.0.0",
        "info": {"title": "Clinic platform events", "version": "1.0.0"},
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": schemas},
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}
