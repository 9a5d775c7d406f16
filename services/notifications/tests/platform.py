"""Notifications behind a real socket, with the sandbox as the outside world; people are made up by the tests."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import uvicorn
from starlette.types import ASGIApp

from libs.common.testing.clock import FrozenClock
from libs.common.testing.service_under_test import KnownSubjects, ServiceUnderTest, service_under_test
from libs.common.testing.waiting import eventually
from sandbox.app import create_app as create_sandbox
from sandbox.phones import Phone
from sandbox.settings import SandboxSettings
from sandbox.world import World, running_world
from services.notifications.bootstrap import NotificationsRuntime
from services.notifications.main import build
from services.notifications.settings import NotificationsSettings
from services.notifications.use_cases.ports import ClinicCard, Code, Recipient

WHATSAPP_SECRET, SMS_SECRET, VERIFY_TOKEN = "whatsapp-secret", "sms-secret", "verify-token"
VENDOR_TIMEOUT = 0.5
MORNING = FrozenClock().now()
_SHARED = {
    "whatsapp_token": "whatsapp-token",
    "whatsapp_phone_number_id": "106540352242922",
    "whatsapp_app_secret": WHATSAPP_SECRET,
    "whatsapp_verify_token": VERIFY_TOKEN,
    "sms_api_key": "sms-key",
    "sms_webhook_secret": SMS_SECRET,
}


@dataclass
class KnownPeople:
    """`People` as a test knows them, instead of auth and the registry."""

    patients: dict[str, Recipient] = field(default_factory=dict)
    codes: dict[str, Code] = field(default_factory=dict)
    clinics: dict[str, ClinicCard] = field(default_factory=dict)
    staff: dict[str, str] = field(default_factory=dict)
    away: Exception | None = None

    async def patient(self, patient_id: str) -> Recipient | None:
        self._answer()
        return self.patients.get(patient_id)

    async def code(self, challenge_id: str) -> Code | None:
        self._answer()
        return self.codes.get(challenge_id)

    async def clinic(self, clinic_id: str) -> ClinicCard | None:
        self._answer()
        return self.clinics.get(clinic_id)

    async def staff_name(self, user_id: str) -> str | None:
        self._answer()
        return self.staff.get(user_id)

    def _answer(self) -> None:
        if self.away is not None:
            raise self.away


class MadeUp(NotificationsRuntime):
    """Notifications with people and patients that tests make up, instead of auth and the registry."""

    def __init__(self, settings: NotificationsSettings, **parts: Any) -> None:
        self.known, self.known_subjects = KnownPeople(), KnownSubjects()
        super().__init__(settings, people=self.known, subjects=lambda _: self.known_subjects, **parts)


@dataclass
class Platform:
    """The service and the world around it, started once: building the indexes takes seconds."""

    service: ServiceUnderTest
    runtime: MadeUp
    world: World
    sandbox: httpx.AsyncClient

    async def start_afresh(self) -> None:
        """Forget what the test before stored, said and broke, and go back to the morning."""
        for name in await self.runtime.db.list_collection_names():
            await self.runtime.db[name].delete_many({})
        subjects = self.runtime.subjects
        assert subjects is not None
        subjects._by_account.clear()
        self.runtime.known.__init__()  # type: ignore[misc]
        self.runtime.known_subjects.known.clear()
        self.service.clock.advance(seconds=(MORNING - self.service.clock.now()).total_seconds())
        self.world.webhooks.__dict__.pop("send", None)
        self.world.faults.clear()
        self.world.messages.clear()
        for phone in list(self.world.phones._phones):
            self.world.phones.describe(phone, Phone())


@asynccontextmanager
async def running_platform(mongodb_url: str, redis_url: str) -> AsyncIterator[Platform]:
    """The sandbox reports to the service's socket, the service sends to the sandbox's."""
    async with AsyncExitStack() as stack:
        ours, theirs = (stack.enter_context(_free_port()) for _ in range(2))
        world_settings = SandboxSettings.model_validate(
            {
                **_SHARED,
                "webhook_base_url": _url(ours),
                "webhook_retry_seconds": (0.05, 0.05, 0.05),
                "delivered_after_seconds": 0.02,
                "read_after_seconds": 0.02,
                "whatsapp_pair_burst": 1_000,
            }
        )
        values = {
            **_SHARED,
            "account_pseudonym_key": "pseudonyms",
            "whatsapp_api_url": _url(theirs),
            "sms_api_url": _url(theirs),
            "smtp_host": "127.0.0.1",
            "vendor_timeout_seconds": VENDOR_TIMEOUT,
        }
        world = await stack.enter_async_context(running_world(world_settings))
        values["smtp_port"] = world.smtp_port
        service = await stack.enter_async_context(
            service_under_test(
                build,
                MadeUp,
                NotificationsSettings,
                mongodb_url=mongodb_url,
                redis_url=redis_url,
                settings_values=values,
            )
        )
        await stack.enter_async_context(_served(create_sandbox(world), theirs))
        await stack.enter_async_context(_served(service.app, ours))
        sandbox = await stack.enter_async_context(httpx.AsyncClient(base_url=_url(theirs)))
        runtime = service.runtime
        assert isinstance(runtime, MadeUp)
        await runtime.registration().register()
        yield Platform(service, runtime, world, sandbox)


@asynccontextmanager
async def _served(app: ASGIApp, listener: socket.socket) -> AsyncIterator[None]:
    config = uvicorn.Config(app, lifespan="off", log_config=None, access_log=False, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve(sockets=[listener]))

    async def started() -> bool:
        return server.started

    await eventually(started)
    try:
        yield
    finally:
        server.should_exit = True
        await running


def _free_port() -> socket.socket:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    return listener


def _url(listener: socket.socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}"
