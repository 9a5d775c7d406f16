"""A running world, a clinic that gets its webhooks, and clients for it: in process, and over a socket."""

from collections.abc import AsyncIterator

import httpx
import pytest

from sandbox.app import create_app
from sandbox.settings import SandboxSettings
from sandbox.tests.builders import Clinic, Clock, clinic_app, served
from sandbox.whatsapp.templates import TemplateText
from sandbox.world import World, running_world


@pytest.fixture(scope="session")
async def listening_clinic() -> AsyncIterator[Clinic]:
    """One socket for all tests; each starts with an empty clinic."""
    clinic = Clinic()
    async with served(clinic_app(clinic)) as url:
        clinic.url = url
        yield clinic


@pytest.fixture
def clinic(listening_clinic: Clinic) -> Clinic:
    listening_clinic.start_afresh()
    return listening_clinic


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def world(clinic: Clinic, clock: Clock) -> AsyncIterator[World]:
    settings = SandboxSettings.model_validate(
        {
            "webhook_base_url": clinic.url,
            "webhook_retry_seconds": (0.01, 0.01, 0.01),
            "delivered_after_seconds": 0.01,
            "read_after_seconds": 0.01,
            "whatsapp_pair_burst": 3,
            "messages_kept": 50,
        }
    )
    async with running_world(settings, clock) as world:
        world.whatsapp.templates.register("note", "en", TemplateText(body="{{1}}"))
        yield world


@pytest.fixture
async def client(world: World) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(world))
    async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as client:
        yield client


@pytest.fixture
async def server(world: World) -> AsyncIterator[str]:
    async with served(create_app(world)) as url:
        yield url
