"""Fixtures of the kernel's tests."""

from collections.abc import AsyncIterator

import pytest_asyncio

from libs.common.testing.service_under_test import ServiceUnderTest
from libs.common.tests.notebook import notebook


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def service(mongodb_url: str, redis_url: str) -> AsyncIterator[ServiceUnderTest]:
    async with notebook(mongodb_url, redis_url) as running:
        yield running
