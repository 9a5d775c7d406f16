"""Fixtures of the registry's tests."""

from collections.abc import AsyncIterator

import pytest_asyncio

from libs.common.crypto.keyring import generate_keyring
from libs.common.testing.queries import QueriesSeen
from libs.common.testing.service_under_test import KnownSubjects, ServiceUnderTest, service_under_test
from services.registry.bootstrap import RegistryRuntime
from services.registry.main import build
from services.registry.settings import RegistrySettings
from services.registry.tests.builders import ACCOUNT_KEY, Clinic


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def queries_seen() -> QueriesSeen:
    """Every find the driver sends from here on; it must be there before the service connects."""
    return QueriesSeen.listening()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def clinics() -> KnownSubjects:
    """The clinics auth knows of."""
    return KnownSubjects()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def service(
    mongodb_url: str, redis_url: str, queries_seen: QueriesSeen, clinics: KnownSubjects
) -> AsyncIterator[ServiceUnderTest]:
    async with service_under_test(
        build,
        RegistryRuntime,
        RegistrySettings,
        mongodb_url=mongodb_url,
        redis_url=redis_url,
        settings_values={"field_keyring": generate_keyring(), "account_pseudonym_key": ACCOUNT_KEY},
        clinics=clinics,
    ) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def clinic(service: ServiceUnderTest, clinics: KnownSubjects) -> Clinic:
    """A clinic of its own for each test, so that tests share a database and nothing in it."""
    clinic = Clinic(service)
    clinics.add(clinic.id, clinic.id)
    return clinic


@pytest_asyncio.fixture(loop_scope="session")
async def other_clinic(service: ServiceUnderTest, clinics: KnownSubjects) -> Clinic:
    """The neighbours."""
    other = Clinic(service)
    clinics.add(other.id, other.id)
    return other
