"""Real parts for tests, started once per run; the runner may hand in ones that run already."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from libs.common.testing.parts import MongoPart, RabbitPart, RedisPart


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def mongodb_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """A MongoDB-protocol server. Use a database of your own."""
    given = os.environ.get("CLINIC_TEST_MONGODB_URL")
    if given:
        yield given
        return
    async with MongoPart(_folder(tmp_path_factory, "mongo")) as part:
        yield part.url


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def redis_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """A Redis server. Use names of your own."""
    given = os.environ.get("CLINIC_TEST_REDIS_URL")
    if given:
        yield given
        return
    async with RedisPart(_folder(tmp_path_factory, "redis")) as part:
        yield part.url


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def amqp_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """A RabbitMQ server. Use service names of your own, for queues of your own."""
    given = os.environ.get("CLINIC_TEST_AMQP_URL")
    if given:
        yield given
        return
    async with RabbitPart(_folder(tmp_path_factory, "rabbit")) as part:
        yield part.url


def _folder(factory: pytest.TempPathFactory, name: str) -> Path:
    return Path(factory.mktemp(name))
