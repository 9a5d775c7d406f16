"""Fixtures of scheduling's tests."""

from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio

from libs.common.subjects import SubjectDirectory
from libs.common.testing.queries import QueriesSeen
from libs.common.testing.service_under_test import KnownSubjects, ServiceUnderTest, service_under_test
from services.scheduling.bootstrap import SchedulingRuntime
from services.scheduling.domain.errors import DoctorUnknown
from services.scheduling.main import build
from services.scheduling.persistence.documents import DOCTORS
from services.scheduling.settings import SchedulingSettings
from services.scheduling.tests.builders import Clinic


class _Runtime(SchedulingRuntime):
    """Scheduling with patients and doctors that tests make up, instead of registry and auth."""

    def __init__(self, settings: SchedulingSettings, **parts: Any) -> None:
        self.known_patients, self.known_doctors = KnownSubjects(), KnownSubjects()
        super().__init__(settings, subjects=lambda _: self.known_patients, **parts)
        self.doctors = SubjectDirectory(self.db, self.known_doctors, missing=DoctorUnknown, collection=DOCTORS)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def queries_seen() -> QueriesSeen:
    """Every query the driver sends from here on; it must be there before the service connects."""
    return QueriesSeen.listening()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def service(mongodb_url: str, redis_url: str, queries_seen: QueriesSeen) -> AsyncIterator[ServiceUnderTest]:
    async with service_under_test(
        build, _Runtime, SchedulingSettings, mongodb_url=mongodb_url, redis_url=redis_url
    ) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def clinic(service: ServiceUnderTest) -> AsyncIterator[Clinic]:
    """A clinic of its own for each test, so that tests share a database and nothing in it; and the same morning."""
    morning = service.clock.now()
    yield await _opened(service)
    service.clock.advance(seconds=(morning - service.clock.now()).total_seconds())


@pytest_asyncio.fixture(loop_scope="session")
async def another_clinic(service: ServiceUnderTest) -> Clinic:
    return await _opened(service)


async def _opened(service: ServiceUnderTest) -> Clinic:
    runtime: Any = service.runtime
    return await Clinic(service, runtime.known_patients, runtime.known_doctors).open()
