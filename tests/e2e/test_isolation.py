"""Nobody sees another clinic's or another patient's things; they look as if they did not exist."""

from typing import Any

import pytest

from libs.common.ids import new_id
from tests.e2e.world import Clinic, World


def _same(one: Any, other: Any) -> bool:
    return {**one.json(), "request_id": ""} == {**other.json(), "request_id": ""}


async def test_another_clinics_objects_look_missing(clinic: Clinic, other_clinic: Clinic) -> None:
    booked = await clinic.book()
    for path, missing in (
        (f"/appointments/{booked['id']}", f"/appointments/{new_id('apt')}"),
        (f"/patients/{clinic.patient_id(0)}", f"/patients/{new_id('pat')}"),
    ):
        for role in ("front_desk", "nurse", "doctor"):
            token = await other_clinic.token(role)
            theirs, nothing = (
                await other_clinic.call("GET", path, token),
                await other_clinic.call("GET", missing, token),
            )
            assert theirs.status_code == nothing.status_code == 404, (path, role)
            assert _same(theirs, nothing)


async def test_another_clinics_appointments_cannot_be_moved(clinic: Clinic, other_clinic: Clinic) -> None:
    booked = await clinic.book()
    token = await other_clinic.token("front_desk")
    for move in ("cancel", "confirm", "check-in", "no-show"):
        assert (await other_clinic.call("POST", f"/appointments/{booked['id']}/{move}", token)).status_code == 404


async def test_another_patients_objects_look_missing(clinic: Clinic) -> None:
    booked = await clinic.book(patient=0)
    stranger, owner = await clinic.patient_token(1), await clinic.patient_token(0)
    path = f"/appointments/{booked['id']}"
    assert (await clinic.call("GET", path, owner)).status_code == 200
    theirs = await clinic.call("GET", path, stranger)
    nothing = await clinic.call("GET", f"/appointments/{new_id('apt')}", stranger)
    assert theirs.status_code == nothing.status_code == 404
    assert _same(theirs, nothing)
    theirs = await clinic.call("GET", f"/patients/{clinic.patient_id(0)}", stranger)
    nothing = await clinic.call("GET", f"/patients/{new_id('pat')}", stranger)
    assert theirs.status_code == nothing.status_code == 404
    assert _same(theirs, nothing)


async def test_nobody_books_for_anothers_patient(clinic: Clinic, other_clinic: Clinic) -> None:
    slot = await clinic.free_slot()
    stranger = await clinic.try_to_book(slot, 0, token=await clinic.patient_token(1))
    assert (stranger.status_code, stranger.json()["code"]) == (404, "patient_unknown")
    elsewhere = await clinic.try_to_book(slot, 0, token=await other_clinic.token("front_desk"))
    assert elsewhere.status_code == 404


async def test_identity_headers_from_outside_mean_nothing(clinic: Clinic, world: World) -> None:
    claims = {"X-User-Id": "usr_root", "X-Role": "admin", "X-Clinic-Id": clinic.seed["clinic_id"], "X-Actor": "root"}
    assert (await clinic.call("GET", "/staff", headers=claims)).status_code == 401
    patient = await clinic.patient_token(0)
    assert (await clinic.call("GET", "/staff", patient, headers=claims)).status_code == 403


@pytest.mark.parametrize("service", ["auth", "registry", "scheduling", "notifications", "audit"])
async def test_a_service_port_without_a_token_answers_401(clinic: Clinic, world: World, service: str) -> None:
    paths = {
        "auth": "/auth/me",
        "registry": "/patients?name=a",
        "scheduling": "/appointments",
        "notifications": "/notifications?patient_id=x",
        "audit": "/audit/events",
    }
    answer = await clinic.http.get(world.url_of(service) + paths[service], headers={"X-User-Id": "usr_root"})
    assert answer.status_code == 401


async def test_internal_paths_are_not_on_the_gateway(clinic: Clinic) -> None:
    for path in (f"/internal/patients/{clinic.patient_id(0)}/contact", "/.well-known/revoked-sessions"):
        assert (await clinic.call("GET", path, await clinic.token("front_desk"))).status_code == 404
