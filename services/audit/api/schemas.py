"""The public shapes of audit."""

from datetime import datetime
from typing import Any

import orjson
from pydantic import BaseModel

from services.audit.domain.audit_event import AuditEvent


class AuditEventView(BaseModel):
    """Who did what to which thing. `changes` maps fields to `{"from", "to"}`, sensitive values masked."""

    id: str
    seq: int
    at: datetime
    actor_id: str
    actor_role: str
    action: str
    entity_type: str
    entity_id: str
    subject_id: str | None
    session_id: str | None
    request_id: str
    reason: str | None
    changes: dict[str, Any]

    @classmethod
    def of(cls, event: AuditEvent) -> "AuditEventView":
        values = {name: getattr(event, name) for name in cls.model_fields if name != "changes"}
        return cls(**values, changes=orjson.loads(event.changes))


class AccessView(BaseModel):
    """One look at, or change of, something in a patient's record, as the patient sees it."""

    at: datetime
    patient_id: str
    actor_id: str
    actor_role: str
    action: str
    entity_type: str
    entity_id: str

    @classmethod
    def of(cls, event: AuditEvent) -> "AccessView":
        values = {name: getattr(event, name) for name in cls.model_fields if name != "patient_id"}
        return cls(**values, patient_id=event.about or "")


class VerdictView(BaseModel):
    """`ok` tells whether the record holds; if not, `first_bad_seq` and `reason` say where it breaks."""

    ok: bool
    entries: int
    first_bad_seq: int | None = None
    reason: str | None = None
