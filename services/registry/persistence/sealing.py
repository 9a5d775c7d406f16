"""Fields that are stored encrypted: opened as a document is read, sealed as it is staged.

Each is one ciphertext of the value as JSON, bound to clinic, collection, document and field. What has not changed
keeps its ciphertext, so the audit record shows exactly the fields that did.
"""

from typing import Any, ClassVar

import orjson

from libs.common.crypto.fields import FieldCrypto, Place
from libs.common.mongo.database import Raw
from libs.common.mongo.repository import A, Repository
from libs.common.mongo.tx import StagedWrite, Tx

KEY_VERSION = "key_version"
"""The oldest data key that some value of the document may still need."""


class SealedRepository(Repository[A]):
    """A repository whose documents have encrypted fields. Stage with `keep`, which seals; `add` and `save` refuse.

    sealed   the fields to encrypt; empty values are stored as they are
    """

    sealed: ClassVar[tuple[str, ...]] = ()

    def __init__(self, tx: Tx, crypto: FieldCrypto) -> None:
        super().__init__(tx)
        self._crypto = crypto
        self._opened: dict[str, dict[str, bytes]] = {}
        self._ready: dict[str, Raw] = {}

    def sight(self) -> Raw:
        """What the caller may see; a query begins with an indexed field and ends with this."""
        return self._tx.visible(self.owners)

    async def find_one(self, query: Raw) -> A | None:
        raw = await self.collection.find_one({**query, **self.sight()})
        return None if raw is None else await self._open(raw)

    async def find(self, query: Raw, *, sort: list[tuple[str, int]] | None = None, limit: int = 0) -> list[A]:
        raws = await self.collection.find({**query, **self.sight()}, sort=sort, limit=limit).to_list()
        return [await self._open(raw) for raw in raws]

    async def keep(self, aggregate: A) -> None:
        """Stage it, new or changed."""
        before = self._loaded.get(aggregate.id)
        self._ready[aggregate.id] = await self._seal(aggregate, before)
        if before is None:
            self.add(aggregate)
        else:
            self.save(aggregate)

    def derived(self, aggregate: A) -> Raw:
        """What is stored beside the aggregate's own fields, for searching."""
        return {}

    async def _open(self, raw: Raw) -> A:
        texts: dict[str, bytes] = {}
        values: Raw = {}
        for field in self.sealed:
            stored = raw.get(field)
            if stored:
                text = await self._crypto.decrypt(stored, place_of(raw["clinic_id"], self._name, raw["_id"], field))
                texts[field] = text.encode()
                values[field] = orjson.loads(text)
        self._opened[raw["_id"]] = texts
        self._loaded[raw["_id"]] = raw
        return self.aggregate.model_validate({**raw, **values})

    async def _seal(self, aggregate: A, before: Raw | None) -> Raw:
        newest, _ = await self._crypto.data_keys.newest(aggregate.clinic_id)
        known = self._opened.get(aggregate.id, {})
        plain = aggregate.model_dump(mode="json", include=set(self.sealed))
        kept = False
        ready: Raw = {}
        for field in self.sealed:
            text = orjson.dumps(plain[field])
            if not plain[field]:
                ready[field] = plain[field]
            elif before is not None and known.get(field) == text:
                ready[field] = before[field]
                kept = True
            else:
                place = place_of(aggregate.clinic_id, self._name, aggregate.id, field)
                ready[field] = await self._crypto.encrypt(text.decode(), place)
        ready[KEY_VERSION] = before[KEY_VERSION] if kept and before is not None else newest
        return ready

    def _stage(self, aggregate: A, *, before: Raw | None) -> None:
        document: dict[str, Any] = aggregate.model_dump(exclude=set(self.sealed))
        document["_id"] = document.pop("id")
        document |= self._ready.pop(aggregate.id) | self.derived(aggregate)
        self._tx.stage(StagedWrite(self._name, aggregate, before, document, self.duplicates, self.masked))


def place_of(clinic_id: str, collection: str, document_id: str, field: str) -> Place:
    return Place(clinic_id, collection, document_id, field)
