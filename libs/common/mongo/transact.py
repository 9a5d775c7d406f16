"""`transact`: the one way a state change happens.

It takes the locks the use case declares, runs the use case, and commits what was staged the cheapest way that is
atomic: one changed document is one write that carries its messages and the request's key inside it; anything more
is a MongoDB transaction. Then it wakes the relay and returns the result, so an answer is built after the commit.
"""

import asyncio
import random
import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from opentelemetry import trace
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import DuplicateKeyError, OperationFailure

from libs.common.clock import Clock
from libs.common.errors import Conflict, Problem
from libs.common.messaging.envelopes import outbox_items
from libs.common.messaging.events import Envelope
from libs.common.messaging.outbox import STANDALONE_COLLECTION, OutboxWaker
from libs.common.mongo.database import Database, Raw
from libs.common.mongo.once import Once, RequestInProgress, find_answer, result_type
from libs.common.mongo.recent import RecentReads
from libs.common.mongo.tx import StagedWrite, Tx
from libs.common.resilience.locks import Locks, LockTaken
from libs.common.security.caller import Caller

T = TypeVar("T", bound=Tx)
T_co = TypeVar("T_co", bound=Tx, covariant=True)
R = TypeVar("R")
C = TypeVar("C")

_ATTEMPTS = 8
_ANSWER_WAITED_FOR = 5.0
_INDEX_NAME = re.compile(r"collection: \S+?\.(\S+) index: (\S+)")


class Contention(Conflict):
    """Others kept changing the same thing; nothing was done."""

    code = "busy"
    title = "Others are changing this at the same moment: try again"


class StaleRevision(Exception):
    """A staged update found another revision than the one it was made from. Run the use case again."""


class TxFactory(Protocol[T_co]):
    """A Tx subclass: made anew for each attempt."""

    def __call__(self, db: Database, *, actor: Caller, now: datetime, cause: Envelope | None) -> T_co: ...


def holds(
    names: Callable[[Any], str | Sequence[str]], *, taken: type[Problem], ttl: float = 5.0
) -> Callable[[Callable[[C, T], Awaitable[R]]], Callable[[C, T], Awaitable[R]]]:
    """Declare the locks a use case runs under. A lock is a courtesy that answers the second caller early with
    `taken`; what must never happen twice is guarded by a unique index, since Redis may be away."""

    def declare(use_case: Callable[[C, T], Awaitable[R]]) -> Callable[[C, T], Awaitable[R]]:
        use_case.__holds__ = (names, taken, ttl)  # type: ignore[attr-defined]
        return use_case

    return declare


class Transactor(Generic[T]):
    """Runs use cases. One per process, made by the composition root."""

    def __init__(
        self,
        db: Database,
        make_tx: TxFactory[T],
        *,
        service: str,
        clock: Clock,
        locks: Locks,
        waker: OutboxWaker,
        once_in: Sequence[str] = (),
    ) -> None:
        self._db = db
        self._make_tx = make_tx
        self._service = service
        self._clock = clock
        self._locks = locks
        self._waker = waker
        self._once_in = once_in
        self._recent = RecentReads()

    async def __call__(
        self,
        use_case: Callable[[C, T], Awaitable[R]],
        command: C,
        *,
        by: Caller,
        once: Once | None = None,
        cause: Envelope | None = None,
    ) -> R:
        """Run `use_case(command, tx)` and commit. With `once`, a repeat returns the first result again.

        Raises whatever the use case raises, the errors its unique indexes stand for, `IdempotencyKeyReused`,
        `RequestInProgress`, or `Contention` when the same documents kept changing.
        """
        held = getattr(use_case, "__holds__", None)
        if held is None:
            return await self._run(use_case, command, by, once, cause)
        names, taken, ttl = held
        wanted = names(command)
        if not wanted:
            return await self._run(use_case, command, by, once, cause)
        owner = once.key if once else f"{by.id}:{random.getrandbits(64):x}"
        try:
            async with self._locks.hold([wanted] if isinstance(wanted, str) else wanted, ttl=ttl, owner=owner):
                return await self._run(use_case, command, by, once, cause)
        except LockTaken as lock:
            if once is not None and lock.holder == once.key:
                return await self._answer_of_the_first(use_case, once)
            raise taken from None

    async def read(self, query: Callable[[C, T], Awaitable[R]], command: C, *, by: Caller) -> R:
        """Run a query with the caller's sight; nothing is committed."""
        return await query(command, self._begin(by, None))

    async def _run(
        self,
        use_case: Callable[[C, T], Awaitable[R]],
        command: C,
        by: Caller,
        once: Once | None,
        cause: Envelope | None,
    ) -> R:
        for attempt in range(_ATTEMPTS):
            tx = self._begin(by, cause)
            try:
                result = await use_case(command, tx)
                carriers = await self._commit(tx, once, result, use_case)
            except StaleRevision:
                await asyncio.sleep(random.uniform(0, 0.01 * 2**attempt))  # noqa: S311 - jitter
                continue
            except (Problem, DuplicateKeyError):
                if once is not None:
                    answer = await find_answer(self._db, once, self._once_in)
                    if answer is not None:
                        return self._restored(use_case, answer)
                raise
            if carriers:
                self._waker.wake(*carriers)
            if tx.events:
                trace.get_current_span().set_attribute("events", [event.type for event in tx.events])
            return result
        raise Contention

    def _begin(self, by: Caller, cause: Envelope | None) -> T:
        tx = self._make_tx(self._db, actor=by, now=self._clock.now(), cause=cause)
        tx.recent = self._recent
        return tx

    async def _answer_of_the_first(self, use_case: Callable[[C, T], Awaitable[R]], once: Once) -> R:
        """Another request with the same key holds the lock: wait for what it comes to, within reason."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _ANSWER_WAITED_FOR
        pause = 0.025
        while loop.time() < deadline:
            await asyncio.sleep(pause)
            answer = await find_answer(self._db, once, self._once_in)
            if answer is not None:
                return self._restored(use_case, answer)
            pause = min(pause * 2, 0.4)
        raise RequestInProgress("Ask again in a moment with the same key", retry_after=1)

    def _restored(self, use_case: Callable[..., Awaitable[R]], answer: Raw) -> R:
        restored: R = result_type(use_case).validate_python(answer["result"])
        return restored

    async def _commit(self, tx: T, once: Once | None, result: R, use_case: Callable[..., Any]) -> list[str]:
        """Returns the collections in which messages wait now."""
        stored = None if once is None else result_type(use_case).dump_python(result)
        embeds = once is not None and once.kind == "http" and len(tx.writes) == 1 and not tx.raw_writes
        embeds = embeds and tx.writes[0].is_insert and tx.writes[0].collection in self._once_in
        pending = outbox_items(tx, self._service)
        carriers: list[str] = []
        steps: list[Callable[[AsyncClientSession | None], Awaitable[None]]] = []
        for write in tx.writes:
            items = pending.pop(write.aggregate.id, [])
            if items:
                carriers.append(write.collection)
            key = once.embedded(tx.now, stored) if once is not None and embeds else None
            steps.append(_step(self._db, write, items, key, tx.now))
        for collection, match, change in tx.raw_writes:
            steps.append(_upsert(self._db, collection, match, change))
        loose = [item for items in pending.values() for item in items]
        if loose:
            carriers.append(STANDALONE_COLLECTION)
            carrier = {"_id": loose[0]["id"], "outbox": loose, "outbox_at": tx.now}
            steps.append(_insert(self._db, STANDALONE_COLLECTION, carrier))
        if once is not None and not embeds:
            steps.append(_insert(self._db, once.collection, once.record(tx.now, stored)))
        try:
            await self._execute(steps)
        except DuplicateKeyError as violation:
            raise _meaning(violation, tx) from None
        finally:
            self._recent.forget(tx.written_to())
        return carriers

    async def _execute(self, steps: Sequence[Callable[[AsyncClientSession | None], Awaitable[None]]]) -> None:
        if len(steps) == 1:
            await steps[0](None)
        elif steps:

            async def all_of_them(session: AsyncClientSession) -> None:
                for step in steps:
                    await step(session)

            async with self._db.client.start_session() as session:
                try:
                    await session.with_transaction(all_of_them)
                except OperationFailure as failure:
                    if failure.has_error_label("TransientTransactionError"):
                        raise StaleRevision from failure
                    raise


def _step(
    db: Database, write: StagedWrite, items: list[Raw], key: Raw | None, now: datetime
) -> Callable[[AsyncClientSession | None], Awaitable[None]]:
    if write.before is None:
        document = {**write.document}
        if items:
            document |= {"outbox": items, "outbox_at": now}
        if key is not None:
            document["once"] = key
        return _insert(db, write.collection, document)
    fields = {name: value for name, value in write.document.items() if name != "_id"}
    change: Raw = {"$set": fields}
    if items:
        change |= {"$push": {"outbox": {"$each": items}}, "$min": {"outbox_at": now}}
    guard = {"_id": write.aggregate.id, "revision": write.before["revision"]}

    async def update(session: AsyncClientSession | None) -> None:
        done = await db[write.collection].update_one(guard, change, session=session)
        if done.matched_count == 0:
            raise StaleRevision

    return update


def _insert(db: Database, collection: str, document: Raw) -> Callable[[AsyncClientSession | None], Awaitable[None]]:
    async def insert(session: AsyncClientSession | None) -> None:
        await db[collection].insert_one(document, session=session)

    return insert


def _upsert(
    db: Database, collection: str, match: Raw, change: Raw
) -> Callable[[AsyncClientSession | None], Awaitable[None]]:
    async def upsert(session: AsyncClientSession | None) -> None:
        await db[collection].update_one(match, change, upsert=True, session=session)

    return upsert


def _meaning(violation: DuplicateKeyError, tx: Tx) -> Exception:
    """The domain's word for a violated unique index: the violation names collection and index."""
    named = _INDEX_NAME.search(str(violation))
    if named is None:
        return violation
    collection, index = named.groups()
    for write in tx.writes:
        if write.collection == collection and index in write.duplicates:
            return write.duplicates[index](write.aggregate)
    if any(collection == raw for raw, _, _ in tx.raw_writes):
        return StaleRevision()  # two upserts of one row met: run again, and see the other's
    return violation
