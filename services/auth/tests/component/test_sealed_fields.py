"""Data keys of staff's phones and second factors: renewed and rewrapped while people go on logging in."""

from datetime import UTC, datetime
from typing import Any

from libs.common.crypto.data_keys import DATA_KEYS
from libs.common.crypto.fields import FieldCrypto
from libs.common.crypto.keyring import Keyring, generate_keyring
from libs.common.crypto.rotation import KeyRotation
from services.auth.jobs.schedule import schedule
from services.auth.persistence.documents import SEALED_USERS
from services.auth.tests.builders import Auth, Clinic, a_phone


async def _stored(auth: Auth, user_id: str) -> dict[str, Any]:
    found = await auth.runtime.db["users"].find_one({"_id": user_id})
    assert found is not None
    return found


async def _run(auth: Auth, name: str) -> None:
    job = next(job for job in schedule(auth.runtime) if job.name == name)
    await job.run(datetime(2026, 1, 1, tzinfo=UTC))


async def test_new_data_keys_take_the_place_of_the_old(auth: Auth, clinic: Clinic) -> None:
    phone = a_phone()
    nurse = (await clinic.invite(phone=phone)).body["id"]
    people = (clinic.admin.id, clinic.second_admin.id, nurse)
    before = [await _stored(auth, user_id) for user_id in people]
    await _run(auth, "renew_data_keys")
    await _run(auth, "rewrap_fields")
    after = [await _stored(auth, user_id) for user_id in people]
    for old, new in zip(before, after, strict=True):
        assert new["revision"] == old["revision"]
        for field in SEALED_USERS.fields:
            assert (new[field] is None) == (old[field] is None)
            assert new[field] is None or (old[field][:5], new[field][:5]) == ("v1.1.", "v1.2.")
    shown = await auth.service.call("GET", f"/staff/{nurse}", token=clinic.token())
    assert shown.body["phone"] == phone
    assert (await auth.tokens_of(clinic.admin))["access_token"]  # the authenticator's secret still opens
    assert await auth.runtime.rotation.rewrap(clinic.id) == 0


async def test_a_secret_that_is_offered_stays_what_the_app_has(auth: Auth, clinic: Clinic) -> None:
    call = auth.service.call
    person = await clinic.staff()
    token = (await auth.tokens_of(person))["access_token"]
    offered = await call("POST", "/auth/mfa/enroll", token=token)
    assert offered.status == 200, offered.body
    person.totp_secret = offered.body["secret"]
    await auth.runtime.rotation.renew(clinic.id)
    assert await auth.runtime.rotation.rewrap(clinic.id) == 3  # with the two administrators
    confirmed = await call("POST", "/auth/mfa/confirm", token=token, json={"code": auth.code_of(person)})
    assert confirmed.status == 200, confirmed.body


async def test_what_cannot_be_opened_is_left_and_the_others_go_on(auth: Auth, clinic: Clinic) -> None:
    users, rotation = auth.runtime.db["users"], auth.runtime.rotation
    foreign = (await _stored(auth, clinic.second_admin.id))["totp"]
    await users.update_one({"_id": clinic.admin.id}, {"$set": {"totp": foreign}})
    await rotation.renew(clinic.id)
    assert await rotation.rewrap(clinic.id) == 1
    assert (await _stored(auth, clinic.admin.id))["totp"] == foreign


async def test_data_keys_are_wrapped_with_the_active_key(auth: Auth, clinic: Clinic) -> None:
    ring = generate_keyring(auth.runtime.settings.field_keyring.get_secret_value())
    crypto = FieldCrypto.with_mongo(Keyring.parse(ring), auth.runtime.db[DATA_KEYS])
    assert await KeyRotation(auth.runtime.db, crypto, SEALED_USERS).rewrap(clinic.id) == 0
    row = await auth.runtime.db[DATA_KEYS].find_one({"_id": clinic.id})
    assert row is not None
    assert {version["key"] for version in row["versions"]} == {"k2"}
