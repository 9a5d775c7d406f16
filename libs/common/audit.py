"""What goes on record about a change or a look: who, what, to which thing, and what changed."""

from collections.abc import Mapping, Set
from typing import Any

from pydantic import BaseModel, ConfigDict

MASKED = "***"
_NEVER_COMPARED = frozenset({"_id", "revision", "updated_at", "outbox", "outbox_at", "once"})

AUDIT_ENTRY = "AUDIT_ENTRY"
AUDIT_EXCHANGE = "clinic.audit"


class AuditedEntity(BaseModel):
    """The thing acted on."""

    model_config = ConfigDict(frozen=True)

    type: str
    id: str


class AuditEntry(BaseModel):
    """The payload of an audit message; time, actor, clinic and request are in its envelope.

    `changes` maps a field to `{"from": ..., "to": ...}`; values of sensitive fields are masked, the fact of
    the change is not.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    action: str
    entity: AuditedEntity
    subject_id: str | None = None
    session_id: str | None = None
    reason: str | None = None
    changes: dict[str, dict[str, Any]] = {}


def changes_between(
    before: Mapping[str, Any] | None, after: Mapping[str, Any], masked: Set[str] = frozenset()
) -> dict[str, dict[str, Any]]:
    """Field by field, what differs; for a new document (`before` None) everything that is set."""
    old: Mapping[str, Any] = before or {}
    changes: dict[str, dict[str, Any]] = {}
    for name, value in after.items():
        if name in _NEVER_COMPARED or old.get(name) == value:
            continue
        if name in masked:
            changes[name] = {"from": MASKED if name in old else None, "to": MASKED}
        else:
            changes[name] = {"from": old.get(name), "to": value}
    return changes
