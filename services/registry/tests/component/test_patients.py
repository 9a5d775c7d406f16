"""Reading, finding and changing patients."""

from typing import Any

import pytest

from libs.common.ids import new_id
from libs.common.testing.queries import QueriesSeen
from libs.contracts.roles import ADMIN, BILLING, COMPLIANCE, DOCTOR, FRONT_DESK
from services.registry.tests.builders import Clinic, some_phone


async def test_a_patch_needs_the_version_it_was_made_from(clinic: Clinic) -> None:
    patient = await clinic.register()
    first = await clinic.change(patient, if_match='"1"', email="new@example.org")
    assert (first.status, first.headers["ETag"], first.body["email"]) == (200, '"2"', "new@example.org")
    stale = await clinic.change(patient, if_match='"1"', email="old@example.org")
    assert (stale.status, stale.code) == (412, "stale_version")
    assert (await clinic.change(patient, language="hi")).status == 200
    assert (await clinic.read(patient)).body["email"] == "new@example.org"


async def test_a_patch_merges(clinic: Clinic) -> None:
    patient = await clinic.register(
        name="Mrs Asha Rao", address={"line1": "4 MG Road", "city": "Pune"}, email="asha@example.org"
    )
    changed = await clinic.change(patient, address={"city": "Nashik"}, email=None, family_name="Kulkarni", age_years=30)
    assert changed.body["address"] == {**patient["address"], "city": "Nashik"}
    assert changed.body["email"] is None
    assert changed.body["name"] == "Mrs Asha Kulkarni"
    assert changed.body["phone"] == patient["phone"]
    assert changed.body["birth_date_estimated"]
    assert (await clinic.read(patient)).body == changed.body


async def test_a_patch_that_changes_nothing_is_no_new_version(clinic: Clinic) -> None:
    patient = await clinic.register(language="ta")
    same = await clinic.change(patient, language="ta")
    assert (same.status, same.headers["ETag"]) == (200, '"1"')
    assert await clinic.announced("PATIENT_UPDATED", patient["id"]) == []


@pytest.mark.parametrize("patch", [{"phone": None}, {"name": None}, {"mrn": "1"}, {"accounts": []}, {"ward_ids": []}])
async def test_what_a_patch_cannot_do(clinic: Clinic, patch: dict[str, Any]) -> None:
    assert (await clinic.change(await clinic.register(), **patch)).status == 422


async def test_found_by_phone_abha_email_and_number(clinic: Clinic, other_clinic: Clinic) -> None:
    phone = some_phone()
    await clinic.register(name="Asha Rao", phone=phone, abha_number="12-1212-1212-1212", email="Asha@Example.org")
    await clinic.register(name="Ravi Rao", other_phones=[phone])
    await clinic.register(name="Someone Else")
    await other_clinic.register(name="Not Ours", phone=phone)
    assert await clinic.found(phone=phone) == ["Asha Rao", "Ravi Rao"]
    assert await clinic.found(phone=f"{phone[3:8]} {phone[8:]}") == ["Asha Rao", "Ravi Rao"]
    assert await clinic.found(abha="12-1212-1212-1212") == ["Asha Rao"]
    assert await clinic.found(email="asha@example.org") == ["Asha Rao"]
    assert await clinic.found(mrn="0000003") == await clinic.found(mrn="3") == ["Someone Else"]
    assert await clinic.found(phone=phone, name="ravi") == ["Ravi Rao"]
    assert await clinic.found(mrn="3", name="ravi") == []


async def test_a_changed_phone_is_found_and_the_old_one_is_not(clinic: Clinic) -> None:
    patient = await clinic.register(name="Asha Rao")
    new = some_phone()
    await clinic.change(patient, phone=new)
    assert await clinic.found(phone=new) == ["Asha Rao"]
    assert await clinic.found(phone=patient["phone"]) == []


async def test_found_by_beginnings_spellings_and_sounds(clinic: Clinic) -> None:
    for name in ("Lakshmi Rao", "Laxmi Narayanan", "Lata Rao", "Mohd Sameer Khan", "लक्ष्मी देवी", "José D'Souza"):
        await clinic.register(name=name)
    assert await clinic.found(name="laxmi") == ["Laxmi Narayanan", "Lakshmi Rao"]
    assert await clinic.found(name="lakshmi") == ["Lakshmi Rao", "Laxmi Narayanan"]
    assert await clinic.found(name="la rao") == ["Lakshmi Rao", "Lata Rao"]
    assert await clinic.found(name="RAO LAK") == ["Lakshmi Rao"]
    assert await clinic.found(name="Muhammad Samir") == ["Mohd Sameer Khan"]
    assert await clinic.found(name="same") == ["Mohd Sameer Khan"]
    assert await clinic.found(name="लक्ष्मी") == ["लक्ष्मी देवी"]
    assert await clinic.found(name="jose dsouza") == ["José D'Souza"]
    assert await clinic.found(name="zzz") == []
    assert (await clinic.call("GET", "/patients", params={"name": "a"})).code == "search_too_broad"
    assert (await clinic.call("GET", "/patients", params={"name": "..$"})).code == "search_too_broad"


async def test_lists_come_in_pages(clinic: Clinic) -> None:
    for number in range(7):
        await clinic.register(name=f"Page Turner {chr(97 + number) * 3}")
    for params, order in (({"name": "page"}, range(7)), ({}, reversed(range(7)))):
        names: list[str] = []
        cursor: str | None = None
        while True:
            page = {"limit": 3, **({"cursor": cursor} if cursor else {}), **params}
            answer = await clinic.call("GET", "/patients", params=page)
            names += [item["name"] for item in answer.body["items"]]
            cursor = answer.body["next_cursor"]
            if cursor is None:
                break
        assert names == [f"Page Turner {chr(97 + number) * 3}" for number in order]


async def test_every_query_has_its_index(clinic: Clinic, queries_seen: QueriesSeen) -> None:
    phone = some_phone()
    patient = await clinic.register(name="Indexed Person", phone=phone, age_years=30)
    with queries_seen.watching():
        account = clinic.account(phone)
        await clinic.register(name="Indexed Person", phone=phone, age_years=30)
        for params in ({"phone": phone}, {"name": "indexed person"}, {"mrn": "1"}, {"abha": "11-1111-1111-1111"}, {}):
            await clinic.call("GET", "/patients", params=params)
        await clinic.call("GET", "/patients/mine", token=account)
        await clinic.call("GET", f"/patients/{patient['id']}/family")
    seen = [query for _, query in queries_seen.of("patients")]
    assert len(seen) >= 8
    for query in seen:
        if "_id" not in query:  # with an id the rest is compared in the one document
            explained = await clinic.service.runtime.db["patients"].find(query).explain()
            assert "COLLSCAN" not in str(explained), query


async def test_a_look_by_staff_goes_on_record_once(clinic: Clinic) -> None:
    phone = some_phone()
    patient = await clinic.register(phone=phone)
    doctor = clinic.staff(DOCTOR, user_id="usr_doctor")
    for _ in range(3):
        assert (await clinic.read(patient, token=doctor)).status == 200
    await clinic.read(patient, token=clinic.account(phone))
    await clinic.found(phone=phone)
    looks = [e for e in await clinic.on_record(patient["id"]) if e["action"] == "registry:patient:read"]
    assert len(looks) == 1
    assert looks[0]["subject_id"] == patient["id"]
    [entry] = [e for e in await clinic.service.announced("AUDIT_ENTRY") if e.data == looks[0]]
    assert (entry.actor.id, entry.actor.role, entry.clinic_id) == ("usr_doctor", "doctor", clinic.id)


async def test_whom_a_search_shows_goes_on_record_once(clinic: Clinic) -> None:
    shown = [await clinic.register(name=f"Seen {name}") for name in ("Anand", "Bela")]
    other = await clinic.register(name="Not Searched")
    doctor = clinic.staff(DOCTOR, user_id="usr_doctor")
    for _ in range(3):
        found = await clinic.call("GET", "/patients", token=doctor, params={"name": "seen"})
        assert len(found.body["items"]) == 2
    for patient in shown:
        [entry] = await _looks(clinic, patient, "registry:patient:search")
        assert entry["subject_id"] == patient["id"]
    assert await _looks(clinic, other, "registry:patient:search") == []
    await clinic.call("GET", "/patients", token=doctor, params={"limit": 1})
    assert len(await _looks(clinic, other, "registry:patient:search")) == 1
    carrying = [row async for row in clinic.service.runtime.db["outbox"].find({}) if shown[0]["id"] in str(row)]
    assert [len(row["outbox"]) for row in carrying] == [2]  # one commit for all that one search showed
    await clinic.read(shown[0], token=doctor)
    assert len(await _looks(clinic, shown[0], "registry:patient:read")) == 1


async def test_whom_a_family_shows_to_staff_goes_on_record(clinic: Clinic) -> None:
    phone = some_phone()
    patient, sister = await clinic.register(phone=phone), await clinic.register(phone=phone)
    await clinic.call("GET", f"/patients/{patient['id']}/family", token=clinic.account(phone))
    assert await _looks(clinic, sister, "registry:patient:read") == []
    await clinic.call("GET", f"/patients/{patient['id']}/family", token=clinic.staff(DOCTOR))
    assert len(await _looks(clinic, sister, "registry:patient:read")) == 1


async def _looks(clinic: Clinic, patient: dict[str, Any], action: str) -> list[dict[str, Any]]:
    return [entry for entry in await clinic.on_record(patient["id"]) if entry["action"] == action]


async def test_each_session_s_look_is_its_own(clinic: Clinic) -> None:
    patient = await clinic.register()
    for _ in range(2):
        await clinic.read(patient, token=clinic.staff(DOCTOR, user_id="usr_doctor"))
    looks = [e for e in await clinic.on_record(patient["id"]) if e["action"] == "registry:patient:read"]
    assert len(looks) == 2


async def test_what_is_not_yours_looks_like_what_is_not_there(clinic: Clinic, other_clinic: Clinic) -> None:
    patient = await clinic.register()
    missing = {"id": "pat_01jd2v7xk4e5ta3m3w2x0v6h7c"}
    stranger = clinic.account(some_phone())
    for token in (other_clinic.staff(ADMIN), stranger):
        theirs = await clinic.read(patient, token=token)
        nothing = await clinic.read(missing, token=token)
        assert theirs.status == nothing.status == 404
        assert _told(theirs.body) == _told(nothing.body)
        changed = await clinic.change(patient, token=token, email="mine@example.org")
        assert (changed.status, _told(changed.body)) == (404, _told(nothing.body))
    assert (await clinic.call("GET", "/patients/mine", token=stranger)).body["items"] == []


def _told(body: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in body.items() if name != "request_id"}


async def test_a_patient_changes_their_details_but_not_who_may_see_them(clinic: Clinic) -> None:
    phone = some_phone()
    patient = await clinic.register(phone=phone, other_phones=[some_phone()])
    account = clinic.account(phone)
    assert (await clinic.change(patient, token=account, email="me@example.org")).status == 200
    added = await clinic.change(patient, token=account, other_phones=[some_phone()])
    assert (added.status, added.code) == (403, "phone_not_verified")
    assert (await clinic.change(patient, token=account, other_phones=[])).status == 200


async def test_roles(clinic: Clinic) -> None:
    patient = await clinic.register()
    for role in (BILLING, COMPLIANCE):
        assert (await clinic.read(patient, token=clinic.staff(role))).status == 200
        assert (await clinic.change(patient, token=clinic.staff(role), language="hi")).status == 403
    assert (await clinic.call("GET", "/patients", token=clinic.account(some_phone()))).status == 403


async def test_out_of_use_and_back(clinic: Clinic) -> None:
    patient = await clinic.register()
    path = f"/patients/{patient['id']}"
    assert (await clinic.call("POST", f"{path}/deactivate", token=clinic.staff(FRONT_DESK))).status == 403
    gone = await clinic.call("POST", f"{path}/deactivate", token=clinic.staff(ADMIN), json={"reason": "entered twice"})
    assert (gone.status, gone.body["active"]) == (200, False)
    [event] = await clinic.announced("PATIENT_UPDATED", patient["id"])
    assert event.data["active"] is False
    assert (await clinic.on_record(patient["id"]))[-1]["reason"] == "entered twice"
    assert (await clinic.change(patient, language="hi")).code == "patient_inactive"
    assert (await clinic.consent(patient)).code == "patient_inactive"
    assert (await clinic.read(patient)).status == 200
    back = await clinic.call("POST", f"{path}/reactivate", token=clinic.staff(ADMIN), json={"reason": "one of two"})
    assert back.body["active"] is True
    entry = (await clinic.on_record(patient["id"]))[-1]
    assert (entry["action"], entry["reason"]) == ("registry:patient:deactivate", "one of two")
    assert entry["changes"]["active"] == {"from": False, "to": True}
    assert (await clinic.change(patient, language="hi")).status == 200


async def test_names_with_an_honorific_are_found_with_it_and_without(clinic: Clinic) -> None:
    await clinic.register(name="Mrs Asha Rao")
    await clinic.register(name="Baby Thomas")
    for wanted in ("Mrs Asha Rao", "Dr. Asha Rao", "Asha Rao"):
        assert await clinic.found(name=wanted) == ["Mrs Asha Rao"]
    assert await clinic.found(name="baby") == ["Baby Thomas"]


async def test_a_name_is_found_among_very_many_that_share_a_word(clinic: Clinic) -> None:
    raw = await clinic.stored(await clinic.register(name="Vijay Kumar"))
    alike = {key: value for key, value in raw.items() if key not in {"outbox", "outbox_at", "once"}}
    many = [{**alike, "_id": new_id("pat"), "mrn": f"{1000 + n:07d}"} for n in range(600)]
    await clinic.service.runtime.db["patients"].insert_many(many)
    await clinic.register(name="Ram Kumar")
    assert await clinic.found(name="Ram Kumar") == ["Ram Kumar"]


async def test_a_command_that_changes_nothing_is_a_look(clinic: Clinic) -> None:
    patient = await clinic.register()
    await clinic.change(patient)
    assert (await clinic.on_record(patient["id"]))[-1]["action"] == "registry:patient:read"


async def test_no_age_does_not_wipe_a_date_of_birth(clinic: Clinic) -> None:
    patient = await clinic.register(birth_date="1990-01-01")
    assert (await clinic.change(patient, age_years=None, language="hi")).body["birth_date"] == "1990-01-01"


async def test_the_day_is_the_clinic_s(clinic: Clinic) -> None:
    patient = await clinic.register(birth_date="1990-11-26")
    assert patient["age_years"] == 35
    after_midnight = {"hours": 15, "minutes": 30}  # it is the 26th in India, and the 25th in UTC
    clinic.service.clock.advance(**after_midnight)
    try:
        assert (await clinic.read(patient)).body["age_years"] == 36
        newborn = await clinic.register(birth_date="2026-11-26")
        assert (await clinic.try_to_register(birth_date="2026-11-27")).code == "demographics_invalid"
        assert (await clinic.change(newborn, birth_date="2026-11-27")).code == "demographics_invalid"
        assert (await clinic.change(newborn, age_years=1)).body["birth_date"] == "2025-11-26"
    finally:
        clinic.service.clock.advance(hours=-15, minutes=-30)
