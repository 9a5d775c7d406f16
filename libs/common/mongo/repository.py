"""Repositories: load aggregates within the caller's sight, stage them for the commit."""

from collections.abc import Callable, Mapping, Set
from typing import Any, ClassVar, Generic, TypeVar

from beanie import Document
from pymongo.asynchronous.collection import AsyncCollection

from libs.common.aggregate import Aggregate
from libs.common.errors import NotFound, PreconditionFailed
from libs.common.mongo.database import Raw, collection_name
from libs.common.mongo.tx import StagedWrite, Tx
from libs.common.web.pagination import Cursor, Page

A = TypeVar("A", bound=Aggregate)


class Repository(Generic[A]):
    """Base of every repository. A subclass says what it stores, and what its caller may see of it.

    document    the Beanie class: collection and indexes
    aggregate   the domain model documents are read as
    owners      role -> field that names the owner, for callers who reach only their own
    duplicates  unique index -> the error its violation means, made from the aggregate that was refused
    masked      fields whose values never reach the audit record
    """

    document: ClassVar[type[Document]]
    aggregate: type[A]
    missing: ClassVar[type[NotFound]] = NotFound
    owners: ClassVar[Mapping[str, str]] = {}
    duplicates: ClassVar[Mapping[str, Callable[[Any], Exception]]] = {}
    masked: ClassVar[Set[str]] = frozenset()

    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        self._name = collection_name(self.document)
        self._loaded: dict[str, Raw] = {}

    @property
    def collection(self) -> AsyncCollection[Raw]:
        return self._tx.db[self._name]

    async def get(self, aggregate_id: str, *, expected_revision: int | None = None) -> A:
        """The aggregate, or `missing` when it does not exist or is out of the caller's sight.

        Raises `PreconditionFailed` when the caller has seen another revision than the current one.
        """
        found = await self.find_one({"_id": aggregate_id})
        if found is None:
            raise self.missing
        if expected_revision is not None and found.revision != expected_revision:
            raise PreconditionFailed("Load it again, and send the new ETag in If-Match")
        return found

    async def find_one(self, query: Raw) -> A | None:
        raw = await self.collection.find_one(self._scoped(query))
        return None if raw is None else self._read(raw)

    async def find(self, query: Raw, *, sort: list[tuple[str, int]] | None = None, limit: int = 0) -> list[A]:
        """All that match, within sight. Give a bounded query: there is an index for it, or there must be."""
        cursor = self.collection.find(self._scoped(query), sort=sort, limit=limit)
        return [self._read(raw) async for raw in cursor]

    async def consult(self, query: Raw) -> list[A]:
        """As `find`, and at most a second old: for what nearly every request reads and hardly anybody changes.
        What comes back is shared and only to look at; who changes an aggregate loads it."""
        asked = repr(self._scoped(query))
        return await self._tx.recent.get(self._name, asked, lambda: self.find(query))

    async def page(self, query: Raw, cursor: Cursor, *, sort_by: str = "_id", newest_first: bool = False) -> Page[A]:
        """One page in the order of `sort_by`, ties by id; ids sort by time, so newest first is `_id` backwards."""
        scope = self._scoped(query)
        if cursor.after is not None:
            scope |= _behind(scope, sort_by, cursor.after, "lt" if newest_first else "gt")
        direction = -1 if newest_first else 1
        order = [(field, direction) for field in dict.fromkeys((sort_by, "_id"))]
        raws = await self.collection.find(scope, sort=order).limit(cursor.limit + 1).to_list()
        more = len(raws) > cursor.limit
        raws = raws[: cursor.limit]
        last = [raws[-1][sort_by], raws[-1]["_id"]] if more else None
        return Page(items=self._read_all(raws), next_cursor=cursor.next(last))

    def add(self, aggregate: A) -> None:
        """Stage an insert. A violated unique index surfaces from `transact` as the error in `duplicates`."""
        aggregate.revision = 1
        aggregate.created_at = aggregate.updated_at = self._tx.now
        self._stage(aggregate, before=None)

    def save(self, aggregate: A) -> None:
        """Stage an update, guarded by the revision that was loaded."""
        before = self._loaded[aggregate.id]
        aggregate.revision = before["revision"] + 1
        aggregate.updated_at = self._tx.now
        self._stage(aggregate, before=before)

    def _scoped(self, query: Raw) -> Raw:
        """`query` within the caller's sight; what is asked for beyond it matches nothing."""
        scope = dict(query)
        for field, visible in self._tx.visible(self.owners).items():
            asked = scope.setdefault(field, visible)
            if asked != visible and not (isinstance(visible, dict) and asked in visible["$in"]):
                scope[field] = {"$in": []}
        return scope

    def _stage(self, aggregate: A, *, before: Raw | None) -> None:
        document = aggregate.model_dump()
        document["_id"] = document.pop("id")
        self._tx.stage(StagedWrite(self._name, aggregate, before, document, self.duplicates, self.masked))

    def _read_all(self, raws: list[Raw]) -> list[A]:
        return [self._read(raw) for raw in raws]

    def _read(self, raw: Raw) -> A:
        self._loaded[raw["_id"]] = raw
        return self.aggregate.model_validate(raw)


def _behind(scope: Raw, sort_by: str, after: list[Any], beyond: str) -> Raw:
    """What narrows `scope` to the rows behind the last one of the page before; one range, so an index serves it."""
    value, last_id = after
    if sort_by == "_id":
        return {"_id": {f"${beyond}": last_id}}
    return {
        sort_by: {**scope.get(sort_by, {}), f"${beyond}e": value},
        "$or": [{sort_by: {f"${beyond}": value}}, {"_id": {f"${beyond}": last_id}}],
    }
