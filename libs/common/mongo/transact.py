"""`transact`: the one way a state change happens.

It takes the locks the use case declares, runs the use case, and commits what was staged the cheapest way that is
atomic: one changed document is one write that carries its messages and the request's key inside it; anything more
is a MongoDB transaction. Then it wakes the relay and returns the result, so an answer is built after the commit.
"""

import asyncio
import random
import re
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from opentelemetry import trace
from pymongo.errors import DuplicateKeyError

from libs.common.clock import Clock
from libs.common.errors import Conflict, Problem
from libs.common.messaging.envelopes import outbox_items
from libs.common.messaging.events import Envelope
from libs.common.messaging.outbox import STANDALONE_COLLECTION, OutboxWaker
from libs.common.mongo.database import Database, Raw
from libs.common.mongo.once import Once, RequestInProgress, find_answer, result_type
from libs.common.mongo.recent import RecentReads
from libs.common.mongo.steps import (
    StaleRevision,
    Step,
    StorageUnavailable,
    commit_all,
    insert_step,
    staged_step,
    upsert_step,
)
from libs.common.mongo.tx import Tx
from libs.common.resilience.locks import Locks, LockTaken
from libs.common.resilience.waiting import backoff
from libs.common.security.caller import Caller

T = TypeVar("T", bound=Tx)
T_co = TypeVar("T_co", bound=Tx, covariant=True)
R = TypeVar("R")
C = TypeVar("C")

_ATTEMPTS = 8
_NO_LOCKS: tuple[Callable[[Any], Sequence[str]], type[Problem], float] = (lambda _: (), Conflict, 0.0)
_ANSWER_WAITED_FOR = 5.0
_INDEX_NAME = re.compile(r"collection: \S+?\.(\S+) index: (\S+)")


class Contention(Conflict):
    """Others kept changing the same thing; nothing was done."""

    code = "busy"
    title = "Others are changing this at the same moment: try again"


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
        run = partial(self._run, use_case, command, by, once, cause)
        names, taken, ttl = getattr(use_case, "__holds__", _NO_LOCKS)
        wanted = names(command)
        if not wanted:
            return await run()
        owner = once.key if once else f"{by.id}:{random.getrandbits(64):x}"
        hold = partial(self._locks.hold, [wanted] if isinstance(wanted, str) else wanted, ttl=ttl, owner=owner)
        try:
            async with hold():
                return await run()
        except LockTaken as lock:
            if once is None or lock.holder != once.key:
                raise taken from None
        return await self._beside_the_first(use_case, once, hold, run, taken)

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
            except StorageUnavailable:
                raise  # nor could it be asked for an answer
            except (Problem, DuplicateKeyError):
                if once is not None:
                    answer = await find_answer(self._db, once, self._once_in)
                    if answer is not None:
                        return self._restored(use_case, once, answer)
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

    async def _beside_the_first(
        self,
        use_case: Callable[[C, T], Awaitable[R]],
        once: Once,
        hold: Callable[[], AbstractAsyncContextManager[bool]],
        run: Callable[[], Awaitable[R]],
        taken: type[Problem],
    ) -> R:
        """Another request with the same key holds the lock: what it comes to. When it is refused it leaves no
        answer and lets the lock go; then this one finds out itself."""
        loop = asyncio.get_running_loop()
        began, tries = loop.time(), 0
        while loop.time() - began < _ANSWER_WAITED_FOR:
            tries += 1
            await asyncio.sleep(backoff(tries, first=0.025, longest=0.2))
            try:
                async with hold():
                    return await run()
            except LockTaken as lock:
                holder = lock.holder
            answer = await find_answer(self._db, once, self._once_in)
            if answer is not None:
                return self._restored(use_case, once, answer)
            if holder != once.key:
                raise taken
        raise RequestInProgress("Ask again in a moment with the same key", retry_after=1)

    def _restored(self, use_case: Callable[..., Awaitable[R]], once: Once, answer: Raw) -> R:
        once.replayed = True
        restored: R = result_type(use_case).validate_python(answer["result"])
        return restored

    async def _commit(self, tx: T, once: Once | None, result: R, use_case: Callable[..., Any]) -> list[str]:
        """Returns the collections in which messages wait now."""
        stored = None if once is None else result_type(use_case).dump_python(result)
        embeds = once is not None and once.kind == "http" and len(tx.writes) == 1 and not tx.raw_writes
        embeds = embeds and tx.writes[0].is_insert and tx.writes[0].collection in self._once_in
        pending = outbox_items(tx, self._service)
        carriers: list[str] = []
        steps: list[Step] = []
        for write in tx.writes:
            items = pending.pop(write.aggregate.id, [])
            if items:
                carriers.append(write.collection)
            key = once.embedded(tx.now, stored) if once is not None and embeds else None
            steps.append(staged_step(self._db, write, items, key, tx.now))
        for collection, match, change in tx.raw_writes:
            steps.append(upsert_step(self._db, collection, match, change))
        loose = [item for items in pending.values() for item in items]
        if loose:
            carriers.append(STANDALONE_COLLECTION)
            carrier = {"_id": loose[0]["id"], "outbox": loose, "outbox_at": tx.now}
            steps.append(insert_step(self._db, STANDALONE_COLLECTION, carrier))
        if once is not None and not embeds:
            steps.append(insert_step(self._db, once.collection, once.record(tx.now, stored)))
        try:
            await commit_all(self._db, steps)
        except DuplicateKeyError as violation:
            raise _meaning(violation, tx) from None
        finally:
            self._recent.forget(tx.written_to())
        return carriers


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
