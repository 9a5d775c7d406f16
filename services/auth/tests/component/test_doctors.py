"""Whom one can book, and where: the lists that a booking begins with."""

from libs.common.ids import new_id
from libs.contracts.roles import DOCTOR, FRONT_DESK, NURSE
from services.auth.tests.builders import Auth, Clinic


async def _doctor(clinic: Clinic, name: str) -> dict[str, str]:
    invited = await clinic.invite(DOCTOR, name=name)
    return {"id": invited.body["id"], "name": name, "clinic_id": clinic.id}


async def test_the_front_desk_finds_its_clinics_doctors(auth: Auth, clinic: Clinic) -> None:
    doctors = [await _doctor(clinic, f"Dr. {name}") for name in ("Rao", "Iyer")]
    await clinic.invite(NURSE)
    await _doctor(await Clinic.open(auth), "Dr. Elsewhere")
    listed = await auth.service.call("GET", "/doctors", token=clinic.token(FRONT_DESK))
    assert listed.body == {"items": doctors, "next_cursor": None}
    await auth.service.call("PATCH", f"/staff/{doctors[0]['id']}", token=clinic.token(), json={"active": False})
    left = await auth.service.call("GET", "/doctors", token=clinic.token(FRONT_DESK))
    assert left.body["items"] == doctors[1:]


async def test_they_come_in_pages(clinic: Clinic) -> None:
    doctors = [await _doctor(clinic, f"Dr. {number}") for number in range(3)]
    call, token = clinic.auth.service.call, clinic.token(NURSE)
    first = await call("GET", "/doctors", token=token, params={"limit": 2})
    second = await call("GET", "/doctors", token=token, params={"limit": 2, "cursor": first.body["next_cursor"]})
    assert first.body["items"] + second.body["items"] == doctors
    assert second.body["next_cursor"] is None


async def test_staff_see_no_other_clinics_doctors(auth: Auth, clinic: Clinic) -> None:
    other = await Clinic.open(auth)
    await _doctor(other, "Dr. Elsewhere")
    hidden = await auth.service.call("GET", "/doctors", token=clinic.token(), params={"clinic_id": other.id})
    assert (hidden.status, hidden.code) == (404, "clinic_unknown")
    clinics = await auth.service.call("GET", "/clinics", token=clinic.token(FRONT_DESK))
    assert clinics.body["items"] == [{"id": clinic.id, "name": "Demo Clinic"}]


async def test_a_patient_finds_clinics_and_their_doctors(auth: Auth, clinic: Clinic) -> None:
    doctor, call, token = await _doctor(clinic, "Dr. Rao"), auth.service.call, auth.service.mint.account(new_id("acc"))
    other = await Clinic.open(auth)
    found: list[dict[str, str]] = []
    params: dict[str, str | int] = {"limit": 200}
    while True:
        page = await call("GET", "/clinics", token=token, params=params)
        found += page.body["items"]
        if page.body["next_cursor"] is None:
            break
        params["cursor"] = page.body["next_cursor"]
    assert {"id": clinic.id, "name": "Demo Clinic"} in found
    assert {"id": other.id, "name": "Demo Clinic"} in found
    listed = await call("GET", "/doctors", token=token, params={"clinic_id": clinic.id})
    assert listed.body["items"] == [doctor]
    nowhere = await call("GET", "/doctors", token=token, params={"clinic_id": new_id("cln")})
    assert (nowhere.status, nowhere.code) == (404, "clinic_unknown")
    unnamed = await call("GET", "/doctors", token=token)
    assert (unnamed.status, unnamed.body["errors"][0]["pointer"]) == (422, "/query/clinic_id")
