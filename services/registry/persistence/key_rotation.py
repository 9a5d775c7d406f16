"""New data keys, and re-encrypting in batches what the old ones have encrypted, beside everything else that goes on."""

from libs.common.crypto.fields import FieldCrypto
from libs.common.crypto.keyring import Undecryptable
from libs.common.mongo.database import Database, Raw
from libs.common.telemetry.logs import get_logger
from services.registry.persistence.documents import PatientDocument
from services.registry.persistence.repositories import PatientRepository
from services.registry.persistence.sealing import KEY_VERSION, place_of

DATA_KEYS = "data_keys"
_BATCH = 100
_PATIENTS = PatientDocument.Settings.name
_log = get_logger(__name__)


class KeyRotation:
    """Nothing about a patient changes by it, so there is no event, no entry in the record and no new ETag."""

    def __init__(self, db: Database, crypto: FieldCrypto) -> None:
        self._db = db
        self._crypto = crypto

    async def clinics(self) -> list[str]:
        """All that have a data key."""
        return [row["_id"] async for row in self._db[DATA_KEYS].find({}, {"_id": 1})]

    async def renew(self, clinic_id: str) -> None:
        """From now on the clinic's fields are encrypted with a new data key; other processes notice within minutes."""
        await self._crypto.data_keys.rotate(clinic_id)

    async def rewrap(self, clinic_id: str) -> int:
        """Bring data keys and patients up to the newest keys; returns how many patients that took.

        What somebody else changes meanwhile is left for the next run, what cannot be opened is logged and left.
        """
        await self._crypto.data_keys.rewrap_all(clinic_id)
        newest, _ = await self._crypto.data_keys.newest(clinic_id)
        stale = {"clinic_id": clinic_id, KEY_VERSION: {"$lt": newest}}
        total = 0
        while True:
            batch = await self._db[_PATIENTS].find(stale, limit=_BATCH).to_list()
            done = sum([await self._rewrap(raw, newest) for raw in batch])
            total += done
            if len(batch) < _BATCH or done == 0:
                return total

    async def _rewrap(self, raw: Raw, newest: int) -> bool:
        sealed: Raw = {KEY_VERSION: newest}
        for field in PatientRepository.sealed:
            if raw[field]:
                place = place_of(raw["clinic_id"], _PATIENTS, raw["_id"], field)
                try:
                    sealed[field] = await self._crypto.rewrap(raw[field], place)
                except Undecryptable:  # somebody has to look at it; the others go on
                    _log.error("field cannot be decrypted", collection=_PATIENTS, aggregate_id=raw["_id"])
                    return False
        unchanged = {"_id": raw["_id"], "revision": raw["revision"], KEY_VERSION: raw[KEY_VERSION]}
        return (await self._db[_PATIENTS].update_one(unchanged, {"$set": sealed})).modified_count == 1
