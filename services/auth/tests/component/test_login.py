"""Staff log in: passwords, devices, second factors, and everybody who tries without."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from libs.common.testing.clock import FrozenClock
from libs.contracts.roles import ADMIN, NURSE
from services.auth.adapters import passwords
from services.auth.tests.builders import PASSWORD, Auth, Clinic, Person, an_email


async def test_an_unknown_address_looks_like_a_wrong_password(
    auth: Auth, clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    worked_out: list[str] = []
    original = passwords._verify

    def seen(stored_hash: str, password: str) -> bool:
        worked_out.append(stored_hash)
        return original(stored_hash, password)

    monkeypatch.setattr(passwords, "_verify", seen)
    person = await clinic.staff()
    worked_out.clear()
    wrong = await auth.login(person, password="not the password")
    unknown = await auth.login(Person("", an_email()))
    assert wrong.status == unknown.status == 401
    assert {**wrong.body, "request_id": ""} == {**unknown.body, "request_id": ""}
    assert wrong.code == "credentials_wrong"
    first, second = worked_out  # a hash of the same cost for both, so both take as long
    assert first.rpartition("m=")[2].split("$")[0] == second.rpartition("m=")[2].split("$")[0]


@pytest.mark.usefixtures("fresh_window")
async def test_guessing_passwords_is_slowed_down_for_known_and_unknown_alike(auth: Auth, clinic: Clinic) -> None:
    person = await clinic.staff()
    for victim in (person, Person("", an_email())):
        answers = [await auth.login(victim, password=f"guess number {n}") for n in range(12)]
        assert Counter(answer.status for answer in answers) == {401: 10, 429: 2}
        assert int(answers[-1].headers["Retry-After"]) >= 1
    assert (await auth.login(person)).code == "too_many_attempts"


@pytest.mark.usefixtures("fresh_window")
async def test_guesses_from_elsewhere_lock_no_approved_device_out(auth: Auth, clinic: Clinic) -> None:
    person = await clinic.staff()
    guesses = [
        await auth.login(person, password=f"guess number {n}", device={"id": f"unknown-{n % 3}"}) for n in range(12)
    ]
    assert Counter(answer.status for answer in guesses) == {401: 10, 429: 2}
    assert (await auth.login(person, device={"id": "unknown-9"})).code == "too_many_attempts"
    assert (await auth.login(person)).status == 200


@pytest.mark.usefixtures("fresh_window")
async def test_guesses_from_everywhere_are_capped_for_all_but_approved_devices(auth: Auth, clinic: Clinic) -> None:
    person, limits = await clinic.staff(), auth.runtime.limits
    for n in range(100):
        await limits.login(person.email, f"198.51.100.{n}", None)
    assert (await auth.login(person, device={"id": "unknown"})).code == "too_many_attempts"
    assert (await auth.login(person)).status == 200


async def test_right_passwords_are_not_counted(auth: Auth, clinic: Clinic) -> None:
    person = await clinic.staff()
    for _ in range(15):
        assert (await auth.login(person)).status == 200


async def test_email_addresses_have_no_case(auth: Auth, clinic: Clinic) -> None:
    person = await clinic.staff()
    assert (await auth.login(person, email=person.email.upper())).status == 200
    taken = await clinic.invite(email=person.email.upper())
    assert (taken.status, taken.code) == (409, "email_taken")


# devices


async def test_a_device_token_reaches_its_status_and_nothing_else(auth: Auth, clinic: Clinic) -> None:
    person = await clinic.staff()
    refused = await auth.login(person, device={"id": "tablet", "name": "the tablet"})
    assert (refused.status, refused.code) == (403, "device_approval_required")
    assert "access_token" not in refused.body
    device, token = refused.body["device"], refused.body["device_token"]
    status = await auth.service.call("GET", "/auth/devices/status", token=token)
    assert status.body == {"id": device["id"], "device_id": "tablet", "status": "pending"}
    for path in ("/auth/me", "/auth/sessions", "/auth/devices", "/staff", "/clinics/current"):
        assert (await auth.service.call("GET", path, token=token)).status == 401
    await clinic.approve(device["id"])
    assert (await auth.service.call("GET", "/auth/devices/status", token=token)).body["status"] == "approved"
    forged = f"{device['id']}.{'A' * 43}"
    for other in (forged, device["id"], "x", (await auth.tokens_of(person))["access_token"]):
        assert (await auth.service.call("GET", "/auth/devices/status", token=other)).status == 401


async def test_a_new_device_asks_once_however_often_it_tries(auth: Auth, clinic: Clinic) -> None:
    person = await clinic.staff()
    device = {"id": "laptop-2", "name": "laptop"}
    answers = await asyncio.gather(*(auth.login(person, device=device) for _ in range(6)))
    assert {answer.code for answer in answers} == {"device_approval_required"}
    assert len({answer.body["device"]["id"] for answer in answers}) == 1
    device_id = answers[0].body["device"]["id"]
    asked = [e for e in await auth.service.announced("DEVICE_APPROVAL_REQUESTED") if e.aggregate.id == device_id]
    assert len(asked) == 1


async def test_a_device_is_approved_for_one_person(auth: Auth, clinic: Clinic) -> None:
    first, second = await clinic.staff(), await clinic.staff()
    assert (await auth.login(second, device=first.device)).code == "device_approval_required"


async def test_a_rejected_device_stays_out_and_loses_what_it_had(auth: Auth, clinic: Clinic) -> None:
    person = await clinic.staff()
    tokens = await auth.tokens_of(person)
    devices = await auth.service.call("GET", "/auth/devices", token=clinic.token())
    [device_id] = [item["id"] for item in devices.body["items"] if item["user_id"] == person.id]
    path = f"/auth/devices/{device_id}/reject"
    rejected = await auth.service.call("POST", path, token=clinic.token(), json={"reason": "stolen"})
    assert rejected.body["status"] == "rejected"
    assert (await auth.login(person)).code == "device_rejected"
    assert (await auth.refresh(tokens["refresh_token"])).status == 401
    assert (await auth.service.call("GET", "/auth/me", token=tokens["access_token"])).status == 401
    decided = await clinic.approve(device_id)
    assert (decided.code, decided.body["status"], decided.body["current_status"]) == (
        "device_already_decided",
        409,
        "rejected",
    )


async def test_devices_that_wait_are_few(auth: Auth, clinic: Clinic) -> None:
    person = await clinic.staff()
    for n in range(10):
        assert (await auth.login(person, device={"id": f"d{n}"})).code == "device_approval_required"
    assert (await auth.login(person, device={"id": "one more"[:3]})).code == "too_many_devices"


# the second factor


async def test_a_code_works_once(auth: Auth, clinic: Clinic) -> None:
    code = auth.code_of(clinic.admin)
    questions = [(await auth.login(clinic.admin)).body["mfa_token"] for _ in range(6)]
    answers = await asyncio.gather(*(_verify(auth, token, code) for token in questions))
    assert Counter(answer.status for answer in answers) == {200: 1, 401: 5}
    assert {answer.code for answer in answers if answer.status == 401} == {"mfa_code_wrong"}


async def test_a_login_dies_after_five_wrong_codes(auth: Auth, clinic: Clinic) -> None:
    token = (await auth.login(clinic.admin)).body["mfa_token"]
    answers = await asyncio.gather(*(_verify(auth, token, "000000") for _ in range(30)))
    assert Counter(answer.code for answer in answers) == {"mfa_code_wrong": 5, "mfa_token_invalid": 25}
    assert (await _verify(auth, token, auth.code_of(clinic.admin))).code == "mfa_token_invalid"


@pytest.mark.usefixtures("fresh_window")
async def test_codes_are_not_guessed_over_many_logins(auth: Auth, clinic: Clinic) -> None:
    refused = []
    for _ in range(4):
        token = (await auth.login(clinic.admin)).body["mfa_token"]
        refused += [(await _verify(auth, token, "000000")).code for _ in range(5)]
    assert Counter(refused) == {"mfa_code_wrong": 10, "too_many_attempts": 10}


async def test_an_mfa_token_is_no_access_token_and_expires(auth: Auth, clinic: Clinic, clock: FrozenClock) -> None:
    token = (await auth.login(clinic.admin)).body["mfa_token"]
    assert (await auth.service.call("GET", "/auth/me", token=token)).status == 401
    assert (await _verify(auth, token[:-1] + "~", "000000")).code == "mfa_token_invalid"
    clock.advance(minutes=5)
    assert (await _verify(auth, token, auth.code_of(clinic.admin))).code == "mfa_token_invalid"


async def test_an_administrator_without_a_second_factor_gets_one_before_a_session(auth: Auth, clinic: Clinic) -> None:
    person = await clinic.staff(ADMIN)
    asked = (await auth.login(person)).body
    person.totp_secret = asked["enrollment"]["secret"]
    assert asked["enrollment"]["otpauth_uri"].startswith("otpauth://totp/")
    entered = await _verify(auth, asked["mfa_token"], auth.code_of(person))
    recovery = entered.body["recovery_codes"]
    assert len(set(recovery)) == 10
    asked = (await auth.login(person)).body
    assert asked["enrollment"] is None
    assert (await _verify(auth, asked["mfa_token"], recovery[0])).status == 200
    token = (await auth.login(person)).body["mfa_token"]
    assert (await _verify(auth, token, recovery[0])).code == "mfa_code_wrong"
    assert (await _verify(auth, token, recovery[1].upper().replace("-", ""))).status == 200


async def test_anybody_may_have_a_second_factor(auth: Auth, clinic: Clinic, clock: FrozenClock) -> None:
    person = await clinic.staff(NURSE)
    token = (await auth.tokens_of(person))["access_token"]
    offered = await auth.service.call("POST", "/auth/mfa/enroll", token=token)
    assert "mfa_required" not in (await auth.login(person)).body  # not in force before its first code
    person.totp_secret = offered.body["secret"]
    confirmed = await auth.service.call("POST", "/auth/mfa/confirm", token=token, json={"code": auth.code_of(person)})
    assert len(confirmed.body["recovery_codes"]) == 10
    assert (await auth.login(person)).body["mfa_required"] is True
    stored = await auth.runtime.db["users"].find_one({"_id": person.id})
    assert person.totp_secret not in str(stored)
    assert not set(confirmed.body["recovery_codes"]) & set(str(stored))
    reset = await auth.service.call("POST", f"/staff/{person.id}/reset-mfa", token=clinic.token())
    assert reset.status == 204
    assert (await auth.login(person)).status == 200


# choosing a password


async def test_an_invitation_lets_them_choose_a_password_once(auth: Auth, clinic: Clinic, clock: FrozenClock) -> None:
    invited = await clinic.invite(password=None)
    person = Person(invited.body["id"], invited.body["email"], password="their own choice")
    assert (await auth.login(person)).code == "credentials_wrong"
    choice = {"token": invited.body["setup_token"], "password": person.password}
    assert (await _choose(auth, {**choice, "password": "short"})).code == "password_unacceptable"
    assert (await _choose(auth, {**choice, "token": f"{person.id}.guess"})).code == "setup_token_invalid"
    assert (await _choose(auth, {**choice, "token": "usr_none.guess"})).code == "setup_token_invalid"
    assert (await _choose(auth, choice)).status == 204
    assert (await _choose(auth, choice)).code == "setup_token_invalid"
    assert (await auth.login(person)).code == "device_approval_required"


async def test_a_reset_ends_password_and_sessions(auth: Auth, clinic: Clinic, clock: FrozenClock) -> None:
    person = await clinic.staff()
    tokens = await auth.tokens_of(person)
    reset = await auth.service.call("POST", f"/staff/{person.id}/reset-password", token=clinic.token())
    assert (await auth.login(person)).code == "credentials_wrong"
    assert (await auth.refresh(tokens["refresh_token"])).code == "refresh_token_invalid"
    assert (await auth.service.call("GET", "/auth/me", token=tokens["access_token"])).status == 401
    clock.advance(days=3)
    late = await _choose(auth, {"token": reset.body["setup_token"], "password": PASSWORD})
    assert late.code == "setup_token_invalid"


async def _verify(auth: Auth, mfa_token: str, code: str) -> Any:
    return await auth.service.call("POST", "/auth/mfa/verify", json={"mfa_token": mfa_token, "code": code})


async def _choose(auth: Auth, body: dict[str, str]) -> Any:
    return await auth.service.call("POST", "/auth/password/set", json=body)
