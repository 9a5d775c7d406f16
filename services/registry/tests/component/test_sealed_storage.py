"""What lies in the database: nothing a thief could use, nothing that can be moved, keys that rotate."""

from typing import Any

from libs.common.crypto.rotation import renew_data_keys, rewrap_fields
from services.registry.bootstrap import RegistryRuntime
from services.registry.tests.builders import Clinic, some_phone

_SECRETS = {
    "email": "canary@example.org",
    "abha_number": "55-6666-7777-8888",
    "abha_address": "canary.bird@abdm",
    "birth_date": "1951-03-09",
    "address": {"line1": "17 Canary Wharf", "city": "Birdpur"},
}


async def test_identifiers_and_contact_cannot_be_read(clinic: Clinic) -> None:
    phone, guardian = some_phone(), some_phone()
    patient = await clinic.register(
        phone=phone, guardians=[{"phone": guardian, "name": "Aunt Canary", "relationship": "other"}], **_SECRETS
    )
    raw = str(await clinic.stored(patient))
    for secret in (phone[3:], guardian[3:], "canary", "Canary", "55-6666", "1951-03-09", "Birdpur"):
        assert secret not in raw
    assert patient["mrn"] in raw


async def test_the_same_phone_looks_different_in_every_document_and_clinic(
    clinic: Clinic, other_clinic: Clinic
) -> None:
    phone = some_phone()
    here = [await clinic.stored(await clinic.register(phone=phone)) for _ in range(2)]
    there = await other_clinic.stored(await other_clinic.register(phone=phone))
    assert len({here[0]["phones"], here[1]["phones"], there["phones"]}) == 3
    assert set(here[0]["search"]["values"]) == set(here[1]["search"]["values"])
    assert not set(here[0]["search"]["values"]) & set(there["search"]["values"])


async def test_a_ciphertext_opens_only_where_it_was_put(clinic: Clinic) -> None:
    patients = clinic.service.runtime.db["patients"]
    one, other = await clinic.register(**_SECRETS), await clinic.register(**_SECRETS)
    moved = (await clinic.stored(other))["phones"]
    await patients.update_one({"_id": one["id"]}, {"$set": {"phones": moved}})
    assert (await clinic.read(one)).status == 500
    fields = await clinic.stored(other)
    await patients.update_one({"_id": other["id"]}, {"$set": {"abha_address": fields["email"]}})
    assert (await clinic.read(other)).status == 500


async def test_what_has_not_changed_keeps_its_ciphertext(clinic: Clinic) -> None:
    patient = await clinic.register(**_SECRETS)
    before = await clinic.stored(patient)
    await clinic.change(patient, email="other@example.org")
    after = await clinic.stored(patient)
    assert after["email"] != before["email"]
    assert (after["phones"], after["address"]) == (before["phones"], before["address"])


async def test_new_data_keys_read_the_old_and_take_their_place(clinic: Clinic) -> None:
    runtime = clinic.service.runtime
    assert isinstance(runtime, RegistryRuntime)
    patients = [await clinic.register(name=f"Patient {n}", **_SECRETS) for n in range(3)]
    before = [await clinic.stored(patient) for patient in patients]
    await renew_data_keys(runtime.rotation)
    assert (await clinic.read(patients[0])).body["email"] == _SECRETS["email"]
    await clinic.change(patients[0], language="hi")
    assert (await clinic.stored(patients[0]))["key_version"] == 1
    assert await rewrap_fields(runtime.rotation) >= 3
    assert await runtime.rotation.rewrap(clinic.id) == 0
    for patient, old in zip(patients, before, strict=True):
        new = await clinic.stored(patient)
        assert new["key_version"] == 2
        assert new["phones"].startswith("v1.2.")
        assert new["phones"] != old["phones"]
        assert (await clinic.read(patient)).body["address"]["city"] == "Birdpur"
    assert (await clinic.stored(patients[1]))["revision"] == 1
    assert await clinic.found(phone=patients[1]["phone"]) == ["Patient 1"]


async def test_what_is_kept_for_retries_has_nothing_personal(clinic: Clinic) -> None:
    patient = await clinic.register(**_SECRETS)
    body = {"phone": some_phone(), "name": "Aunt Canary", "relationship": "other"}
    await clinic.call("POST", f"/patients/{patient['id']}/guardians", json=body, key="one-guardian")
    secrets = ("canary", "Canary", "55-6666", "1951-03-09", body["phone"][3:])
    db = clinic.service.runtime.db
    for collection in await db.list_collection_names():
        raw = str([row async for row in db[collection].find({}) if clinic.id in str(row) or patient["id"] in str(row)])
        assert not [secret for secret in secrets if secret in raw], collection


async def test_changed_rules_reach_what_is_stored(clinic: Clinic) -> None:
    runtime = clinic.service.runtime
    assert isinstance(runtime, RegistryRuntime)
    await runtime.search_keys.renew()
    kept, damaged = await clinic.register(name="Dr Asha Rao", **_SECRETS), await clinic.register(name="Ravi Rao")
    before, patients = await clinic.stored(kept), runtime.db["patients"]
    old: dict[str, Any] = {"search": {"values": [], "names": []}}  # as before rules had versions
    await patients.update_one({"_id": damaged["id"]}, {"$set": {**old, "phones": before["phones"]}})
    await patients.update_one({"_id": kept["id"]}, {"$set": old})
    assert await clinic.found(name="asha") == []
    assert await runtime.search_keys.renew() == 1
    assert await clinic.stored(kept) == before
    assert await clinic.found(name="asha") == await clinic.found(email=_SECRETS["email"]) == ["Dr Asha Rao"]
    assert await runtime.search_keys.renew() == 0
    await patients.delete_one({"_id": damaged["id"]})
