"""Takes committed messages out of the documents and publishes them: at least once, each document's in their order."""

import asyncio
import math
from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

import orjson
from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import DeliveryError, PublishError
from opentelemetry.trace import SpanKind
from pymongo import ASCENDING, DeleteOne, UpdateOne
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from libs.common.clock import Clock, SystemClock
from libs.common.ids import new_id
from libs.common.messaging.broker import BROKER_ERRORS, Link, broker_calls
from libs.common.messaging.lease import LEASES, Lease
from libs.common.messaging.outbox import (
    EVENTS_EXCHANGE,
    EVERYWHERE,
    ITEMS,
    PENDING_SINCE,
    STANDALONE_COLLECTION,
    OutboxWaker,
)
from libs.common.messaging.topology import Inbox, declare_exchange, outgoing
from libs.common.messaging.unrouted import Unrouted
from libs.common.resilience.waiting import backoff, pause
from libs.common.telemetry import metrics
from libs.common.telemetry.logs import get_logger
from libs.common.telemetry.tracing import remote_span

_EXPECTED: tuple[type[Exception], ...] = (*BROKER_ERRORS, PyMongoError)
_STALLED_AFTER = 60.0
_MEASURED_EVERY = 5.0
_COUNTED = 10_000
"""`outbox_pending` counts no further in a collection: by then the alert has long gone off."""
_log = get_logger(__name__)

Row = dict[str, Any]


@dataclass(slots=True)
class _Outcome:
    """What became of one document's items."""

    done: list[str] = field(default_factory=list)
    unrouted: list[Row] = field(default_factory=list)
    error: Exception | None = None


class OutboxRelay:
    """One per worker process; of several on one database, the one that holds the lease publishes.

    `collections` are those whose documents carry messages. `subscribers` are inboxes known to listen to this
    service's events: they are declared before anything is published, whether their services run yet or not.
    """

    def __init__(
        self,
        db: AsyncDatabase[Row],
        collections: Sequence[str],
        amqp_url: str,
        waker: OutboxWaker,
        *,
        exchanges: Sequence[str] = (EVENTS_EXCHANGE,),
        subscribers: Sequence[Inbox] = (),
        clock: Clock | None = None,
        poll_seconds: float = 0.5,
        batch: int = 100,
        confirm_seconds: float = 4.0,
        lease_seconds: float = 10.0,
        unrouted_retry_seconds: float = 5.0,
    ) -> None:
        self._carriers = [db[name] for name in dict.fromkeys((*collections, STANDALONE_COLLECTION))]
        self._unrouted = Unrouted(db, clock=clock or SystemClock(), retry_seconds=unrouted_retry_seconds)
        self._exchanges = exchanges
        self._subscribers = subscribers
        self._waker = waker
        self._clock = clock or SystemClock()
        self._poll_seconds = poll_seconds
        self._batch = batch
        self._confirm_seconds = confirm_seconds
        self._link = Link(amqp_url, f"{db.name} relay", self._declare)
        self._lease = Lease(db[LEASES], "outbox-relay", holder=new_id("relay"), ttl=lease_seconds, clock=self._clock)
        self._alive_at: float | None = None
        self._measured_at = 0.0
        self.ready = False

    @property
    def healthy(self) -> bool:
        """False when the loop hangs; a broker or a database that is away is not the relay's illness."""
        return self._alive_at is None or asyncio.get_running_loop().time() - self._alive_at < _STALLED_AFTER

    async def run(self, stop: asyncio.Event) -> None:
        """Publish until `stop` is set. Failures of the broker and the database are waited out."""
        listening = asyncio.create_task(self._waker.listen())
        loop = asyncio.get_running_loop()
        failures, woken, polled_at = 0, set[str](), -math.inf
        try:
            while not stop.is_set():
                self._alive_at = loop.time()
                everywhere = not woken or EVERYWHERE in woken or loop.time() - polled_at > self._poll_seconds
                try:
                    await self._measure()  # first: the lag must show above all when nothing can be published
                    await self.drain(None if everywhere else woken)
                except _EXPECTED as error:
                    failures += 1
                    woken = set()
                    self.ready = False
                    _log.warning("relay failed, trying again", error_type=type(error).__name__, attempt=failures)
                    await self._link.drop()
                    await pause(backoff(failures), unless=stop)
                else:
                    failures = 0
                    polled_at = loop.time() if everywhere else polled_at
                    self.ready = True
                    woken = await self._waker.wait(self._poll_seconds)
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            await self.close()

    async def drain(self, collections: Container[str] | None = None) -> int:
        """Publish everything that is pending now, in these collections or in all; how many messages were confirmed.
        0 when another relay holds the lease. Raises BROKER_ERRORS and PyMongoError; what was confirmed before is
        cleared."""
        if not await self._lease.hold():
            self._unrouted.forget()
            return 0
        channel = await self._link.channel()
        count = await self._unrouted.retry(partial(self._publish_alone, channel))
        carriers = [carrier for carrier in self._carriers if collections is None or carrier.name in collections]
        drained = await asyncio.gather(
            *(self._drain_collection(channel, carrier) for carrier in carriers), return_exceptions=True
        )
        for result in drained:
            if isinstance(result, BaseException):
                raise result
            count += result
        return count

    async def close(self) -> None:
        """Give up the lease and the connection."""
        try:
            await self._lease.release()
        except PyMongoError as error:
            _log.warning("lease not released, it will lapse", error_type=type(error).__name__)
        await self._link.drop()

    async def _declare(self, channel: AbstractChannel) -> None:
        for exchange in self._exchanges:
            await declare_exchange(channel, exchange)
        for inbox in self._subscribers:
            await inbox.declare(channel)

    async def _drain_collection(self, channel: AbstractChannel, carrier: AsyncCollection[Row]) -> int:
        """One pass over the documents that have something pending, the longest waiting first."""
        count = 0
        refused: Exception | None = None
        pending = carrier.find({PENDING_SINCE: {"$exists": True}}, {ITEMS: 1}).sort(PENDING_SINCE, ASCENDING)
        async with pending.batch_size(self._batch) as cursor:
            while documents := await cursor.to_list(self._batch):
                if not await self._lease.hold():
                    break
                outcomes = [_Outcome() for _ in documents]
                try:
                    async with asyncio.timeout(self._confirm_seconds):
                        await asyncio.gather(
                            *(
                                self._publish_in_order(channel, document[ITEMS], outcome)
                                for document, outcome in zip(documents, outcomes, strict=True)
                            )
                        )
                finally:
                    count += await self._clear(carrier, documents, outcomes)
                self._alive_at = asyncio.get_running_loop().time()
                for outcome in outcomes:
                    if isinstance(outcome.error, DeliveryError):
                        refused = outcome.error  # of this document only: the others go on
                    elif outcome.error is not None:
                        raise outcome.error
        if refused is not None:
            raise refused
        return count

    async def _publish_in_order(self, channel: AbstractChannel, items: Sequence[Row], outcome: _Outcome) -> None:
        """Each item after the one before it is confirmed; the first failure leaves the rest for later."""
        for item in items:
            if self._unrouted.blocks(item):
                outcome.unrouted.append(item)
                continue
            try:
                await _publish(channel, item)
            except PublishError:
                outcome.unrouted.append(item)
            except BROKER_ERRORS as error:
                outcome.error = error
                return
            else:
                outcome.done.append(item["id"])

    async def _clear(
        self, carrier: AsyncCollection[Row], documents: Sequence[Row], outcomes: Sequence[_Outcome]
    ) -> int:
        """Remove what was published from its documents, by id: later commits have added to them meanwhile."""
        unrouted = [item for outcome in outcomes for item in outcome.unrouted]
        if unrouted:
            await self._unrouted.keep(unrouted)
        changes: list[UpdateOne | DeleteOne] = []
        for document, outcome in zip(documents, outcomes, strict=True):
            gone = [*outcome.done, *(item["id"] for item in outcome.unrouted)]
            if carrier.name == STANDALONE_COLLECTION and len(gone) == len(document[ITEMS]):
                changes.append(DeleteOne({"_id": document["_id"]}))
            elif gone:
                changes.append(UpdateOne({"_id": document["_id"]}, _removing(gone)))
        if changes:
            await carrier.bulk_write(changes, ordered=False)
        return sum(len(outcome.done) for outcome in outcomes)

    async def _publish_alone(self, channel: AbstractChannel, item: Row) -> bool:
        """Publish one message, if the lease is still ours."""
        if not await self._lease.hold():
            return False
        async with asyncio.timeout(self._confirm_seconds):
            await _publish(channel, item)
        self._alive_at = asyncio.get_running_loop().time()
        return True

    async def _measure(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._measured_at < _MEASURED_EVERY:
            return
        self._measured_at = now
        count, oldest = 0, self._clock.now()
        for carrier in self._carriers:  # one query over the index each: the embedded database counts by a scan
            waiting = carrier.find({PENDING_SINCE: {"$exists": True}}, {PENDING_SINCE: 1}, limit=_COUNTED)
            rows = await waiting.sort(PENDING_SINCE, ASCENDING).to_list()
            count += len(rows)
            oldest = min([oldest, *(row[PENDING_SINCE] for row in rows[:1])])
        metrics.OUTBOX_PENDING.set(count)
        metrics.OUTBOX_LAG.set(max(self._clock.now() - oldest, timedelta()).total_seconds())


async def _publish(channel: AbstractChannel, item: Row) -> None:
    """Returns when the broker has the message safe; PublishError when no queue wants it."""
    exchange = await channel.get_exchange(item["exchange"], ensure=False)
    message = outgoing(item["body"], item["id"], item["exchange"], item["key"])
    traceparent = orjson.loads(item["body"]).get("traceparent")
    with remote_span(f"publish {item['key']}", SpanKind.PRODUCER, traceparent), broker_calls():
        await exchange.publish(message, item["key"], mandatory=True)


def _removing(ids: Sequence[str]) -> list[Row]:
    """An update that takes these items out and, with the last of them, both fields: atomic per document.

    Another relay may have done it already: without `$ifNull` that would leave a null no commit can push to.
    """
    pending = {"$ifNull": [f"${ITEMS}", []]}
    kept = {"$filter": {"input": pending, "cond": {"$not": [{"$in": ["$$this.id", list(ids)]}]}}}
    empty = {"$eq": [f"${ITEMS}", []]}
    return [
        {"$set": {ITEMS: kept}},
        {
            "$set": {
                ITEMS: {"$cond": [empty, "$$REMOVE", f"${ITEMS}"]},
                PENDING_SINCE: {"$cond": [empty, "$$REMOVE", f"${PENDING_SINCE}"]},
            }
        },
    ]
