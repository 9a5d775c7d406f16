"""A clinic to test the registry in: its people, and the short way to register a patient."""

import random
from dataclasses import dataclass, field
from typing import Any

from pydantic import SecretStr

from libs.common.ids import new_id
from libs.common.messaging.events import Envelope
from libs.common.testing.service_under_test import Answer, ServiceUnderTest
from libs.contracts.auth_api import account_id
from libs.contracts.roles import FRONT_DESK

ACCOUNT_KEY = "the key auth has too"


def some_phone() -> str:
    """An Indian mobile number that nobody else in the tests has, most likely."""
    return f"+9198{random.randrange(10**8):08d}"


def account_of(phone: str) -> str:
    return account_id(phone, SecretStr(ACCOUNT_KEY))


@dataclass
class Clinic:
    """One clinic; `staff()` works at its front desk unless told otherwise."""

    service: ServiceUnderTest
    id: str = field(default_factory=lambda: new_id("cln"))

    def staff(self, role: str = FRONT_DESK, **claims: Any) -> str:
        return self.service.mint.staff(role, self.id, **claims)

    def account(self, phone: str) -> str:
        """The token of whoever logged in with this phone."""
        return self.service.mint.account(account_of(phone))

    async def call(self, method: str, path: str, *, token: str | None = None, **more: Any) -> Answer:
        return await self.service.call(method, path, token=token or self.staff(), **more)

    async def try_to_register(self, *, token: str | None = None, key: str | None = None, **body: Any) -> Answer:
        body = {"name": "Asha Rao", "phone": some_phone(), **body}
        return await self.call("POST", "/patients", token=token, key=key, json=body)

    async def register(self, **body: Any) -> dict[str, Any]:
        answer = await self.try_to_register(**body)
        assert answer.status == 201, answer.body
        return dict(answer.body)

    async def read(self, patient: dict[str, Any], *, token: str | None = None) -> Answer:
        return await self.call("GET", f"/patients/{patient['id']}", token=token)

    async def change(
        self, patient: dict[str, Any], *, token: str | None = None, if_match: str | None = None, **patch: Any
    ) -> Answer:
        headers = {"If-Match": if_match} if if_match else None
        return await self.call("PATCH", f"/patients/{patient['id']}", token=token, json=patch, headers=headers)

    async def found(self, **params: Any) -> list[str]:
        """The names that a search gives, in its order."""
        answer = await self.call("GET", "/patients", params=params)
        assert answer.status == 200, answer.body
        return [item["name"] for item in answer.body["items"]]

    async def add_guardian(self, ward: dict[str, Any], *, token: str | None = None, **guardian: Any) -> Answer:
        return await self.call("POST", f"/patients/{ward['id']}/guardians", token=token, json=guardian)

    async def consent(self, patient: dict[str, Any], *, token: str | None = None, **body: Any) -> Answer:
        body = {"purpose": "notifications_whatsapp", "notice_version": "2026-11", "language": "en", **body}
        return await self.call("POST", f"/patients/{patient['id']}/consents", token=token, json=body)

    async def stored(self, patient: dict[str, Any]) -> dict[str, Any]:
        """The document as it lies in the database."""
        raw = await self.service.runtime.db["patients"].find_one({"_id": patient["id"]})
        assert raw is not None
        return dict(raw)

    async def accounts(self, patient: dict[str, Any]) -> set[str]:
        return set((await self.stored(patient))["accounts"])

    async def announced(self, kind: str, aggregate_id: str) -> list[Envelope]:
        return [e for e in await self.service.announced(kind) if e.aggregate.id == aggregate_id]

    async def on_record(self, entity_id: str) -> list[dict[str, Any]]:
        """The audit entries about a thing, oldest first."""
        entries = [envelope.data for envelope in await self.service.announced("AUDIT_ENTRY")]
        return [entry for entry in entries if entry["entity"]["id"] == entity_id]
