"""Encrypted fields open only where they were put; keys rotate; indexes and pseudonyms tell nothing without a key."""

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import AsyncMongoClient
from pymongo.asynchronous.collection import AsyncCollection

from libs.common.crypto.data_keys import DataKeys, MongoDataKeys
from libs.common.crypto.fields import FieldCrypto, Place
from libs.common.crypto.keyring import Keyring, KeyringInvalid, Undecryptable, generate_keyring, pseudonym
from libs.common.ids import id_pattern, new_id
from libs.common.testing.parts import MongoPart

PHONE = "+919812345678"
PLACE = Place("cln_1", "patients", "pat_1", "phone")
Collection = AsyncCollection[dict[str, Any]]


@pytest.fixture(scope="module")
async def mongo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[AsyncMongoClient[dict[str, Any]]]:
    folder: Path = tmp_path_factory.mktemp("mongo")
    async with MongoPart(folder) as part:
        client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(part.url)
        yield client
        await client.close()


@pytest.fixture
def collection(mongo: AsyncMongoClient[dict[str, Any]]) -> Collection:
    return mongo["crypto"][new_id("keys")]


@pytest.fixture
def ring() -> str:
    return generate_keyring()


@pytest.fixture
def crypto(ring: str, collection: Collection) -> FieldCrypto:
    return FieldCrypto.with_mongo(Keyring.parse(ring), collection)


def another_process(ring: str, collection: Collection) -> FieldCrypto:
    return FieldCrypto.with_mongo(Keyring.parse(ring), collection)


async def test_what_was_encrypted_comes_back_in_any_process(
    crypto: FieldCrypto, ring: str, collection: Collection
) -> None:
    stored = await crypto.encrypt(PHONE, PLACE)
    assert re.fullmatch(r"v1\.1\.[A-Za-z0-9_=-]+", stored)
    assert PHONE not in str(base64.urlsafe_b64decode(stored.rsplit(".", 1)[1]))
    assert await another_process(ring, collection).decrypt(stored, PLACE) == PHONE
    assert await crypto.encrypt(PHONE, PLACE) != stored


@pytest.mark.parametrize(
    "elsewhere",
    [
        PLACE._replace(collection="contacts"),
        PLACE._replace(document_id="pat_2"),
        PLACE._replace(field="alternate_phone"),
        PLACE._replace(clinic_id="cln_2"),
        PLACE._replace(document_id="pat_", field="1phone"),
    ],
)
async def test_a_value_does_not_open_elsewhere(crypto: FieldCrypto, elsewhere: Place) -> None:
    stored = await crypto.encrypt(PHONE, PLACE)
    await crypto.encrypt(PHONE, elsewhere)  # the other clinic has a key too
    with pytest.raises(Undecryptable):
        await crypto.decrypt(stored, elsewhere)


async def test_every_flipped_bit_is_found(crypto: FieldCrypto) -> None:
    stored = await crypto.encrypt(PHONE, PLACE)
    head, _, sealed = stored.rpartition(".")
    raw = base64.urlsafe_b64decode(sealed)
    for position in range(len(raw)):
        changed = bytearray(raw)
        changed[position] ^= 1
        with pytest.raises(Undecryptable):
            await crypto.decrypt(f"{head}.{base64.urlsafe_b64encode(changed).decode()}", PLACE)


@pytest.mark.parametrize("stored", ["", PHONE, "v1.1.", "v1.1.AAAA", "v2.1.AAAA", "v1.x.AAAA", "v1.9.AAAA", "v1.1.é"])
async def test_what_is_no_ciphertext_is_refused(crypto: FieldCrypto, stored: str) -> None:
    await crypto.encrypt(PHONE, PLACE)
    with pytest.raises(Undecryptable):
        await crypto.decrypt(stored, PLACE)


async def test_a_value_of_one_key_version_is_not_taken_for_another(ring: str, collection: Collection) -> None:
    class SameKeyAgain(Keyring):
        async def unwrap(self, key: str, wrapped: str, bound_to: str) -> bytes:
            return bytes(32)

    keyring = SameKeyAgain.parse(ring)
    crypto = FieldCrypto.with_mongo(keyring, collection)
    old = await crypto.encrypt(PHONE, PLACE)
    await crypto.data_keys.rotate(PLACE.clinic_id)
    with pytest.raises(Undecryptable):
        await crypto.decrypt(old.replace("v1.1.", "v1.2."), PLACE)


async def test_after_rotating_the_data_key_old_values_open_and_can_be_rewrapped(
    crypto: FieldCrypto, ring: str, collection: Collection
) -> None:
    other = another_process(ring, collection)
    old = await other.encrypt(PHONE, PLACE)
    assert not await crypto.needs_rewrap(old, PLACE.clinic_id)
    assert await crypto.data_keys.rotate(PLACE.clinic_id) == 2
    assert await crypto.needs_rewrap(old, PLACE.clinic_id)
    new = await crypto.rewrap(old, PLACE)
    assert new.startswith("v1.2.")
    assert not await crypto.needs_rewrap(new, PLACE.clinic_id)
    assert await crypto.decrypt(old, PLACE) == PHONE
    assert await other.decrypt(new, PLACE) == PHONE  # though it had read the keys before the rotation


async def test_the_key_encryption_key_rotates_without_touching_values(ring: str, collection: Collection) -> None:
    stored = await another_process(ring, collection).encrypt(PHONE, PLACE)
    both = generate_keyring(ring)
    rotated = another_process(both, collection)
    assert await rotated.decrypt(stored, PLACE) == PHONE
    assert await rotated.data_keys.rewrap_all(PLACE.clinic_id) == 1
    assert await rotated.data_keys.rewrap_all(PLACE.clinic_id) == 0

    without_old = json.loads(both)
    del without_old["keys"]["k1"]
    assert await another_process(json.dumps(without_old), collection).decrypt(stored, PLACE) == PHONE
    with pytest.raises(Undecryptable):
        await another_process(ring, collection).decrypt(stored, PLACE)  # knows only the old one


async def test_processes_that_make_the_first_key_at_once_agree_on_one(ring: str, collection: Collection) -> None:
    processes = [another_process(ring, collection) for _ in range(8)]
    stored = await asyncio.gather(*(process.encrypt(PHONE, PLACE) for process in processes for _ in range(4)))
    reader = another_process(ring, collection)
    assert {await reader.decrypt(value, PLACE) for value in stored} == {PHONE}
    assert len(await MongoDataKeys(collection).of_clinic(PLACE.clinic_id)) == 1


async def test_rotations_at_once_make_one_version(ring: str, collection: Collection) -> None:
    processes = [another_process(ring, collection) for _ in range(4)]
    await processes[0].encrypt(PHONE, PLACE)
    await asyncio.gather(*(process.data_keys.rotate(PLACE.clinic_id) for process in processes))
    keys = await MongoDataKeys(collection).of_clinic(PLACE.clinic_id)
    assert len({key.version for key in keys}) == len(keys)


async def test_a_wrapped_key_serves_no_other_clinic(ring: str, collection: Collection) -> None:
    await another_process(ring, collection).encrypt(PHONE, PLACE)
    row = await collection.find_one({"_id": PLACE.clinic_id})
    assert row is not None
    await collection.insert_one({**row, "_id": "cln_thief"})
    with pytest.raises(Undecryptable):
        await another_process(ring, collection).encrypt(PHONE, PLACE._replace(clinic_id="cln_thief"))


async def test_keys_are_read_once_and_not_for_each_value(ring: str, collection: Collection) -> None:
    class Counting(MongoDataKeys):
        reads = 0

        async def of_clinic(self, clinic_id: str) -> Any:
            Counting.reads += 1
            return await super().of_clinic(clinic_id)

    keyring = Keyring.parse(ring)
    crypto = FieldCrypto(keyring, DataKeys(Counting(collection), keyring))
    stored = [await crypto.encrypt(PHONE, PLACE) for _ in range(20)]
    for value in stored:
        await crypto.decrypt(value, PLACE)
    assert Counting.reads == 2  # before and after making the first key


async def test_a_rotation_elsewhere_is_noticed_in_time(
    crypto: FieldCrypto, ring: str, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    await crypto.encrypt(PHONE, PLACE)
    await another_process(ring, collection).data_keys.rotate(PLACE.clinic_id)
    monkeypatch.setattr("libs.common.crypto.data_keys._RELOAD_AFTER_SECONDS", 0.0)
    assert (await crypto.encrypt(PHONE, PLACE)).startswith("v1.2.")


def test_blind_indexes_match_only_within_a_clinic_and_a_field(crypto: FieldCrypto) -> None:
    index = crypto.blind_index("cln_1", "phone", PHONE)
    assert re.fullmatch(r"[A-Za-z0-9_-]{22}", index)
    assert crypto.blind_index("cln_1", "phone", PHONE) == index
    others = {
        crypto.blind_index("cln_2", "phone", PHONE),
        crypto.blind_index("cln_1", "abha", PHONE),
        crypto.blind_index("cln_1", "phone", "+919812345679"),
    }
    assert len(others | {index}) == 4


async def test_blind_indexes_survive_rotation_and_need_their_key(ring: str, collection: Collection) -> None:
    index = another_process(ring, collection).blind_index("cln_1", "phone", PHONE)
    assert another_process(generate_keyring(ring), collection).blind_index("cln_1", "phone", PHONE) == index
    assert another_process(generate_keyring(), collection).blind_index("cln_1", "phone", PHONE) != index


def test_a_pseudonym_is_a_stable_id_that_needs_the_key(ring: str) -> None:
    key = Keyring.parse(ring).derived_key("account")
    account = pseudonym(key, PHONE, prefix="acc")
    assert re.fullmatch(id_pattern("acc"), account)
    assert pseudonym(key, PHONE, prefix="acc") == account
    assert pseudonym(key, "+919812345679", prefix="acc") != account
    assert pseudonym(Keyring.parse(ring).derived_key("other"), PHONE, prefix="acc") != account


def test_a_new_key_takes_no_name_of_an_old_one() -> None:
    ring = json.loads(generate_keyring(generate_keyring()))
    del ring["keys"]["k1"]
    assert json.loads(generate_keyring(json.dumps(ring)))["keys"].keys() == {"k2", "k3"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"active":"k1","keys":{}}',
        '{"active":"k2","keys":{"k1":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},"blind_index_key":"AAAA"}',
        '{"active":"k1","keys":{"k1":"c2hvcnQ="},"blind_index_key":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}',
        '{"active":"k1","keys":{"k1":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},"blind_index_key":"c2hvcnQ="}',
        '{"active":"k1","keys":{"k1":"no base64!"},"blind_index_key":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}',
    ],
)
def test_a_bad_keyring_stops_the_process_and_is_not_quoted(text: str) -> None:
    with pytest.raises(KeyringInvalid) as refused:
        Keyring.parse(text)
    assert "c2hvcnQ" not in str(refused.value)
    assert refused.value.__cause__ is None
