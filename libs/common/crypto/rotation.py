"""New data keys, and re-encrypting in batches what the old ones have encrypted, beside everything else that goes on."""

from collections.abc import Mapping
from dataclasses import dataclass

from libs.common.crypto.data_keys import DATA_KEYS
from libs.common.crypto.fields import FieldCrypto, Place
from libs.common.crypto.keyring import Undecryptable
from libs.common.mongo.database import Database, Raw
from libs.common.telemetry.logs import get_logger

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SealedCollection:
    """Documents with encrypted fields, each with a `clinic_id` and a `revision`.

    fields       the field -> the name that its ciphertext is bound to
    key_version  the field with the oldest data key that a document needs; None: few documents, all are looked at
    """

    name: str
    fields: Mapping[str, str]
    key_version: str | None = None


class KeyRotation:
    """Nothing that people know changes by it, so there is no event, no entry in the record and no new ETag."""

    def __init__(self, db: Database, crypto: FieldCrypto, sealed: SealedCollection) -> None:
        self._db = db
        self._crypto = crypto
        self._sealed = sealed

    async def clinics(self) -> list[str]:
        """All that have a data key."""
        return [row["_id"] async for row in self._db[DATA_KEYS].find({}, {"_id": 1})]

    async def renew(self, clinic_id: str) -> None:
        """From now on the clinic's fields are encrypted with a new data key; other processes notice within minutes."""
        await self._crypto.data_keys.rotate(clinic_id)

    async def rewrap(self, clinic_id: str) -> int:
        """Bring data keys and documents up to the newest keys; returns how many documents that took.

        What somebody else changes meanwhile is left for the next run, what cannot be opened is logged and left.
        """
        await self._crypto.data_keys.rewrap_all(clinic_id)
        newest, _ = await self._crypto.data_keys.newest(clinic_id)
        wanted: Raw = {"clinic_id": clinic_id}
        if self._sealed.key_version is not None:
            wanted[self._sealed.key_version] = {"$lt": newest}
        total = 0
        async for raw in self._db[self._sealed.name].find(wanted):
            total += await self._rewrap(raw, newest)
        return total

    async def _rewrap(self, raw: Raw, newest: int) -> bool:
        try:
            changed = await self._changed(raw)
        except Undecryptable:  # somebody has to look at it; the others go on
            _log.error("field cannot be decrypted", collection=self._sealed.name, aggregate_id=raw["_id"])
            return False
        if self._sealed.key_version is not None:
            changed[self._sealed.key_version] = newest
        if not changed:
            return False
        unchanged = {"_id": raw["_id"], "revision": raw["revision"], **{field: raw[field] for field in changed}}
        return (await self._db[self._sealed.name].update_one(unchanged, {"$set": changed})).modified_count == 1

    async def _changed(self, raw: Raw) -> Raw:
        """The fields that an older data key has encrypted, encrypted anew."""
        clinic_id, fresh = raw["clinic_id"], {}
        for field, bound_as in self._sealed.fields.items():
            stored = raw.get(field)
            if stored and await self._crypto.needs_rewrap(stored, clinic_id):
                place = Place(clinic_id, self._sealed.name, raw["_id"], bound_as)
                fresh[field] = await self._crypto.rewrap(stored, place)
        return fresh


async def renew_data_keys(rotation: KeyRotation) -> None:
    """What is encrypted already is re-encrypted by `rewrap_fields`; begun again after a crash, some keys are newer
    still, which harms nobody."""
    for clinic_id in await rotation.clinics():
        await rotation.renew(clinic_id)


async def rewrap_fields(rotation: KeyRotation) -> int:
    """All clinics, one after the other; returns how many documents were re-encrypted. Safe to run at any time."""
    total = 0
    for clinic_id in await rotation.clinics():
        number = await rotation.rewrap(clinic_id)
        if number:
            _log.info("fields re-encrypted", clinic_id=clinic_id, count=number)
        total += number
    return total
