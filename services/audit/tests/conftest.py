"""Fixtures of audit's tests."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from libs.common.testing.service_under_test import KnownSubjects, ServiceUnderTest, service_under_test
from services.audit.bootstrap import AuditRuntime
from services.audit.main import build
from services.audit.settings import AuditSettings
from services.audit.tests.builders import Record


class _Runtime(AuditRuntime):
    """Audit with patients that tests make up, instead of the registry."""

    def __init__(self, settings: AuditSettings, **parts: Any) -> None:
        self.known_patients = KnownSubjects()
        super().__init__(settings, subjects=lambda _: self.known_patients, **parts)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def service(mongodb_url: str, redis_url: str) -> AsyncIterator[ServiceUnderTest]:
    async with service_under_test(
        build,
        _Runtime,
        AuditSettings,
        mongodb_url=mongodb_url,
        redis_url=redis_url,
        settings_values={"audit_chain_key": "a key for tests"},
    ) as running:
        yield running


@pytest.fixture
def record(service: ServiceUnderTest) -> Record:
    """A clinic's record of its own for each test."""
    return Record(service)
