"""Takes committed messages out of the documents and publishes them: at least once, each document's in their order.

A message nobody is bound to yet comes back from the broker (`mandatory`). It must neither be lost nor hold up the
messages behind it, so it moves to the collection `outbox_unrouted` of the same database, where not even a broker
that lost its data can lose it. From then on messages of that routing key queue up behind it; one is tried every few
seconds, and once a binding appears they all go out, in order. After 30 days they are given up.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import orjson
from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import DeliveryError, PublishError
from opentelemetry.trace import SpanKind
from pymongo import ASCENDING, DeleteOne, IndexModel, ReplaceOne, UpdateOne
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from libs.common.clock import Clock, SystemClock
from libs.common.ids import new_id
from libs.common.messaging.broker import BROKER_ERRORS, Link, backoff, broker_calls, pause
from libs.common.messaging.lease import LEASES, Lease
from libs.common.messaging.outbox import (
    EVENTS_EXCHANGE,
    ITEMS,
    PENDING_SINCE,
    STANDALONE_COLLECTION,
    OutboxWaker,
)
from libs.common.messaging.topology import Inbox, declare_exchange, outgoing
from libs.common.telemetry import metrics
from libs.common.telemetry.logs import get_logger
from libs.common.telemetry.tracing import remote_span

UNROUTED_COLLECTION = "outbox_unrouted"
UNROUTED_INDEXES = (
    IndexModel([("exchange", ASCENDING), ("key", ASCENDING), ("_id", ASCENDING)], name="route"),
    IndexModel([("at", ASCENDING)], name="expires", expireAfterSeconds=30 * 24 * 3600),
)

_EXPECTED: tuple[type[Exception], ...] = (*BROKER_ERRORS, PyMongoError)
_STALLED_AFTER = 60.0
_MEASURED_EVERY = 5.0
_log = get_logger(__name__)

Row = dict[str, Any]
Route = tuple[str, str]


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
        self._db = db
        self._carriers = [db[name] for name in dict.fromkeys((*collections, STANDALONE_COLLECTION))]
        self._unrouted = db[UNROUTED_COLLECTION]
        self._exchanges = exchanges
        self._subscribers = subscribers
        self._waker = waker
        self._clock = clock or SystemClock()
        self._poll_seconds = poll_seconds
        self._batch = batch
        self._confirm_seconds = confirm_seconds
        self._unrouted_retry_seconds = unrouted_retry_seconds
        self._link = Link(amqp_url, f"{db.name} relay", self._declare)
        self._lease = Lease(db[LEASES], "outbox-relay", holder=new_id("relay"), ttl=lease_seconds, clock=self._clock)
        self._blocked_routes: set[Route] | None = None
        self._unrouted_tried_at = 0.0
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
        failures = 0
        try:
            while not stop.is_set():
                self._alive_at = asyncio.get_running_loop().time()
                try:
                    await self.drain()
                    await self._measure()
                except _EXPECTED as error:
                    failures += 1
                    self.ready = False
                    _log.warning("relay failed, trying again", error_type=type(error).__name__, attempt=failures)
                    await self._link.drop()
                    await pause(backoff(failures), unless=stop)
                else:
                    failures = 0
                    self.ready = True
                    await self._waker.wait(self._poll_seconds)
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            await self.close()

    async def drain(self) -> int:
        """Publish everything that is pending now; how many messages were confirmed. 0 when another relay holds
        the lease. Raises BROKER_ERRORS and PyMongoError; what was confirmed before is cleared."""
        if not await self._lease.hold():
            self._blocked_routes = None
            return 0
        await self._link.channel()
        count = await self._publish_unrouted()
        for carrier in self._carriers:
            count += await self._drain_collection(carrier)
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

    async def _drain_collection(self, carrier: AsyncCollection[Row]) -> int:
        """One pass over the documents that have something pending, the longest waiting first."""
        count = 0
        refused: Exception | None = None
        pending = carrier.find({PENDING_SINCE: {"$exists": True}}, {ITEMS: 1}).sort(PENDING_SINCE, ASCENDING)
        async with pending.batch_size(self._batch) as cursor:
            while documents := await cursor.to_list(self._batch):
                if not await self._lease.hold():
                    break
                channel = await self._link.channel()
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
            if (item["exchange"], item["key"]) in (self._blocked_routes or ()):
                outcome.unrouted.append(item)
                continue
            try:
                await _publish(channel, item["id"], item)
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
            await self._set_aside(unrouted)
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

    async def _set_aside(self, items: Sequence[Row]) -> None:
        now = self._clock.now()
        rows = [
            {"_id": i["id"], "exchange": i["exchange"], "key": i["key"], "body": i["body"], "at": now} for i in items
        ]
        await self._unrouted.bulk_write([ReplaceOne({"_id": row["_id"]}, row, upsert=True) for row in rows])
        new = {(row["exchange"], row["key"]) for row in rows} - (self._blocked_routes or set())
        self._blocked_routes = (self._blocked_routes or set()) | new
        for _, key in new:
            _log.warning("nobody is bound to these messages, they are kept", routing_key=key)

    async def _publish_unrouted(self) -> int:
        """Try the oldest message of each route that had no listener, and the rest of the route if it has one now."""
        if self._blocked_routes is None:
            routes = await self._unrouted.aggregate([{"$group": {"_id": {"exchange": "$exchange", "key": "$key"}}}])
            self._blocked_routes = {(r["_id"]["exchange"], r["_id"]["key"]) async for r in routes}
        now = asyncio.get_running_loop().time()
        if not self._blocked_routes or now - self._unrouted_tried_at < self._unrouted_retry_seconds:
            return 0
        self._unrouted_tried_at = now
        channel = await self._link.channel()
        count = 0
        for route in sorted(self._blocked_routes):
            rows = self._unrouted.find({"exchange": route[0], "key": route[1]}).sort("_id", ASCENDING)
            async with rows:
                async for row in rows:
                    if not await self._lease.hold():
                        return count
                    try:
                        async with asyncio.timeout(self._confirm_seconds):
                            await _publish(channel, row["_id"], row)
                    except PublishError:
                        break
                    await self._unrouted.delete_one({"_id": row["_id"]})
                    self._alive_at = asyncio.get_running_loop().time()
                    count += 1
                else:
                    self._blocked_routes.discard(route)
        return count

    async def _measure(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._measured_at < _MEASURED_EVERY:
            return
        self._measured_at = now
        count, oldest = 0, self._clock.now()
        for carrier in self._carriers:
            count += await carrier.count_documents({PENDING_SINCE: {"$exists": True}})
            first = await carrier.find_one(
                {PENDING_SINCE: {"$exists": True}}, {PENDING_SINCE: 1}, sort=[(PENDING_SINCE, ASCENDING)]
            )
            if first is not None:
                oldest = min(oldest, first[PENDING_SINCE])
        metrics.OUTBOX_PENDING.set(count)
        metrics.OUTBOX_LAG.set(max(self._clock.now() - oldest, timedelta()).total_seconds())


async def _publish(channel: AbstractChannel, message_id: str, item: Mapping[str, Any]) -> None:
    """Returns when the broker has the message safe; PublishError when no queue wants it."""
    exchange = await channel.get_exchange(item["exchange"], ensure=False)
    message = outgoing(item["body"], message_id, item["exchange"], item["key"])
    traceparent = orjson.loads(item["body"]).get("traceparent")
    with remote_span(f"publish {item['key']}", SpanKind.PRODUCER, traceparent), broker_calls():
        await exchange.publish(message, item["key"], mandatory=True)


def _removing(ids: Sequence[str]) -> list[Row]:
    """An update that takes these items out and, with the last of them, both fields: atomic per document."""
    kept = {"$filter": {"input": f"${ITEMS}", "cond": {"$not": [{"$in": ["$$this.id", list(ids)]}]}}}
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
