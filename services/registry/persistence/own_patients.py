"""The kernel's directory of subjects, here where the subjects live: read from the patients themselves."""

from libs.common.mongo.database import Database
from libs.common.security.caller import Caller, Reach
from libs.common.subjects import Subject, SubjectDirectory
from services.registry.domain.errors import PatientUnknown
from services.registry.persistence.repositories import MongoAccessDirectory


class OwnPatients(SubjectDirectory):
    """Nothing is copied, asked for or remembered: a ward added a moment ago is in, a removed guardian is out."""

    def __init__(self, db: Database) -> None:
        self._access = MongoAccessDirectory(db)

    async def build_indexes(self) -> None:
        """They are the patients' own."""

    async def require(self, subject_id: str, caller: Caller) -> Subject:
        subject = await self._access.of_patient(subject_id)
        if subject is None or not subject.active or not _within_reach(subject, caller):
            raise PatientUnknown
        return subject

    async def of_account(self, account_id: str) -> dict[str, str]:
        return {subject.id: subject.clinic_id for subject in await self._access.of_account(account_id)}


def _within_reach(subject: Subject, caller: Caller) -> bool:
    if caller.kind == "account":
        return caller.id in subject.accounts
    return caller.reach is Reach.EVERYWHERE or subject.clinic_id in caller.clinic_ids()
