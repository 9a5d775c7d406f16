"""The collections of audit and their indexes."""

from beanie import Document
from pymongo import ASCENDING, DESCENDING, IndexModel

from services.audit.domain.audit_event import AuditEvent
from services.audit.domain.chain import ChainHead

CHAIN_PLACE = "chain_place"


class AuditEventDocument(AuditEvent, Document):
    class Settings:
        name = "audit_events"
        indexes = [
            IndexModel([("chain_id", ASCENDING), ("seq", ASCENDING)], name=CHAIN_PLACE, unique=True),
            IndexModel([("entity_id", ASCENDING), ("_id", DESCENDING)], name="entity"),
            IndexModel([("about", ASCENDING), ("_id", DESCENDING)], name="about"),
            IndexModel([("actor_id", ASCENDING), ("_id", DESCENDING)], name="actor"),
            IndexModel([("clinic_id", ASCENDING), ("_id", DESCENDING)], name="clinic"),
        ]


class ChainHeadDocument(ChainHead, Document):
    class Settings:
        name = "chain_heads"


DOCUMENTS: list[type[Document]] = [AuditEventDocument, ChainHeadDocument]
