"""Counting attempts when Redis is away, and when nothing is left to count with."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from pymongo import AsyncMongoClient

from libs.common.ids import new_id
from libs.common.resilience.locks import connect_redis
from services.auth.adapters.counters import Counters, Limit
from services.auth.adapters.digests import Digests
from services.auth.domain.errors import LimitsUnavailable, TooManyAttempts
from services.auth.tests.builders import Auth

NOBODY_THERE = "redis://127.0.0.1:1/0"
THREE = Limit("three", 3, timedelta(hours=1))


@pytest_asyncio.fixture(loop_scope="session")
async def without_redis(auth: Auth) -> AsyncIterator[Counters]:
    runtime = auth.runtime
    redis = connect_redis(NOBODY_THERE)
    yield Counters(redis, runtime.db, runtime.clock, Digests(runtime.keyring))
    await redis.aclose()


async def test_without_redis_mongo_counts(without_redis: Counters) -> None:
    key = new_id("key")
    for _ in range(3):
        await without_redis.take(THREE, key)
    with pytest.raises(TooManyAttempts) as refused:
        await without_redis.take(THREE, key)
    assert 1 <= (refused.value.retry_after or 0) <= 3600
    await without_redis.give_back(THREE, key)
    await without_redis.give_back(THREE, key)
    await without_redis.take(THREE, key)


async def test_with_redis_it_is_the_same(auth: Auth) -> None:
    counters = auth.runtime.counters
    key = new_id("key")
    for _ in range(3):
        await counters.take(THREE, key)
    with pytest.raises(TooManyAttempts):
        await counters.take(THREE, key)
    await counters.take(THREE, new_id("key"))
    await counters.give_back(THREE, key)
    await counters.give_back(THREE, key)
    await counters.take(THREE, key)


async def test_without_both_nobody_gets_in(auth: Auth) -> None:
    runtime = auth.runtime
    redis = connect_redis(NOBODY_THERE)
    mongo: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient("mongodb://127.0.0.1:1/", serverSelectionTimeoutMS=100)
    counters = Counters(redis, mongo["nowhere"], runtime.clock, Digests(runtime.keyring))
    with pytest.raises(LimitsUnavailable):
        await counters.take(THREE, "anybody")
    await redis.aclose()
    await mongo.close()
