"""Put an audit message on record, sealed to the end of its chain."""

from libs.common.messaging.events import Envelope
from services.audit.domain.audit_event import PLATFORM_CHAIN, AuditEvent
from services.audit.use_cases.ports import AuditTx


async def append_entry(envelope: Envelope, tx: AuditTx) -> None:
    """Its id is the message's, so a message that comes twice is recognised; its place in the chain is unique, so
    of two writers one does it again."""
    last = await tx.record.last_of(envelope.clinic_id or PLATFORM_CHAIN)
    tx.record.add(AuditEvent.following(last, envelope, tx.chain_key))
