"""A commit wakes the relay within milliseconds, and never waits for that."""

import asyncio
from functools import partial

from aio_pika.abc import AbstractChannel
from redis.asyncio import Redis

from libs.common.messaging.outbox import EVERYWHERE, OutboxWaker
from libs.common.messaging.relay import OutboxRelay
from libs.common.telemetry import metrics
from libs.common.testing.waiting import eventually
from libs.common.tests.background.things import (
    Db,
    carrying,
    commit,
    length,
    listening,
    running,
    thing_event,
)


async def _longer_than(channel: AbstractChannel, queue: str, count: int) -> bool:
    return await length(channel, queue) > count


async def test_a_wake_in_another_process_reaches_the_relay_through_redis(
    db: Db, amqp_url: str, redis_url: str, channel: AbstractChannel, service: str
) -> None:
    event = thing_event(service)
    inbox = await listening(channel, service, event.routing_key())
    await carrying(db)
    redis = Redis.from_url(redis_url)
    far, near = OutboxWaker(db.name, redis), OutboxWaker(db.name, redis)
    relay = OutboxRelay(db, ["things"], amqp_url, near, poll_seconds=60)
    async with running(relay):
        await eventually(lambda: relay.ready)
        await eventually(lambda: _subscribed(redis, f"outbox:{db.name}"))
        for number in range(1, 4):
            await commit(db, "thg_1", event, number)
            far.wake("things")
            await eventually(partial(_longer_than, channel, inbox.queue, number - 1), within=5)
        asyncio.get_running_loop().call_later(0.05, near.wake)  # ends the long poll: the relay sees that it shall stop
    await far.close()
    await near.close()
    await redis.aclose()


async def test_what_nobody_wakes_for_is_polled_however_often_others_wake(
    db: Db, amqp_url: str, channel: AbstractChannel, service: str
) -> None:
    event = thing_event(service)
    inbox = await listening(channel, service, event.routing_key())
    await carrying(db)
    waker = OutboxWaker(db.name)
    relay = OutboxRelay(db, ["things"], amqp_url, waker, poll_seconds=0.2)
    async with running(relay):
        await eventually(lambda: relay.ready)
        waking = asyncio.create_task(_wake_for_something_else(waker))
        await commit(db, "thg_1", event, 1)
        await eventually(partial(_longer_than, channel, inbox.queue, 0), within=5)
        waking.cancel()


async def _wake_for_something_else(waker: OutboxWaker) -> None:
    while True:
        waker.wake("elsewhere")
        await asyncio.sleep(0.01)


async def test_a_wake_says_where_to_look(db: Db, redis_url: str) -> None:
    redis = Redis.from_url(redis_url)
    far, near = OutboxWaker(db.name, redis), OutboxWaker(db.name, redis)
    listening = asyncio.create_task(near.listen())
    await eventually(lambda: _subscribed(redis, f"outbox:{db.name}"))
    far.wake("things", "others")
    assert await near.wait(5) == {"things", "others"}
    far.wake()
    assert await near.wait(5) == {EVERYWHERE}
    assert await near.wait(0.01) == set()
    listening.cancel()
    await far.close()
    await redis.aclose()


async def _subscribed(redis: "Redis", name: str) -> bool:
    return bool((await redis.pubsub_numsub(name))[0][1])


async def test_waking_never_raises_nor_waits_when_redis_is_away(db: Db) -> None:
    redis = Redis.from_url("redis://127.0.0.1:1/0")
    waker = OutboxWaker(db.name, redis)
    lost = metrics.counter("outbox_wakes_lost", "Wake-ups that did not reach Redis; the relay's poll covers them")
    before = lost._value.get()
    started = asyncio.get_running_loop().time()
    for _ in range(1000):
        waker.wake()
    assert asyncio.get_running_loop().time() - started < 0.1
    await eventually(lambda: lost._value.get() == before + 1)
    await waker.close()
    await redis.aclose()
