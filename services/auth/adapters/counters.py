"""Counters of attempts: in Redis, in MongoDB while Redis is away, and when both are away nobody gets in."""

from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Any, NamedTuple

from pymongo import ASCENDING, IndexModel, ReturnDocument
from pymongo.errors import PyMongoError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from libs.common.clock import Clock
from libs.common.mongo.database import Database
from libs.common.resilience.breaker import AsyncBreaker, BreakerOpen
from services.auth.adapters.digests import Digests
from services.auth.domain.errors import LimitsUnavailable, TooManyAttempts

_COLLECTION = "counters"


class Limit(NamedTuple):
    """At most `most` in each window of `window`; windows lie end to end, the same for all replicas."""

    name: str
    most: int
    window: timedelta


class Counters:
    """An attempt is counted before it is made. Keys are digested: they are addresses and phone numbers."""

    def __init__(self, redis: Redis, db: Database, clock: Clock, digests: Digests) -> None:
        self._redis = redis
        self._rows = db[_COLLECTION]
        self._prefix = f"{db.name}:limit"
        self._clock = clock
        self._digests = digests
        self._breaker = AsyncBreaker("redis_limits", fail_max=2, reset_timeout=1.0)

    async def build_indexes(self) -> None:
        await self._rows.create_indexes([IndexModel([("expires_at", ASCENDING)], name="expires", expireAfterSeconds=0)])

    async def take(self, limit: Limit, key: str) -> int:
        """Count one more; how many that makes. Raises `TooManyAttempts`, or `LimitsUnavailable`: no way to count."""
        ends = self._end_of_window(limit)
        name = self._name(limit, key, ends)
        try:
            taken = await self._count_in_redis(name, ends)
        except (RedisError, OSError, TimeoutError, BreakerOpen):
            taken = await self._count_in_mongo(name, ends)
        if taken > limit.most:
            wait = (ends - self._clock.now()).total_seconds()
            raise TooManyAttempts(retry_after=max(1, ceil(wait)))
        return taken

    async def give_back(self, limit: Limit, key: str) -> None:
        """What was counted led to success: take it off again. Best effort."""
        ends = self._end_of_window(limit)
        name = self._name(limit, key, ends)
        try:
            await self._count_in_redis(name, ends, by=-1)
        except (RedisError, OSError, TimeoutError, BreakerOpen):
            await self._rows.update_one({"_id": name}, {"$inc": {"taken": -1}})

    async def _count_in_redis(self, name: str, ends: datetime, *, by: int = 1) -> int:
        async with self._breaker.guard():
            pipeline = self._redis.pipeline(transaction=True)
            pipeline.incrby(name, by)
            pipeline.pexpireat(name, ends)
            taken, _ = await pipeline.execute()
        return int(taken)

    async def _count_in_mongo(self, name: str, ends: datetime) -> int:
        one_more = {"$inc": {"taken": 1}, "$setOnInsert": {"expires_at": ends}}
        try:
            row: Any = await self._rows.find_one_and_update(
                {"_id": name}, one_more, upsert=True, return_document=ReturnDocument.AFTER
            )
        except PyMongoError:
            raise LimitsUnavailable from None
        return int(row["taken"])

    def _end_of_window(self, limit: Limit) -> datetime:
        seconds = int(limit.window.total_seconds())
        number = int(self._clock.now().timestamp()) // seconds
        return datetime.fromtimestamp((number + 1) * seconds, UTC)

    def _name(self, limit: Limit, key: str, ends: datetime) -> str:
        return f"{self._prefix}:{limit.name}:{self._digests.of('limit', key)}:{int(ends.timestamp())}"
