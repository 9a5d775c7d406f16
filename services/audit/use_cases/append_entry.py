"""Put an audit message on record, sealed to the end of its chain."""

from libs.common.messaging.events import Envelope
from services.audit.domain.audit_event import PLATFORM_CHAIN, AuditEvent, Link
from services.audit.domain.chain import ChainHead
from services.audit.use_cases.ports import AuditTx


async def append_entry(envelope: Envelope, tx: AuditTx) -> None:
    """Its id is the message's, so a message that comes twice is recognised; its place in the chain is unique, so
    of two writers one does it again. A chain's first entry brings the note of its length, unless what is left of an
    older chain is one."""
    chain_id = envelope.clinic_id or PLATFORM_CHAIN
    last = await tx.record.last_of(chain_id)
    event = AuditEvent.following(last, envelope, tx.chain_key)
    tx.record.add(event)
    if last is None and await tx.heads.of(chain_id) is None:
        tx.heads.keep(ChainHead.of(chain_id, Link(event.seq, event.seal), tx.now, tx.chain_key), None)
