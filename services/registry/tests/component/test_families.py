"""Guardians and wards, and whose phones open whose records."""

import asyncio

from libs.contracts.roles import ADMIN
from services.registry.tests.builders import Clinic, account_of, some_phone


async def test_a_guardian_s_phone_opens_the_ward_s_record(clinic: Clinic) -> None:
    mother, child = await clinic.register(name="Meena Iyer"), await clinic.register(name="Arjun Iyer")
    account = clinic.account(mother["phone"])
    assert (await clinic.read(child, token=account)).status == 404
    added = await clinic.add_guardian(child, patient_id=mother["id"], relationship="mother")
    assert (added.status, added.headers["ETag"]) == (201, '"2"')
    assert (await clinic.read(child, token=account)).status == 200
    [event] = await clinic.announced("PATIENT_UPDATED", child["id"])
    assert set(event.data["accounts"]) == {account_of(mother["phone"]), account_of(child["phone"])}


async def test_removed_the_guardian_sees_nothing_any_more(clinic: Clinic) -> None:
    mother, child = await clinic.register(), await clinic.register()
    added = await clinic.add_guardian(child, patient_id=mother["id"], relationship="mother")
    entry = added.body["guardians"][0]["id"]
    removed = await clinic.call("DELETE", f"/patients/{child['id']}/guardians/{entry}")
    assert (removed.status, removed.body["guardians"]) == (200, [])
    assert (await clinic.read(child, token=clinic.account(mother["phone"]))).status == 404
    assert (await clinic.stored(mother))["ward_ids"] == []
    again = await clinic.call("DELETE", f"/patients/{child['id']}/guardians/{entry}")
    assert (again.status, again.code) == (404, "guardian_unknown")


async def test_a_guardian_known_by_phone_alone(clinic: Clinic) -> None:
    child, phone = await clinic.register(), some_phone()
    await clinic.add_guardian(child, phone=phone, name="Uncle Suresh", relationship="other")
    assert (await clinic.read(child, token=clinic.account(phone))).body["guardians"][0]["name"] == "Uncle Suresh"
    assert await clinic.found(phone=phone) == [child["name"]]


async def test_a_guardian_s_new_phone_is_the_ward_s_at_once(clinic: Clinic) -> None:
    mother, father = await clinic.register(name="Mother"), await clinic.register(name="Father")
    children = [await clinic.register(name=name) for name in ("First", "Second")]
    for child in children:
        await clinic.add_guardian(child, patient_id=mother["id"], relationship="mother")
        await clinic.add_guardian(child, patient_id=father["id"], relationship="father")
    new = some_phone()
    assert (await clinic.change(mother, phone=new)).status == 200
    for child in children:
        expected = {account_of(new), account_of(father["phone"]), account_of(child["phone"])}
        assert await clinic.accounts(child) == expected
        latest = (await clinic.announced("PATIENT_UPDATED", child["id"]))[-1]
        assert set(latest.data["accounts"]) == expected
        assert latest.aggregate.seq == 4
    assert (await clinic.read(children[0], token=clinic.account(mother["phone"]))).status == 404


async def test_a_patient_who_drops_a_number_takes_no_access_from_the_other_guardian(clinic: Clinic) -> None:
    phone, extra = some_phone(), some_phone()
    mother, father = await clinic.register(name="Mother"), await clinic.register(phone=phone, name="Father")
    child = await clinic.register(phone=phone, other_phones=[extra], name="Child")
    for guardian, relationship in ((mother, "mother"), (father, "father")):
        await clinic.add_guardian(child, patient_id=guardian["id"], relationship=relationship)
    dropped = await clinic.change(child, token=clinic.account(phone), other_phones=[])
    assert dropped.status == 200
    assert await clinic.accounts(child) == {account_of(phone), account_of(mother["phone"])}


async def test_a_phone_that_changes_while_a_ward_is_added_is_not_left_open(clinic: Clinic) -> None:
    mother = await clinic.register(name="Mother")
    children = [await clinic.register(name=f"Child {n}") for n in range(4)]
    new = some_phone()
    answers = await asyncio.gather(
        *(clinic.add_guardian(child, patient_id=mother["id"], relationship="mother") for child in children[:2]),
        clinic.change(mother, phone=new),
        *(clinic.add_guardian(child, patient_id=mother["id"], relationship="mother") for child in children[2:]),
    )
    assert {answer.status for answer in answers} <= {200, 201}
    for child in children:
        assert await clinic.accounts(child) == {account_of(new), account_of(child["phone"])}


async def test_who_cannot_be_a_guardian(clinic: Clinic, other_clinic: Clinic) -> None:
    child, mother, theirs = await clinic.register(), await clinic.register(), await other_clinic.register()
    assert (await clinic.add_guardian(child, patient_id=child["id"], relationship="other")).code == (
        "demographics_invalid"
    )
    unknown = await clinic.add_guardian(child, patient_id=theirs["id"], relationship="mother")
    assert (unknown.status, unknown.code) == (404, "patient_unknown")
    await clinic.add_guardian(child, patient_id=mother["id"], relationship="mother")
    assert (await clinic.add_guardian(child, patient_id=mother["id"], relationship="mother")).status == 422
    for _ in range(5):
        await clinic.add_guardian(child, phone=some_phone(), relationship="other")
    seventh = await clinic.add_guardian(child, phone=some_phone(), relationship="other")
    assert (seventh.status, seventh.code) == (409, "family_too_large")
    own = await clinic.add_guardian(
        child, token=clinic.account(child["phone"]), phone=some_phone(), relationship="other"
    )
    assert own.status == 403


async def test_the_family(clinic: Clinic, other_clinic: Clinic) -> None:
    phone = some_phone()
    mother = await clinic.register(name="Meena Iyer", phone=phone)
    child = await clinic.register(name="Arjun Iyer")
    await clinic.register(name="Lodger", phone=phone)
    await other_clinic.register(name="Elsewhere", phone=phone)
    await clinic.add_guardian(child, patient_id=mother["id"], relationship="mother")
    family = await clinic.call("GET", f"/patients/{child['id']}/family")
    assert [(m["name"], m["tie"], m["relationship"]) for m in family.body["items"]] == [
        ("Lodger", "shares_phone", None),
        ("Meena Iyer", "guardian", "mother"),
    ]
    hers = await clinic.call("GET", f"/patients/{mother['id']}/family", token=clinic.account(child["phone"]))
    assert hers.status == 404
    theirs = await clinic.call("GET", f"/patients/{mother['id']}/family")
    assert ("Arjun Iyer", "ward", "mother") in [(m["name"], m["tie"], m["relationship"]) for m in theirs.body["items"]]


async def test_a_guardian_cannot_take_over_the_record_and_is_out_after_removal(clinic: Clinic) -> None:
    mother, adult = await clinic.register(name="Mother"), await clinic.register(name="Adult Son")
    added = await clinic.add_guardian(adult, patient_id=mother["id"], relationship="mother")
    guardian = clinic.account(mother["phone"])
    taken = await clinic.change(adult, token=guardian, phone=mother["phone"], other_phones=[])
    assert (taken.status, taken.code) == (403, "phone_not_verified")
    await clinic.call("DELETE", f"/patients/{adult['id']}/guardians/{added.body['guardians'][0]['id']}")
    assert (await clinic.read(adult, token=guardian)).status == 404


async def test_a_guardian_of_another_clinic_is_unknown(clinic: Clinic, other_clinic: Clinic) -> None:
    phone = some_phone()
    account = clinic.account(phone)
    mother = await clinic.register(token=account, name="Meena", phone=phone, clinic_id=clinic.id)
    guardians = [{"patient_id": mother["id"], "relationship": "mother"}]
    child = await other_clinic.try_to_register(
        token=account, name="Arjun", phone=phone, clinic_id=other_clinic.id, guardians=guardians
    )
    assert child.status == 404


async def test_a_guardian_whose_record_is_out_of_use_acts_for_nobody_else(clinic: Clinic) -> None:
    mother, child = await clinic.register(name="Mother"), await clinic.register(name="Child")
    await clinic.add_guardian(child, patient_id=mother["id"], relationship="mother")
    account, admin = clinic.account(mother["phone"]), clinic.staff(ADMIN)
    for verb, status, accounts in (
        ("deactivate", 404, {account_of(child["phone"])}),
        ("reactivate", 200, {account_of(child["phone"]), account_of(mother["phone"])}),
    ):
        await clinic.call("POST", f"/patients/{mother['id']}/{verb}", token=admin)
        assert (await clinic.read(child, token=account)).status == status
        assert (await clinic.read(mother, token=account)).status == 200
        assert set((await clinic.announced("PATIENT_UPDATED", child["id"]))[-1].data["accounts"]) == accounts
        for one, other, tie in ((child, mother, "guardian"), (mother, child, "ward")):
            family = await clinic.call("GET", f"/patients/{one['id']}/family")
            assert [(m["id"], m["tie"]) for m in family.body["items"]] == [(other["id"], tie)]


async def test_the_consent_on_a_shared_phone_is_the_patient_s_while_the_guardian_is_out_of_use(clinic: Clinic) -> None:
    phone = some_phone()
    mother, child = await clinic.register(phone=phone), await clinic.register(phone=phone)
    await clinic.add_guardian(child, patient_id=mother["id"], relationship="mother")
    await clinic.call("POST", f"/patients/{mother['id']}/deactivate", token=clinic.staff(ADMIN))
    given = await clinic.consent(child, token=clinic.account(phone), given_by="guardian")
    assert given.body["given_by"] == "patient"


async def test_accounts_see_no_other_guardian_s_number(clinic: Clinic) -> None:
    uncle, aunt = some_phone(), some_phone()
    guardians = [{"phone": phone, "relationship": "other", "name": "Kin"} for phone in (uncle, aunt)]
    child = await clinic.register(guardians=guardians)
    seen = {uncle: [uncle, None], aunt: [None, aunt], child["phone"]: [None, None]}
    for phone, numbers in seen.items():
        token = clinic.account(phone)
        read, mine = await clinic.read(child, token=token), await clinic.call("GET", "/patients/mine", token=token)
        changed = await clinic.change(child, token=token, email=f"{phone[1:]}@example.org")
        again = await clinic.change(child, token=token, email=f"{phone[1:]}@example.org")
        for body in (read.body, mine.body["items"][0], changed.body, again.body):
            assert [entry["phone"] for entry in body["guardians"]] == numbers
            assert body["phone"] == child["phone"]
    assert [entry["phone"] for entry in (await clinic.read(child)).body["guardians"]] == [uncle, aunt]


async def test_a_guardian_out_of_sight_is_not_there_to_be_removed(clinic: Clinic, other_clinic: Clinic) -> None:
    child = await clinic.register(guardians=[{"phone": some_phone(), "relationship": "other"}])
    entry = child["guardians"][0]["id"]
    answers = [
        await other_clinic.call("DELETE", f"/patients/{patient_id}/guardians/{entry}")
        for patient_id in (child["id"], "pat_01jd2v7xk4e5ta3m3w2x0v6h7c")
    ]
    for answer in answers:
        assert (answer.status, answer.code) == (404, "patient_unknown")
        answer.body.pop("request_id")
    assert answers[0].body == answers[1].body
    assert len((await clinic.read(child)).body["guardians"]) == 1
