"""The real parts: they answer, freeze, die and come back with their data, and never outlive who started them."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aio_pika
import boto3
import psutil
import pytest
from aio_pika.abc import AbstractIncomingMessage, AbstractQueue
from botocore.exceptions import ClientError
from pymongo import AsyncMongoClient
from redis.asyncio import Redis

from libs.common.testing.parts import MongoPart, ProcessFailed, RabbitPart, RedisPart, S3Part
from libs.common.testing.parts.process import installed, port_is_free
from tools.platform.settings import CHECKOUT


async def test_a_frozen_part_does_not_answer_and_a_thawed_one_does(tmp_path: Path) -> None:
    async with RedisPart(tmp_path) as redis:
        redis.freeze()
        with pytest.raises(ProcessFailed, match="redis was not ready within"):
            await redis.wait_ready(within=0.5)
        redis.thaw()
        await redis.wait_ready(within=5)


async def test_a_stopped_part_is_gone_even_if_it_was_frozen(tmp_path: Path) -> None:
    async with RedisPart(tmp_path) as redis:
        pid = redis.pid
        redis.freeze()
    assert pid is not None
    assert not psutil.pid_exists(pid)
    assert port_is_free(redis.port)


async def test_a_killed_mongo_is_back_on_its_port_with_what_it_acknowledged(tmp_path: Path) -> None:
    async with MongoPart(tmp_path, sync_on_commit=True) as mongo:
        url = mongo.url
        client: AsyncMongoClient[dict[str, object]] = AsyncMongoClient(url)
        await client.clinic.slots.insert_one({"_id": "slot_1"})
        mongo.kill()
        assert mongo.exit_code == -signal.SIGKILL
        await mongo.start()
        assert mongo.url == url
        assert await client.clinic.slots.count_documents({}) == 1
        await client.close()


async def test_a_port_taken_in_the_last_moment_is_exchanged_for_another(tmp_path: Path) -> None:
    async with RedisPart(tmp_path / "first") as first:
        second = RedisPart(tmp_path / "second")
        second.port = first.port
        async with second:
            assert second.port != first.port
        fixed = RedisPart(tmp_path / "third", port=first.port)
        with pytest.raises(ProcessFailed, match=f"port {first.port} of redis is taken"):
            await fixed.start()


async def test_a_part_that_ends_by_itself_shows_why(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the data folder should be")
    with pytest.raises(ProcessFailed, match=r"mongo ended with code \d+ before it was ready.*\n.*Traceback"):
        await MongoPart(tmp_path).start()


def test_a_missing_program_is_named_with_its_package() -> None:
    with pytest.raises(ProcessFailed, match="redisd is not installed; it comes in the package redis-server"):
        installed("redisd", package="redis-server")


async def test_s3_takes_only_requests_signed_with_its_key(tmp_path: Path) -> None:
    def client(secret: str) -> Any:
        pair = {"aws_access_key_id": "a" * 20, "aws_secret_access_key": secret}
        return boto3.client("s3", endpoint_url=s3.url, region_name="ap-south-1", **pair)

    async with S3Part(tmp_path, access_key="a" * 20, secret_key="b" * 20) as s3:
        client("b" * 20).put_object(Bucket="clinic", Key="scan.txt", Body=b"x-ray")
        assert client("b" * 20).get_object(Bucket="clinic", Key="scan.txt")["Body"].read() == b"x-ray"
        with pytest.raises(ClientError):
            client("c" * 20).put_object(Bucket="clinic", Key="scan.txt", Body=b"forged")


@pytest.mark.slow
async def test_two_brokers_live_side_by_side_and_a_killed_one_keeps_confirmed_messages(tmp_path: Path) -> None:
    one, two = RabbitPart(tmp_path / "one"), RabbitPart(tmp_path / "two")
    await asyncio.gather(one.start(), two.start())
    try:
        confirmed = await _publish_for_seconds(one.url)
        two.kill()
        one.kill()
        await one.start()
        connection = await aio_pika.connect(one.url)
        async with connection:
            channel = await connection.channel()
            queue = await channel.declare_queue("inbox", passive=True)  # an error if the queue itself is gone
            kept = [message.body async for message in _taken(queue, len(confirmed))]
        assert kept == confirmed
    finally:
        await asyncio.gather(one.stop(), two.stop())
    assert _processes_in(tmp_path) == []


async def _publish_for_seconds(url: str, seconds: float = 3.0) -> list[bytes]:
    """What was confirmed. A classic queue, and not a newborn one: RabbitMQ 3.10 killed within a second or two of a
    queue's birth may know nothing of it afterwards, and a quorum queue then finds no leader again."""
    confirmed: list[bytes] = []
    connection = await aio_pika.connect(url)
    async with connection:
        channel = await connection.channel(publisher_confirms=True)
        await channel.declare_queue("inbox", durable=True)
        began = asyncio.get_running_loop().time()
        while asyncio.get_running_loop().time() - began < seconds:
            body = str(len(confirmed)).encode()
            message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
            await channel.default_exchange.publish(message, "inbox")
            confirmed.append(body)
    return confirmed


async def _taken(queue: AbstractQueue, count: int) -> AsyncIterator[AbstractIncomingMessage]:
    async with queue.iterator(timeout=20) as messages:
        for _ in range(count):
            message = await anext(messages)
            await message.ack()
            yield message


def test_parts_die_with_the_process_that_started_them(tmp_path: Path) -> None:
    program = f"""
        import asyncio, pathlib
        from libs.common.testing.parts import RabbitPart, RedisPart

        async def main():
            redis, rabbit = RedisPart(pathlib.Path({str(tmp_path)!r}) / "redis"), RabbitPart(
                pathlib.Path({str(tmp_path)!r}) / "rabbit")
            await redis.start()
            rabbit.spawn()
            print(redis.pid, rabbit.pid, flush=True)
            await asyncio.sleep(60)

        asyncio.run(main())
    """
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    pids = [int(pid) for pid in parent.stdout.readline().split()]
    assert len(pids) == 2
    assert all(psutil.pid_exists(pid) for pid in pids)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    deadline = time.monotonic() + 10
    while any(psutil.pid_exists(pid) for pid in pids):
        assert time.monotonic() < deadline, "a part outlived its parent"
        time.sleep(0.05)


async def test_redis_keeps_nothing_when_it_is_killed(tmp_path: Path) -> None:
    async with RedisPart(tmp_path) as redis:
        async with Redis.from_url(redis.url) as client:
            await client.set("lock", "1")
        redis.kill()
        await redis.start()
        async with Redis.from_url(redis.url) as client:
            assert await client.get("lock") is None


def _processes_in(folder: Path) -> list[psutil.Process]:
    return [process for process in psutil.process_iter(["cmdline"]) if str(folder) in str(process.info["cmdline"])]
