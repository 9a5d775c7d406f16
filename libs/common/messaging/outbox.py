"""Pending messages live inside the document they are about: their format there, and waking the relay after a commit.

    {_id, ..., "outbox": [{"id": "evt_...", "exchange": "clinic.events", "key": "...", "body": <bytes>}, ...],
     "outbox_at": <when the oldest of them was committed>}

`outbox_at` is there if and only if something is pending. The collection `outbox` holds documents of the same
shape for commits that change no document; the relay deletes those once they are published.
"""

import asyncio
import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

import orjson
from pymongo import ASCENDING, IndexModel
from redis.asyncio import Redis
from redis.exceptions import RedisError

from libs.common.messaging.events import Envelope
from libs.common.telemetry import metrics

EVENTS_EXCHANGE = "clinic.events"

ITEMS = "outbox"
PENDING_SINCE = "outbox_at"
STANDALONE_COLLECTION = "outbox"

OUTBOX_INDEX = IndexModel([(PENDING_SINCE, ASCENDING)], name=PENDING_SINCE, sparse=True)
"""For every collection that carries messages. Sparse, not partial: `$exists` then uses it everywhere."""

UNROUTED_COLLECTION = "outbox_unrouted"
UNROUTED_INDEXES = (
    IndexModel([("exchange", ASCENDING), ("key", ASCENDING), ("_id", ASCENDING)], name="route"),
    IndexModel([("at", ASCENDING)], name="expires", expireAfterSeconds=30 * 24 * 3600),
)
"""Where messages wait that nobody is bound to yet (see libs.common.messaging.unrouted)."""

EVERYWHERE = "*"
"""What a wake without names says."""

_WAKE_GAP = 0.005
_WAKE_TIMEOUT = 0.2
_WAKE_PAUSE = 1.0
_WAKES_LOST = metrics.counter("outbox_wakes_lost", "Wake-ups that did not reach Redis; the relay's poll covers them")


@dataclass(frozen=True, slots=True)
class OutboxItem:
    """One message as it waits in a document; `body` is the envelope's JSON, ready to be sent."""

    id: str
    exchange: str
    key: str
    body: bytes

    @classmethod
    def of(cls, envelope: Envelope, *, exchange: str, key: str) -> Self:
        body = orjson.dumps(envelope.model_dump(), option=orjson.OPT_UTC_Z)
        return cls(id=envelope.id, exchange=exchange, key=key, body=body)

    def stored(self) -> dict[str, Any]:
        """The element of the document's `outbox` array."""
        return {"id": self.id, "exchange": self.exchange, "key": self.key, "body": self.body}


class OutboxWaker:
    """Tells the relay where something was committed, in this process and, through Redis, in others.

    A courtesy that saves the relay its polling interval: a wake that is lost costs at most that.
    """

    def __init__(self, database: str, redis: "Redis | None" = None) -> None:
        self._channel = f"outbox:{database}"
        self._redis = redis
        self._woken = asyncio.Event()
        self._names: set[str] = set()
        self._unpublished: set[str] = set()
        self._publishing: asyncio.Task[None] | None = None

    def wake(self, *collections: str) -> None:
        """Call after a commit, with the collections that carry its messages; without any, all are looked at.
        Returns at once and never raises, whatever Redis is doing."""
        names = collections or (EVERYWHERE,)
        self._take(names)
        self._unpublished.update(names)
        if self._redis is not None and self._publishing is None:
            self._publishing = asyncio.create_task(self._publish(self._redis))

    async def wait(self, seconds: float) -> set[str]:
        """The collections named by the next wakes, or nothing after `seconds`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        self._woken.clear()
        names, self._names = self._names, set()
        return names

    async def listen(self) -> None:
        """Turn other processes' wakes into ours, for ever; while Redis is away, try again each second."""
        while self._redis is not None:
            try:
                async with self._redis.pubsub(ignore_subscribe_messages=True) as subscription:
                    await subscription.subscribe(self._channel)
                    async for message in subscription.listen():
                        self._take(message["data"].decode().split(","))
            except (RedisError, OSError):
                await asyncio.sleep(_WAKE_PAUSE)

    def _take(self, names: Iterable[str]) -> None:
        self._names.update(names)
        self._woken.set()

    async def close(self) -> None:
        """Drop a wake that is still on its way; the Redis client stays open, it is not ours."""
        if self._publishing is not None:
            self._publishing.cancel()
            await asyncio.gather(self._publishing, return_exceptions=True)

    async def _publish(self, redis: "Redis") -> None:
        """The first commit is announced at once, those that follow within the gap share one message."""
        pause = _WAKE_GAP
        try:
            while self._unpublished:
                names = ",".join(self._unpublished)
                self._unpublished.clear()
                try:
                    async with asyncio.timeout(_WAKE_TIMEOUT):
                        await redis.publish(self._channel, names)
                except (RedisError, OSError):
                    _WAKES_LOST.inc()
                    pause = _WAKE_PAUSE
                await asyncio.sleep(pause)
        finally:
            self._publishing = None
