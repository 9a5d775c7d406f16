"""Locks against a real Redis that is killed and frozen on the way."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from libs.common.resilience.locks import TIMEOUT_SECONDS, Locks, LockTaken, connect_redis
from libs.common.telemetry import metrics
from libs.common.testing.parts import RedisPart


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[RedisPart]:
    async with RedisPart(tmp_path) as part:
        yield part


@pytest.fixture
async def redis(server: RedisPart) -> AsyncIterator[Redis]:
    client = connect_redis(server.url)
    yield client
    await client.aclose()


@pytest.fixture
def locks(redis: Redis) -> Locks:
    return Locks(redis)


async def test_the_second_caller_is_told_at_once_who_holds_the_lock(locks: Locks, redis: Redis) -> None:
    async with locks.hold(["slot:1"], ttl=5, owner="first: with a colon") as held:
        assert held
        with pytest.raises(LockTaken) as taken:
            async with locks.hold(["slot:1"], ttl=5, owner="second"):
                pass
        assert taken.value.holder == "first: with a colon"
        async with Locks(redis).hold(["slot:2"], ttl=5, owner="other slot, other process") as other:
            assert other


async def test_of_two_hundred_at_once_exactly_one_gets_the_lock(locks: Locks) -> None:
    release = asyncio.Event()
    outcomes: list[str] = []

    async def contend(number: int) -> None:
        try:
            async with locks.hold(["slot:1"], ttl=5, owner=str(number)) as held:
                outcomes.append("held" if held else "degraded")
                await release.wait()
        except LockTaken:
            outcomes.append("taken")
            if outcomes.count("taken") == 199:
                release.set()

    await asyncio.gather(*(contend(number) for number in range(200)))
    assert sorted(set(outcomes)) == ["held", "taken"]
    assert outcomes.count("held") == 1


async def test_a_released_lock_is_free_for_the_next_request_of_the_process(locks: Locks) -> None:
    for owner in ("first", "second", "third"):
        async with locks.hold(["slot:1"], ttl=60, owner=owner) as held:
            assert held


async def test_several_names_are_taken_together_or_not_at_all(locks: Locks) -> None:
    async with locks.hold(["b"], ttl=5, owner="holder of b"):
        with pytest.raises(LockTaken):
            async with locks.hold(["a", "b", "c"], ttl=5, owner="wants all"):
                pass
        async with locks.hold(["a", "c"], ttl=5, owner="the rest") as held:
            assert held


async def test_a_lock_lives_no_longer_than_its_ttl(locks: Locks, redis: Redis) -> None:
    async with locks.hold(["slot:1"], ttl=5, owner="x"):
        assert 0 < await redis.pttl("slot:1") <= 5000


async def test_an_expired_holder_does_not_release_the_next_one(locks: Locks, redis: Redis) -> None:
    async with asyncio.timeout(5), contextlib.AsyncExitStack() as second:
        async with locks.hold(["slot:1"], ttl=5, owner="same caller"):
            await redis.delete("slot:1")  # as if it had expired
            await second.enter_async_context(locks.hold(["slot:1"], ttl=5, owner="same caller"))
        async with locks.hold(["marker"], ttl=5, owner="x"):  # comes after the first one's release
            assert await redis.exists("slot:1")


async def test_a_caller_who_is_cancelled_while_waiting_leaves_no_lock(locks: Locks, server: RedisPart) -> None:
    async def hold() -> None:
        async with locks.hold(["slot:1"], ttl=60, owner="cancelled"):
            await asyncio.Event().wait()

    server.freeze()
    task = asyncio.create_task(hold())
    await asyncio.sleep(0)  # the command is on its way
    await asyncio.sleep(0)
    task.cancel()
    server.thaw()
    await asyncio.gather(task, return_exceptions=True)
    async with locks.hold(["slot:1"], ttl=60, owner="next") as held:
        assert held


async def test_work_goes_on_while_redis_is_killed_and_locks_come_back_with_it(redis: Redis, server: RedisPart) -> None:
    locks = Locks(redis)
    degraded = metrics.LOCK_DEGRADED._value.get()
    async with locks.hold(["slot:1"], ttl=5, owner="before") as held:
        assert held
        server.kill()
    for _ in range(10):
        async with locks.hold(["slot:1"], ttl=5, owner="without redis") as held:
            assert not held
    assert metrics.LOCK_DEGRADED._value.get() == degraded + 10

    await server.start()
    async with asyncio.timeout(5):
        while True:
            async with locks.hold(["slot:1"], ttl=5, owner="after") as held:
                if held:
                    break
            await asyncio.sleep(0.02)


async def test_a_frozen_redis_delays_hardly_anybody(redis: Redis, server: RedisPart) -> None:
    locks = Locks(redis)
    async with locks.hold(["warm"], ttl=5, owner="x"):
        pass
    delays: list[float] = []
    stop_at = time.monotonic() + 3 * TIMEOUT_SECONDS + 2

    async def client(number: int) -> None:
        while time.monotonic() < stop_at:
            started = time.monotonic()
            async with locks.hold([f"slot:{number}"], ttl=5, owner=str(number)) as held:
                delays.append(time.monotonic() - started)
                assert not held
            await asyncio.sleep(0.05)

    server.freeze()
    await asyncio.gather(*(client(number) for number in range(200)))
    slow = [delay for delay in delays if delay > 0.75 * TIMEOUT_SECONDS]
    assert max(delays) < 3 * TIMEOUT_SECONDS
    assert len(delays) > 2000
    assert len(slow) <= 2 * 200 + 6  # the two rounds before the breaker opens, then one trial every second
    server.thaw()


async def test_the_time_limit_holds_with_any_client(server: RedisPart) -> None:
    client = Redis.from_url(server.url)  # redis-py's own limits: seconds, and retries
    locks = Locks(client)
    async with locks.hold(["warm"], ttl=5, owner="x"):
        pass
    server.freeze()
    started = time.monotonic()
    async with locks.hold(["slot:1"], ttl=5, owner="x") as held:
        assert not held
    assert time.monotonic() - started < 5 * TIMEOUT_SECONDS
    server.thaw()
    await client.aclose()


async def test_a_command_does_not_wait_long_even_when_all_connections_are_busy(
    server: RedisPart,
) -> None:
    client = connect_redis(server.url, max_connections=1)
    await client.ping()
    server.freeze()
    started = time.monotonic()
    results = await asyncio.gather(*(client.ping() for _ in range(50)), return_exceptions=True)
    assert all(isinstance(result, Exception) for result in results)
    assert time.monotonic() - started < 10 * TIMEOUT_SECONDS
    server.thaw()
    await client.aclose()
