"""Turning what a use case announced into messages: an envelope each, serialised once, at commit."""

from datetime import datetime
from typing import TYPE_CHECKING

from libs.common.audit import AUDIT_ENTRY, AUDIT_EXCHANGE, changes_between
from libs.common.ids import new_id
from libs.common.messaging.events import AggregateRef, Envelope, Event, EventActor
from libs.common.messaging.outbox import EVENTS_EXCHANGE, OutboxItem
from libs.common.mongo.database import Raw
from libs.common.telemetry.logs import current_context
from libs.common.telemetry.tracing import current_traceparent

if TYPE_CHECKING:
    from libs.common.mongo.tx import StagedAudit, StagedWrite, Tx


def outbox_items(tx: "Tx", service: str) -> dict[str, list[Raw]]:
    """Messages by the id of the aggregate they are about, in the order they were announced."""
    items: dict[str, list[Raw]] = {}
    if not tx.events and not tx.audits:
        return items
    staged = {write.aggregate.id: write for write in tx.writes}
    context = _Context(tx)
    for event in tx.events:
        write = staged.get(event.aggregate_id)
        seq = write.aggregate.revision if write else 0
        about = AggregateRef(type=event.aggregate_type, id=event.aggregate_id, seq=seq)
        clinic_id = write.aggregate.clinic_id if write else None
        envelope = context.envelope(event.type, event.version, about, event, clinic_id)
        item = OutboxItem.of(envelope, exchange=EVENTS_EXCHANGE, key=event.routing_key())
        items.setdefault(event.aggregate_id, []).append(item.stored())
    for audit in tx.audits:
        envelope = context.audit_envelope(tx, audit, staged.get(audit.entity.id))
        item = OutboxItem.of(envelope, exchange=AUDIT_EXCHANGE, key=f"{service}.audit")
        items.setdefault(audit.entity.id, []).append(item.stored())
    return items


class _Context:
    """What all messages of one commit have in common."""

    def __init__(self, tx: "Tx") -> None:
        self._actor = EventActor(id=tx.actor.id, role=tx.actor.role)
        self._clinic_id = tx.actor.clinic_id
        self._now: datetime = tx.now
        self._cause = tx.cause
        if tx.cause is not None:
            self._correlation_id = tx.cause.correlation_id
        else:
            self._correlation_id = str(current_context().get("request_id") or new_id("req"))
        self._traceparent = current_traceparent()

    def envelope(self, kind: str, version: int, about: AggregateRef, data: Event, clinic_id: str | None) -> Envelope:
        return self._envelope(kind, version, about, data.model_dump(mode="json"), clinic_id)

    def audit_envelope(self, tx: "Tx", audit: "StagedAudit", write: "StagedWrite | None") -> Envelope:
        changes = {} if write is None else changes_between(write.before, write.document, write.masked)
        entry = tx.audit_entry(audit, changes)
        about = AggregateRef(type=audit.entity_type, id=audit.entity.id, seq=audit.entity.revision)
        return self._envelope(AUDIT_ENTRY, 1, about, entry.model_dump(mode="json"), audit.entity.clinic_id)

    def _envelope(self, kind: str, version: int, about: AggregateRef, data: Raw, clinic_id: str | None) -> Envelope:
        return Envelope(
            id=new_id("evt"),
            type=kind,
            version=version,
            occurred_at=self._now,
            clinic_id=clinic_id or self._clinic_id,
            actor=self._actor,
            aggregate=about,
            correlation_id=self._correlation_id,
            causation_id=None if self._cause is None else self._cause.id,
            traceparent=self._traceparent,
            data=data,
        )
