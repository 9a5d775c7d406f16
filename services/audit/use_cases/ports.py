"""What use cases need from storage."""

from collections.abc import AsyncIterator
from typing import Protocol

from pydantic import BaseModel, ConfigDict

from libs.common.mongo.tx import Tx
from libs.common.web.pagination import Cursor, Page
from services.audit.domain.audit_event import AuditEvent, Link
from services.audit.domain.chain import ChainHead


class Search(BaseModel):
    """Entries that match all that is given."""

    model_config = ConfigDict(frozen=True)

    entity_id: str | None = None
    subject_id: str | None = None
    actor_id: str | None = None
    action: str | None = None


class Record(Protocol):
    async def last_of(self, chain_id: str) -> Link | None:
        """Place and seal as they are stored: a damaged last entry keeps nothing from being appended."""
        ...

    async def has_begun(self, chain_id: str) -> bool: ...
    async def chain_ids(self) -> list[str]: ...
    async def seal_at(self, chain_id: str, seq: int) -> str | None: ...
    def chain(self, chain_id: str) -> AsyncIterator[AuditEvent | None]:
        """All entries of the chain in order of `seq`, whoever asks; None for what does not read as one."""
        ...

    async def newest_first(self, search: Search, cursor: Cursor) -> Page[AuditEvent]:
        """Without those that do not read as entries; `chain` tells where they stand."""
        ...

    def add(self, aggregate: AuditEvent) -> None: ...


class Heads(Protocol):
    async def of(self, chain_id: str) -> ChainHead | None: ...
    async def all_ids(self) -> list[str]: ...
    def keep(self, head: ChainHead, known: ChainHead | None) -> None: ...


class AuditTx(Tx):
    """The unit of work of every use case here. `chain_key` seals the chain."""

    record: Record
    heads: Heads
    chain_key: bytes
