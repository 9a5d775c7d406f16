"""Fixtures of notifications' tests: the service behind a real socket, and the outside world as the sandbox plays it."""

from collections.abc import AsyncIterator

import pytest_asyncio

from services.notifications.tests.builders import Desk
from services.notifications.tests.platform import Platform, running_platform


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def platform(mongodb_url: str, redis_url: str) -> AsyncIterator[Platform]:
    async with running_platform(mongodb_url, redis_url) as platform:
        yield platform


@pytest_asyncio.fixture(loop_scope="session")
async def desk(platform: Platform) -> Desk:
    """Each test starts with nothing stored, nothing broken, and a sender whose breakers are closed."""
    await platform.start_afresh()
    return Desk(platform)
