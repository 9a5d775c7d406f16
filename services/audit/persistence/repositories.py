"""Repositories of audit."""

from collections.abc import AsyncIterator
from typing import Any

from pydantic import ValidationError

from libs.common.mongo.database import Raw
from libs.common.mongo.repository import Repository
from libs.common.mongo.steps import StaleRevision
from libs.common.mongo.tx import Tx
from libs.common.web.pagination import Cursor, Page
from libs.contracts.roles import PATIENT
from services.audit.domain.audit_event import STORED, AuditEvent, Link
from services.audit.domain.chain import ChainHead
from services.audit.domain.errors import EntryKnown
from services.audit.persistence import documents as stored
from services.audit.use_cases.ports import AuditTx, Search


def _readable(raw: Raw) -> AuditEvent | None:
    """The entry; None for what lies there and is none (any more)."""
    try:
        return AuditEvent.model_validate(raw)
    except ValidationError:
        return None


class RecordRepository(Repository[AuditEvent]):
    document = stored.AuditEventDocument
    aggregate = AuditEvent
    owners = {PATIENT: "about"}
    duplicates = {"_id_": lambda _: EntryKnown(), stored.CHAIN_PLACE: lambda _: StaleRevision()}

    async def last_of(self, chain_id: str) -> Link | None:
        placed = {"chain_id": chain_id, "seq": {"$type": "number"}}
        raw = await self.collection.find_one(placed, {"seq": 1, "seal": 1}, sort=[("seq", -1)])
        return None if raw is None else Link(int(raw["seq"]), str(raw.get("seal")))

    async def has_begun(self, chain_id: str) -> bool:
        return await self.collection.find_one({"chain_id": chain_id}, {"_id": 1}) is not None

    async def chain_ids(self) -> list[str]:
        return [str(chain_id) for chain_id in await self.collection.distinct("chain_id")]

    async def seal_at(self, chain_id: str, seq: int) -> str | None:
        raw = await self.collection.find_one({"chain_id": chain_id, "seq": seq}, {"seal": 1})
        return None if raw is None else str(raw.get("seal"))

    async def chain(self, chain_id: str) -> AsyncIterator[AuditEvent | None]:
        async for raw in self.collection.find({"chain_id": chain_id}, sort=[("seq", 1)], batch_size=1000):
            yield _readable(raw) if raw.keys() == STORED else None

    async def newest_first(self, search: Search, cursor: Cursor) -> Page[AuditEvent]:
        names = {"entity_id": "entity_id", "subject_id": "about", "actor_id": "actor_id", "action": "action"}
        given = {names[name]: value for name, value in search.model_dump(exclude_none=True).items()}
        return await self.page(given, cursor, newest_first=True)

    def _read_all(self, raws: list[Raw]) -> list[AuditEvent]:
        """A damaged one takes none of the others with it; checking the chain tells where it stands."""
        return [event for event in map(_readable, raws) if event is not None]

    def _stage(self, aggregate: AuditEvent, *, before: Raw | None) -> None:
        """What is stored is what is sealed: the kernel's dates would be neither told nor guarded by anything."""
        super()._stage(aggregate, before=before)
        document = self._tx.writes[-1].document
        del document["created_at"], document["updated_at"]


class HeadRepository(Repository[ChainHead]):
    document = stored.ChainHeadDocument
    aggregate = ChainHead
    duplicates = {"_id_": lambda _: StaleRevision()}

    async def of(self, chain_id: str) -> ChainHead | None:
        raw = await self.collection.find_one({"_id": chain_id})
        try:
            return None if raw is None else self._read(raw)
        except ValidationError:
            return ChainHead.unreadable(chain_id)

    async def all_ids(self) -> list[str]:
        return [str(raw["_id"]) async for raw in self.collection.find({}, {"_id": 1})]

    def keep(self, head: ChainHead, known: ChainHead | None) -> None:
        self.add(head) if known is None else self.save(head)


class MongoAuditTx(AuditTx):
    """`AuditTx` over MongoDB."""

    def __init__(self, *args: Any, chain_key: bytes, **kwargs: Any) -> None:
        Tx.__init__(self, *args, **kwargs)
        self.chain_key = chain_key
        self.record = RecordRepository(self)
        self.heads = HeadRepository(self)
