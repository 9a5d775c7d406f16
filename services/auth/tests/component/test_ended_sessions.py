"""What ends all sessions of a person or a device ends also those that are being opened at that moment."""

from typing import Any

import pytest

from libs.common.ids import new_id
from libs.common.testing.clock import FrozenClock
from libs.contracts.roles import NURSE
from services.auth.adapters import ended_sessions
from services.auth.domain.session import Session
from services.auth.persistence.repositories import DeviceRepository, UserRepository
from services.auth.tests.builders import Auth, Clinic


async def test_a_login_that_waits_for_its_code_is_over_with_the_password(auth: Auth, clinic: Clinic) -> None:
    waiting = (await auth.login(clinic.admin)).body["mfa_token"]
    second = (await auth.tokens_of(clinic.second_admin))["access_token"]
    reset = await auth.service.call("POST", f"/staff/{clinic.admin.id}/reset-password", token=second)
    assert reset.status == 200
    code = {"mfa_token": waiting, "code": auth.code_of(clinic.admin)}
    refused = await auth.service.call("POST", "/auth/mfa/verify", json=code)
    assert (refused.status, refused.code) == (401, "mfa_token_invalid")


async def test_a_login_under_way_outlives_no_reset(auth: Auth, clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    person = await clinic.staff(NURSE)
    read, reset = UserRepository.get, f"/staff/{person.id}/reset-password"
    resets: list[int] = []

    async def get(self: Any, user_id: str, **more: Any) -> Any:
        user = await read(self, user_id, **more)
        if user_id == person.id and not resets:
            resets.append(0)
            resets.append((await auth.service.call("POST", reset, token=clinic.token())).status)
        return user

    monkeypatch.setattr(UserRepository, "get", get)
    tokens = (await auth.login(person)).body
    assert resets == [0, 200]
    refused = await auth.refresh(tokens["refresh_token"])
    assert (refused.status, refused.code) == (401, "refresh_token_invalid")


async def test_a_login_under_way_outlives_no_rejection_of_its_device(
    auth: Auth, clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await clinic.staff(NURSE)
    devices = await auth.service.call("GET", "/auth/devices", token=clinic.token())
    [device_id] = [item["id"] for item in devices.body["items"] if item["user_id"] == person.id]
    read, reads = DeviceRepository.of_user, []

    async def of_user(self: Any, user_id: str, given_id: str) -> Any:
        device = await read(self, user_id, given_id)
        reads.append(given_id)
        if len(reads) == 2:
            rejected = await auth.service.call("POST", f"/auth/devices/{device_id}/reject", token=clinic.token())
            assert rejected.status == 200
        return device

    monkeypatch.setattr(DeviceRepository, "of_user", of_user)
    tokens = (await auth.login(person)).body
    refused = await auth.refresh(tokens["refresh_token"])
    assert (refused.status, refused.code) == (401, "refresh_token_invalid")


async def test_a_thousand_old_sessions_hide_no_new_one(auth: Auth, clinic: Clinic, clock: FrozenClock) -> None:
    person = await clinic.staff(NURSE)
    await auth.tokens_of(person)
    sessions = auth.runtime.db["sessions"]
    old = await sessions.find_one({"holder_id": person.id}, {"outbox": 0, "outbox_at": 0})
    assert old is not None
    await sessions.insert_many([{**old, "_id": new_id("ses"), "expires_at": clock.now()} for _ in range(1000)])
    newest = await auth.tokens_of(person)
    await auth.service.call("POST", f"/staff/{person.id}/reset-password", token=clinic.token())
    assert (await auth.refresh(newest["refresh_token"])).status == 401
    assert (await auth.service.call("GET", "/auth/me", token=newest["access_token"])).status == 401


async def test_patients_who_logged_out_push_nobody_off_the_list(
    auth: Auth, clinic: Clinic, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ended_sessions, "MOST_LISTED", 3)
    for _ in range(3):
        session = Session.of_account(new_id("acc"), None, clock.now())
        session.end("logged_out", clock.now())
        stored = session.model_dump()
        await auth.runtime.db["sessions"].insert_one({"_id": stored.pop("id"), **stored})
    person = await clinic.staff(NURSE)
    token = (await auth.tokens_of(person))["access_token"]
    await auth.service.call("PATCH", f"/staff/{person.id}", token=clinic.token(), json={"active": False})
    assert (await auth.service.call("GET", "/auth/me", token=token)).status == 401


async def test_nobody_resets_their_own_password(auth: Auth, clinic: Clinic) -> None:
    token = (await auth.tokens_of(clinic.admin))["access_token"]
    refused = await auth.service.call("POST", f"/staff/{clinic.admin.id}/reset-password", token=token)
    assert (refused.status, refused.code) == (403, "own_reset")
    assert (await auth.login(clinic.admin)).status == 200
