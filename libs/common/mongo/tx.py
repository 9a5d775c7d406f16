"""The unit of work a use case writes into: staged writes, events to publish, entries for the record.

Nothing touches the database until the use case has returned; `libs.common.mongo.transact` commits then. So a use
case can be run again after a conflict, and reads inside one do not see its own staged writes.
"""

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from libs.common.aggregate import Aggregate
from libs.common.audit import AuditEntry
from libs.common.messaging.events import Envelope, Event
from libs.common.mongo.database import Database, Raw
from libs.common.mongo.recent import RecentReads
from libs.common.security.caller import Caller, Reach


@dataclass(slots=True)
class StagedWrite:
    """One document to insert (`before` is None) or to update under its revision guard.

    `duplicates` maps the name of a unique index to what makes the error that a violation means.
    """

    collection: str
    aggregate: Aggregate
    before: Raw | None
    document: Raw
    duplicates: Mapping[str, Callable[[Any], Exception]] = field(default_factory=dict)
    masked: Set[str] = frozenset()

    @property
    def is_insert(self) -> bool:
        return self.before is None


@dataclass(slots=True)
class StagedAudit:
    """An entry for the record; changes are worked out at commit from the staged write of the same entity."""

    action: str
    entity_type: str
    entity: Aggregate
    reason: str | None


class Tx:
    """What a use case gets besides its command. Services subclass it with their repositories as attributes."""

    def __init__(self, db: Database, *, actor: Caller, now: datetime, cause: Envelope | None = None) -> None:
        self.db = db
        self.actor = actor
        self.now = now
        self.cause = cause
        self.recent = RecentReads()  # `transact` puts its own here, which outlives this
        self.writes: list[StagedWrite] = []
        self.events: list[Event] = []
        self.audits: list[StagedAudit] = []
        self.raw_writes: list[tuple[str, Raw, Raw]] = []

    @property
    def clinic_id(self) -> str:
        """The clinic this work happens in; a programming error when the caller has none."""
        if self.actor.clinic_id is None:
            raise RuntimeError("no clinic: take caller.within(clinic_id) before transact")
        return self.actor.clinic_id

    def publish(self, event: Event) -> None:
        """Announce a fact; it leaves with the commit, or not at all."""
        self.events.append(event)

    def audit(self, action: object, entity: Aggregate, *, reason: str | None = None) -> None:
        """Put on record that the actor did `action` (a permission, usually) to `entity`."""
        self.audits.append(StagedAudit(str(action), _snake(type(entity).__name__), entity, reason))

    def stage(self, write: StagedWrite) -> None:
        """Used by repositories. Staging the same document again replaces what was staged first."""
        for position, earlier in enumerate(self.writes):
            if earlier.collection == write.collection and earlier.aggregate.id == write.aggregate.id:
                write.before = earlier.before
                self.writes[position] = write
                return
        self.writes.append(write)

    def stage_update(self, collection: str, match: Raw, change: Raw) -> None:
        """An upsert outside of any aggregate (a projection's row, a counter), committed with the rest."""
        self.raw_writes.append((collection, match, change))

    def written_to(self) -> set[str]:
        """The collections this changes."""
        return {write.collection for write in self.writes} | {collection for collection, _, _ in self.raw_writes}

    def visible(self, owners: Mapping[str, str]) -> Raw:
        """The filter every query of this caller carries: its clinics, its own things if it reaches no further."""
        if self.actor.reach is Reach.EVERYWHERE:
            return {}
        clinics = self.actor.clinic_ids()
        scope: Raw = {"clinic_id": clinics[0] if len(clinics) == 1 else {"$in": clinics}}
        if self.actor.reach is Reach.OWN and owners:
            owned = self.actor.owned_ids()
            scope[owners[self.actor.role]] = owned[0] if len(owned) == 1 else {"$in": owned}
        return scope

    def audit_entry(self, staged: StagedAudit, changes: dict[str, dict[str, Any]]) -> AuditEntry:
        return AuditEntry.model_validate(
            {
                "action": staged.action,
                "entity": {"type": staged.entity_type, "id": staged.entity.id},
                "subject_id": staged.entity.subject_id,
                "session_id": self.actor.session_id,
                "reason": staged.reason,
                "changes": changes,
            }
        )


def _snake(name: str) -> str:
    return "".join(f"_{char.lower()}" if char.isupper() and i else char.lower() for i, char in enumerate(name))
