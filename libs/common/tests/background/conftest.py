"""A database and queues of its own for each of these tests."""

import secrets
from collections.abc import AsyncIterator

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel
from pymongo import AsyncMongoClient

from libs.common.telemetry.logs import setup_logging
from libs.common.tests.background.things import Db


@pytest.fixture(scope="session", autouse=True)
def logs() -> None:
    """As in production; structlog's own default renders each traceback for most of a second."""
    setup_logging("test", "WARNING")


@pytest.fixture
async def db(mongodb_url: str) -> AsyncIterator[Db]:
    client: AsyncMongoClient[dict[str, object]] = AsyncMongoClient(mongodb_url, tz_aware=True)
    name = f"kernel_{secrets.token_hex(4)}"
    yield client[name]
    await client.drop_database(name)
    await client.close()


@pytest.fixture
async def channel(amqp_url: str) -> AsyncIterator[AbstractChannel]:
    """A channel of the test's own, to look and to interfere."""
    connection = await aio_pika.connect(amqp_url)
    async with connection:
        yield await connection.channel(publisher_confirms=True, on_return_raises=True)


@pytest.fixture
async def service(amqp_url: str) -> AsyncIterator[str]:
    """A name nobody else has; the queues made under it are deleted afterwards."""
    name = f"test_{secrets.token_hex(4)}"
    yield name
    connection = await aio_pika.connect(amqp_url)
    async with connection:
        channel = await connection.channel()
        for queue in ("inbox", "dead", *(f"retry.{n}" for n in range(1, 5))):
            await channel.queue_delete(f"{name}.{queue}")
