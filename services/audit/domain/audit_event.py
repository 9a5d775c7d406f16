"""One entry of the record, sealed to the one before it."""

import hmac
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple

import orjson
from pydantic import field_validator

from libs.common.aggregate import Aggregate
from libs.common.audit import AuditEntry
from libs.common.messaging.events import Envelope

PLATFORM_CHAIN = "platform"
"""Where entries go that belong to no clinic."""

GENESIS = "0" * 64
"""What the first entry of a chain is sealed to."""

_SEALED = (
    "id", "clinic_id", "chain_id", "seq", "at", "actor_id", "actor_role", "action", "entity_type", "entity_id", "about",
    "session_id", "request_id", "reason", "changes", "previous",
)  # fmt: skip


class Link(NamedTuple):
    """What the next entry is sealed to: place and seal of the last one."""

    seq: int
    seal: str


STORED = frozenset({"_id", "revision", "seal", *_SEALED} - {"id"})
"""The fields of a stored entry: one more or one less, and somebody was at it."""


class AuditEvent(Aggregate):
    """`seal` is the HMAC-SHA256 over all other facts, the seal of the entry before (`previous`) among them.

    `changes` is JSON text, kept as it came: what is sealed must read back to the letter.
    """

    chain_id: str
    seq: int
    at: datetime
    actor_id: str
    actor_role: str
    action: str
    entity_type: str
    entity_id: str
    about: str | None  # whose record it is, see `subject_id`
    session_id: str | None
    request_id: str
    reason: str | None
    changes: str
    previous: str
    seal: str = ""

    @field_validator("changes")
    @classmethod
    def _is_an_object(cls, text: str) -> str:
        if not isinstance(orjson.loads(text), dict):
            raise ValueError("a JSON object")
        return text

    @property
    def subject_id(self) -> str | None:
        return self.about

    @classmethod
    def following(cls, last: Link | None, envelope: Envelope, key: bytes) -> "AuditEvent":
        """The sealed entry that an audit message becomes at the end of its chain."""
        entry = AuditEntry.model_validate(envelope.data)
        chain_id = envelope.clinic_id or PLATFORM_CHAIN
        event = cls(
            id=envelope.id,
            clinic_id=chain_id,
            chain_id=chain_id,
            seq=1 if last is None else last.seq + 1,
            at=envelope.occurred_at,
            actor_id=envelope.actor.id,
            actor_role=envelope.actor.role,
            action=entry.action,
            entity_type=entry.entity.type,
            entity_id=entry.entity.id,
            about=entry.subject_id,
            session_id=entry.session_id,
            request_id=envelope.correlation_id,
            reason=entry.reason,
            changes=orjson.dumps(entry.changes, option=orjson.OPT_SORT_KEYS).decode(),
            previous=GENESIS if last is None else last.seal,
        )
        event.seal = event.expected_seal(key)
        return event

    def expected_seal(self, key: bytes) -> str:
        """What `seal` must be if nothing was changed."""
        facts = {name: getattr(self, name) for name in _SEALED}
        canonical = orjson.dumps(facts, option=orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z)
        return hmac.new(key, canonical, sha256).hexdigest()
