"""From nothing to a working clinic, in the very order a seed or an operator goes."""

from libs.common.testing.service_under_test import ServiceUnderTest
from libs.contracts.roles import ADMIN, STAFF_ROLES
from services.auth.tests.builders import BOOTSTRAP_TOKEN, PASSWORD, Auth, Clinic, Person, an_email


async def test_bootstrap_then_staff_then_devices_then_everybody_logs_in(auth: Auth) -> None:
    service = auth.service
    admin = Person("", an_email("admin"))
    body = {
        "name": "Demo Clinic",
        "zone": "Asia/Kolkata",
        "admin": {"email": admin.email, "name": "Meera", "password": PASSWORD, "device": admin.device},
    }
    opened = await service.call("POST", "/clinics", json=body, headers={"X-Bootstrap-Token": BOOTSTRAP_TOKEN})
    assert opened.status == 201
    assert opened.body["admin"]["device"] == admin.device
    admin.id, admin.totp_secret = opened.body["admin"]["id"], opened.body["admin"]["totp_secret"]

    asked = await auth.login(admin)
    assert asked.body["mfa_required"] is True
    verified = await service.call(
        "POST", "/auth/mfa/verify", json={"mfa_token": asked.body["mfa_token"], "code": auth.code_of(admin)}
    )
    assert verified.status == 200
    assert verified.body["expires_in"] == 900
    token = verified.body["access_token"]

    for role in STAFF_ROLES:
        person = Person("", an_email(role))
        asked_for = {"email": person.email, "name": role, "role": role, "password": PASSWORD}
        invited = await service.call("POST", "/staff", token=token, json=asked_for)
        assert invited.status == 201, invited.body
        assert invited.body["setup_token"] is None

        refused = await auth.login(person)
        assert (refused.status, refused.code) == (403, "device_approval_required")
        waiting = await service.call("GET", "/auth/devices", token=token, params={"status": "pending"})
        [device] = [item for item in waiting.body["items"] if item["user_id"] == invited.body["id"]]
        assert (device["device_id"], device["status"]) == (person.device["id"], "pending")
        assert (await service.call("POST", f"/auth/devices/{device['id']}/approve", token=token)).status == 200

        entered = await auth.login(person)
        assert entered.status == 200
        if role == ADMIN:
            person.id, person.totp_secret = invited.body["id"], entered.body["enrollment"]["secret"]
            code = {"mfa_token": entered.body["mfa_token"], "code": auth.code_of(person)}
            entered = await service.call("POST", "/auth/mfa/verify", json=code)
            assert len(entered.body["recovery_codes"]) == 10
        me = await service.call("GET", "/auth/me", token=entered.body["access_token"])
        assert (me.body["role"], me.body["clinic_id"]) == (role, opened.body["clinic_id"])


async def test_without_the_bootstrap_token_no_clinic_opens(service: ServiceUnderTest) -> None:
    body = {"name": "X", "admin": {"email": an_email(), "name": "X", "password": PASSWORD}}
    for headers in ({}, {"X-Bootstrap-Token": "guess"}, {"X-Bootstrap-Token": ""}):
        refused = await service.call("POST", "/clinics", json=body, headers=headers)
        assert (refused.status, refused.code) == (403, "bootstrap_refused")


async def test_a_clinic_that_nobody_could_enter_does_not_open(service: ServiceUnderTest) -> None:
    people = {name: {"email": an_email(), "name": "X", "password": PASSWORD} for name in ("admin", "second_admin")}
    headers = {"X-Bootstrap-Token": BOOTSTRAP_TOKEN}
    refused = await service.call("POST", "/clinics", json={"name": "X", **people}, headers=headers)
    assert (refused.status, refused.code) == (422, "first_device_missing")
    people["second_admin"]["device"] = {"id": "d1", "name": "a laptop"}  # type: ignore[assignment]
    opened = await service.call("POST", "/clinics", json={"name": "X", **people}, headers=headers)
    assert opened.status == 201


async def test_a_clinic_and_its_people_are_announced_without_personal_data(clinic: Clinic) -> None:
    events = [event for event in await clinic.auth.service.announced() if event.clinic_id == clinic.id]
    assert {"CLINIC_CHANGED", "STAFF_CHANGED", "AUDIT_ENTRY"} <= {event.type for event in events}
    everything = "".join(event.model_dump_json() for event in events)
    assert clinic.admin.email not in everything
    assert "argon2" not in everything


async def test_both_first_administrators_can_approve_each_others_devices(clinic: Clinic) -> None:
    auth = clinic.auth
    refused = await auth.login(clinic.admin, device={"id": "new-phone", "name": "phone"})
    assert refused.code == "device_approval_required"
    device_id = refused.body["device"]["id"]
    own = await clinic.approve(device_id)
    assert (own.status, own.code) == (403, "own_device")
    other = (await auth.tokens_of(clinic.second_admin))["access_token"]
    assert (await clinic.approve(device_id, token=other)).status == 200
    assert (await auth.login(clinic.admin, device={"id": "new-phone", "name": "phone"})).body["mfa_required"]
