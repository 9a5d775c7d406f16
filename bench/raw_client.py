"""What a booking needs of Redis, MongoDB and RabbitMQ, done by their bare clients.

`python -m bench.raw_client redis|mongo|queue <count>` is a process of its own, so that its CPU can be told from
everything else's. It prints the CPU microseconds of an operation; for the queue the lags of all, in milliseconds.
"""

import asyncio
import copy
import itertools
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from typing import Any, Self

import aio_pika
import uvloop
from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractIncomingMessage
from pymongo import AsyncMongoClient, IndexModel
from redis.asyncio import Redis

from libs.common.ids import new_id

AT_ONCE = 24
Operation = Callable[[], Awaitable[Any]]


class RawParts:
    """One Redis and one MongoDB, for a lock and an insert and nothing around them."""

    def __init__(self) -> None:
        self._redis = Redis.from_url(os.environ["REDIS_URL"])
        self._client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(os.environ["MONGODB_URL"], tz_aware=True)
        self._appointments = self._client["raw"]["appointments"]
        self._booking: dict[str, Any] = {}
        self._numbers = itertools.count(time.time_ns())

    async def open(self) -> Self:
        """Find a stored booking to copy, and build the three indexes it is stored under here."""
        bookings = self._client["clinic_scheduling"]["appointments"]
        booking = await bookings.find_one({"outbox_at": {"$exists": True}})
        if booking is None:
            raise RuntimeError("there is no booking to learn from")
        self._booking = booking
        claims = IndexModel("claims", unique=True, partialFilterExpression={"active": True})
        starts = IndexModel([("doctor_id", 1), ("start", 1)])
        await self._appointments.create_indexes([claims, starts, IndexModel("outbox_at", sparse=True)])
        return self

    async def lock_and_unlock(self) -> None:
        """`SET NX PX` and `DEL`."""
        name = new_id("slot")
        await self._redis.set(name, "owner", nx=True, px=5_000)
        await self._redis.delete(name)

    async def insert(self) -> None:
        """One document that was stored for a booking, its messages in it."""
        document = copy.copy(self._booking)
        number = next(self._numbers)
        document["_id"] = new_id("apt")
        document["claims"] = [f"{claim}:{number}" for claim in document["claims"]]
        document["start"] += timedelta(minutes=number % 1_000_000)
        await self._appointments.insert_one(document)

    async def close(self) -> None:
        await self._redis.aclose()
        await self._client.close()


async def redis(count: int) -> float:
    """CPU microseconds of a lock and its release."""
    parts = RawParts()
    cpu = await _repeated(parts.lock_and_unlock, count)
    await parts.close()
    return cpu


async def mongo(count: int) -> float:
    """CPU microseconds of an insert."""
    parts = await RawParts().open()
    cpu = await _repeated(parts.insert, count)
    await parts.close()
    return cpu


async def queue(count: int, per_second: float = 100) -> list[float]:
    """Messages of an event's size through a quorum queue, published with confirms at a steady rate."""
    connection = await aio_pika.connect(os.environ["AMQP_URL"])
    lags: list[float] = []
    done = asyncio.Event()

    async def receive(message: AbstractIncomingMessage) -> None:
        lags.append((time.time() - float(message.headers["sent"])) * 1000)  # type: ignore[arg-type]
        await message.ack()
        if len(lags) == count:
            done.set()

    async with connection:
        channel = await connection.channel(publisher_confirms=True)
        await channel.set_qos(prefetch_count=50)
        raw = await channel.declare_queue("bench.raw", durable=True, arguments={"x-queue-type": "quorum"})
        await raw.consume(receive)
        begun = time.time()
        publishing = []
        for number in range(count):
            await asyncio.sleep(begun + number / per_second - time.time())
            message = Message(b"x" * 800, headers={"sent": str(time.time())}, delivery_mode=DeliveryMode.PERSISTENT)
            publishing.append(asyncio.create_task(channel.default_exchange.publish(message, raw.name)))
        await asyncio.gather(*publishing)
        async with asyncio.timeout(30):
            await done.wait()
    return lags


async def _repeated(operation: Operation, count: int) -> float:
    """CPU microseconds of this process for each operation, connections made beforehand."""
    numbers = itertools.count()

    async def some(upto: int) -> None:
        while next(numbers) < upto:
            await operation()

    await asyncio.gather(*(some(AT_ONCE * 4) for _ in range(AT_ONCE)))
    before = time.process_time()
    numbers = itertools.count()
    await asyncio.gather(*(some(count) for _ in range(AT_ONCE)))
    return (time.process_time() - before) / count * 1e6


if __name__ == "__main__":
    operations: dict[str, Callable[[int], Coroutine[Any, Any, object]]] = {
        "redis": redis,
        "mongo": mongo,
        "queue": queue,
    }
    print(json.dumps(uvloop.run(operations[sys.argv[1]](int(sys.argv[2])))))
