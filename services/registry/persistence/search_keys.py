"""Search keys follow the rules they are made by: when those change, the stored ones are made anew."""

from collections.abc import Callable

from libs.common.crypto.keyring import Undecryptable
from libs.common.mongo.database import Database
from libs.common.telemetry.logs import get_logger
from services.registry.domain.spelling import RULES_VERSION
from services.registry.persistence.documents import PatientDocument
from services.registry.persistence.repositories import PatientRepository

_PATIENTS = PatientDocument.Settings.name
_log = get_logger(__name__)


class SearchKeys:
    """Nothing about a patient changes by it, so there is no event, no entry in the record and no new ETag."""

    def __init__(self, db: Database, repository: Callable[[], PatientRepository]) -> None:
        self._patients = db[_PATIENTS]
        self._repository = repository

    async def renew(self) -> int:
        """All clinics; returns how many patients that took. Safe to run at any time: what somebody else changes
        meanwhile has new keys already, what cannot be opened is logged and left."""
        total = 0
        async for raw in self._patients.find({"search.rules": {"$ne": RULES_VERSION}}, batch_size=100):
            try:
                keys = await self._repository().found_by(raw)
            except Undecryptable:  # somebody has to look at it; the others go on
                _log.error("field cannot be decrypted", collection=_PATIENTS, aggregate_id=raw["_id"])
                continue
            unchanged = {"_id": raw["_id"], "revision": raw["revision"]}
            total += (await self._patients.update_one(unchanged, {"$set": keys})).modified_count
        if total:
            _log.info("search keys renewed", count=total)
        return total
