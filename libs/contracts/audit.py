"""Events of Audit & Compliance."""

from libs.common.messaging.events import Event


class AuditChainBroken(Event):
    """Verification found an entry that was changed, removed or moved."""

    publisher = "audit"
    type = "AUDIT_CHAIN_BROKEN"
    aggregate_type = "chain"
    chain_id: str
    first_bad_seq: int


EVENTS: tuple[type[Event], ...] = (AuditChainBroken,)
