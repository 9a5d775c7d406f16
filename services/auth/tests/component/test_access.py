"""All routes times all roles, from the permission table; other clinics' things; what comes without a token."""

from libs.common.testing.access_matrix import cases, violations
from libs.common.testing.service_under_test import ServiceUnderTest
from libs.contracts.roles import COMPLIANCE, Role
from services.auth.tests.builders import Auth, Clinic


async def test_every_route_lets_in_whom_the_table_says_and_nobody_else(service: ServiceUnderTest) -> None:
    assert len(cases(service, Role)) >= len(Role)
    assert await violations(service, Role) == []


async def test_another_clinics_people_and_devices_are_as_if_missing(auth: Auth, clinic: Clinic) -> None:
    other = await Clinic.open(auth)
    person = await clinic.staff()
    waiting = await auth.login(person, device={"id": "second", "name": "second"})
    device_id = waiting.body["device"]["id"]
    for method, there, missing in (
        ("GET", f"/staff/{person.id}", "/staff/usr_none"),
        ("PATCH", f"/staff/{person.id}", "/staff/usr_none"),
        ("POST", f"/staff/{person.id}/reset-password", "/staff/usr_none/reset-password"),
        ("POST", f"/staff/{person.id}/reset-mfa", "/staff/usr_none/reset-mfa"),
        ("POST", f"/auth/devices/{device_id}/approve", "/auth/devices/dev_none/approve"),
        ("POST", f"/auth/devices/{device_id}/reject", "/auth/devices/dev_none/reject"),
    ):
        body = {"name": "Mine"} if method == "PATCH" else None
        hidden = await auth.service.call(method, there, token=other.token(), json=body)
        absent = await auth.service.call(method, missing, token=other.token(), json=body)
        assert (hidden.status, absent.status) == (404, 404)
        assert hidden.body.keys() == absent.body.keys()
        assert {**hidden.body, "request_id": ""} == {**absent.body, "request_id": ""}
    listed = await auth.service.call("GET", "/auth/devices", token=other.token())
    assert device_id not in {item["id"] for item in listed.body["items"]}


async def test_compliance_reads_staff_and_changes_nothing(clinic: Clinic) -> None:
    call, token = clinic.auth.service.call, clinic.token(COMPLIANCE)
    listed = await call("GET", "/staff", token=token)
    assert {clinic.admin.id, clinic.second_admin.id} == {item["id"] for item in listed.body["items"]}
    refused = await call("PATCH", f"/staff/{clinic.admin.id}", token=token, json={"name": "X"})
    assert (refused.status, refused.code) == (403, "forbidden")


async def test_lists_come_in_pages(clinic: Clinic) -> None:
    for _ in range(3):
        assert (await clinic.invite()).status == 201
    seen: list[str] = []
    params: dict[str, str | int] = {"limit": 2}
    while True:
        page = await clinic.auth.service.call("GET", "/staff", token=clinic.token(), params=params)
        seen += [item["id"] for item in page.body["items"]]
        if page.body["next_cursor"] is None:
            break
        params["cursor"] = page.body["next_cursor"]
    assert len(seen) == len(set(seen)) == 5


async def test_identity_headers_have_no_effect(clinic: Clinic) -> None:
    headers = {"X-User-Id": clinic.admin.id, "X-Role": "admin", "X-Clinic-Id": clinic.id}
    assert (await clinic.auth.service.call("GET", "/staff", headers=headers)).status == 401
